"""Where one database's figures are measured: its services, its homes, and the two that are compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import dags
from bench.raw_celery import RawCelery
from bench.stamps import Stamps
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
def place(folder: Path, database: str, quick: bool) -> Iterator[Place]:
    folder.mkdir()
    redis = Redis(folder / "redis")
    postgres = Postgres(folder / "postgres") if database == "postgresql" else None
    redis_url = redis.start()
    try:
        if postgres is not None:
            postgres.start()
        yield Place(folder, database, postgres, redis_url, quick)
    finally:
        if postgres is not None:
            postgres.stop()
        redis.stop()


@contextmanager
def pair(where: Place) -> Iterator[Pair]:
    engine = where.home("engine")
    stamps = Stamps(where.folder / "times")
    dags.write_measured(engine.dags_folder, stamps.path)
    celery = RawCelery(where.folder, where.redis_url)
    try:
        engine.start().wait_until_healthy()
        engine.wait_for_dags("bench_chain", "bench_one", "bench_fan", "bench_empty", "bench_clock")
        celery.start()
        yield Pair(engine, stamps, celery)
    finally:
        celery.stop()
        engine.stop()
