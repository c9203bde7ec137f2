"""``python -m bench``: measure, compare, write ``bench/latest.json``."""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from bench import edit, graph, idle, large, layer, logs, pages, parse, report, rounds, schedule, startup, triggers
from bench.place import Place, memory_folder, pair, place
from tests.support.servers import Redis

TOGETHER = {"rounds": rounds.measure, "large": large.measure, "schedule": schedule.measure, "edit": edit.measure}
"""Measured on one installation, beside raw Celery; ``rounds`` gives the hop that others are compared with."""

ALONE = {
    "parse": parse.measure,
    "layer": layer.measure,
    "startup": startup.measure,
    "idle": idle.measure,
    "triggers": triggers.measure,
    "graph": graph.measure,
    "logs": logs.measure,
    "pages": pages.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--only", choices=[*TOGETHER, *ALONE], action="append", help="rounds is added where needed")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; latest.json stays as it is")
    arguments = parser.parse_args()
    figures: report.Figures = {}
    failed = False
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder(), ignore_cleanup_errors=True) as name:
        redis = Redis(Path(name) / "redis")
        redis.start()
        try:
            for database in arguments.database or ["sqlite", "postgresql"]:
                with place(Path(name) / database, database, redis, arguments.quick) as where:
                    failed |= not _measure(where, arguments.only)
                    figures[database] = where.figures
        finally:
            redis.stop()
    print(report.table(figures, report.last_commits()))
    print(f"\nmeasured in {time.monotonic() - began:.0f} s; ! = the goal is not reached")
    if not arguments.quick:
        report.save(figures)
    return 1 if failed else 0


def _measure(where: Place, only: list[str] | None) -> bool:
    """Take every measurement that is wanted; one that fails is told and leaves the others alone."""
    together = {name: take for name, take in TOGETHER.items() if not only or name in only}
    if together.keys() & {"large", "schedule"}:
        together = {"rounds": rounds.measure} | together
    all_well = True
    if together:
        try:
            with pair(where) as both:
                for name, take in together.items():
                    all_well &= _take(where, name, lambda take=take: take(where, both))
        except Exception:
            traceback.print_exc()
            all_well = False
    for name, take_alone in ALONE.items():
        if not only or name in only:
            all_well &= _take(where, name, lambda take=take_alone: take(where))
    return all_well


def _take(where: Place, name: str, take: Callable[[], None]) -> bool:
    print(f"{where.database}: {name} ...", flush=True)
    try:
        take()
    except Exception:
        traceback.print_exc()
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
