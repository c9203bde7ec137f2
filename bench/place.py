"""Where one database's figures are measured: its services, its homes, and the two that are compared."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import dags
from bench.raw_celery import SLOTS, RawCelery
from bench.stamps import Stamps
from bench.stats import median
from tests.support.servers import Postgres, Redis
from tests.support.standalone import Standalone


@dataclass
class Place:
    """``figures`` is what the measurements leave: keys of the table, and the absolute figures behind them."""

    folder: Path
    database: str
    postgres: Postgres | None
    redis_url: str
    quick: bool = False
    figures: dict[str, float] = field(default_factory=dict)
    hops: list[float] = field(default_factory=list)

    def home(self, name: str, *, own_redis: bool = False, **environment: str) -> Standalone:
        """Return an installation of its own, not yet started."""
        folder = self.folder / name
        folder.mkdir()
        return Standalone(
            folder,
            database_url=self.postgres.create_database(f"bench_{name}") if self.postgres is not None else None,
            redis_url=None if own_redis else self.redis_url,
            **environment,
        )

    def set(self, key: str, value: float) -> None:
        self.figures[key] = value

    def beside_the_hop(self, key: str, seconds: float) -> None:
        """Note a time as a multiple of raw Celery's hop, measured in the same run."""
        self.set(key, seconds * 1000 / self.figures["celery_hop_p50_ms"])


@dataclass
class Pair:
    """The measured installation and raw Celery, both running on one Redis."""

    engine: Standalone
    stamps: Stamps
    celery: RawCelery


@contextmanager
def place(folder: Path, database: str, redis: Redis, quick: bool) -> Iterator[Place]:
    """``redis`` is the same for all: raw Celery's connections are kept from one place to the next."""
    folder.mkdir()
    postgres = Postgres(folder / "postgres") if database == "postgresql" else None
    redis.flush()
    try:
        if postgres is not None:
            postgres.start()
        made = Place(folder, database, postgres, redis.url, quick)
        made.set("commit_on_disk_p50_ms", commit_on_disk() * 1000)
        yield made
    finally:
        if postgres is not None:
            postgres.stop()


def memory_folder() -> str | None:
    """Return where files stay in memory. What a durable commit waits for there is the software, as it is in Celery's case,
    whose Redis keeps nothing; what the disk adds to each commit is told beside it."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30 else None


def commit_on_disk() -> float:
    """Return the seconds one durable append of a page takes on the disk of temporary files."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(30):
            began = time.monotonic()
            file.write(b"x" * 8192)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - began)
    return median(took)


@contextmanager
def pair(where: Place) -> Iterator[Pair]:
    engine = where.home("engine", ORCHESTRATOR_SLOTS=str(SLOTS))  # as many as raw Celery has processes
    stamps = Stamps(where.folder / "times")
    dags.write_measured(engine.dags_folder, stamps.path, where.quick)
    celery = RawCelery(where.folder, where.redis_url)
    try:
        engine.start().wait_until_healthy()
        engine.wait_for_dags(
            "bench_chain", "bench_one", "bench_fan", "bench_empty", "bench_clock", "bench_mapped", "bench_deep"
        )
        celery.start()
        yield Pair(engine, stamps, celery)
    finally:
        celery.stop()
        engine.stop()
