"""From an edit of a DAG file to the API showing it."""

from __future__ import annotations

import time

from bench import dags
from bench.place import Pair, Place
from bench.stats import median, percentile
from tests.support.servers import wait_for


def measure(where: Place, pair: Pair) -> None:
    engine = pair.engine
    dags.write_plain(engine.dags_folder, 1, "before")
    engine.wait_for_dags("plain_000")
    found: list[float] = []
    for number in range(6 if where.quick else 20):
        text = f"edit {number}"
        began = time.monotonic()
        dags.write_plain(engine.dags_folder, 1, text)
        wait_for(lambda text=text: engine.get("/api/v2/dags/plain_000")["description"] == text, 30, "the edit showing")
        found.append(time.monotonic() - began)
    where.set("edit_seen_p50_s", median(found))
    where.set("edit_seen_s", percentile(found, 0.95))
