"""A few faults of each campaign in every test run; ``make test-faults`` does them all, often, on both databases."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.faults import campaign
from tests.support.servers import Postgres

SELECTION = [
    "task child killed",
    "worker killed",
    "Redis killed",
    "beat killed",
    "triggerer killed",
    "worker frozen past its lease",
]


def test_nothing_is_lost_or_done_twice_when_processes_die_under_load(tmp_path_factory) -> None:
    folder: Path = tmp_path_factory.mktemp("f")
    seed = random.randrange(1 << 30)
    order = random.Random(seed).sample(SELECTION, len(SELECTION))
    postgres = Postgres(folder / "postgres") if os.environ.get("TEST_DATABASE") == "postgresql" else None
    try:
        if postgres is not None:
            postgres.start()
        url = postgres.create_database("faults") if postgres is not None else None
        report = campaign.run(campaign.fresh(folder, url), order, seed, lease_seconds=3.0)
    finally:
        if postgres is not None:
            postgres.stop()
    assert report.wrong == [], f"seed {seed}\n{report.table()}"
