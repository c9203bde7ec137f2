"""Faults one after another under load, each judged, with the seed that repeats the order."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import workload
from tests.faults.faults import FAULTS, Fault, Missed, Scene
from tests.faults.judge import check_invariants, judge, judge_backfills, wait_until_ended
from tests.support.ledger import Ledger
from tests.support.observer import Observer
from tests.support.servers import wait_for
from tests.support.standalone import Standalone

RUNS_END_SECONDS = 60


@dataclass
class Report:
    """``recoveries`` in seconds by fault; ``wrong`` is empty where every promise was kept."""

    seed: int
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    runs: int = 0
    attempts: int = 0
    late: int = 0
    backfills: int = 0

    def table(self) -> str:
        lines = [f"{'fault':42}{'count':>6}{'p50 s':>8}{'p95 s':>8}{'max s':>8}{'bounds':>10}"]
        for name, seconds in self.recoveries.items():
            ordered = sorted(seconds)
            p50, p95 = ordered[(len(ordered) - 1) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
            bounds = f"{FAULTS[name].p95:g}/{FAULTS[name].longest:g}"
            lines.append(f"{name:42}{len(ordered):6}{p50:8.2f}{p95:8.2f}{ordered[-1]:8.2f}{bounds:>10}")
        total = sum(map(len, self.recoveries.values()))
        lines.append(
            f"{total} faults, {self.runs} runs, {self.backfills} backfills, {self.attempts} attempts, {self.late} late results rejected"
        )
        return "\n".join(lines)


@contextlib.contextmanager
def under_load(engine: Standalone, seed: int, lease_seconds: float) -> Iterator[tuple[Scene, workload.Load]]:
    """A healthy installation with the workload going on."""
    ledger = Ledger(engine.folder / "ledger")
    workload.write(engine.dags_folder, ledger)
    engine.environment["ORCHESTRATOR_LEASE_SECONDS"] = str(lease_seconds)
    engine.environment["ORCHESTRATOR_HEARTBEAT_SECONDS"] = str(lease_seconds / 5)
    try:
        engine.start().wait_until_healthy()
        engine.wait_for_dags(*workload.DAGS)
        load = workload.Load(engine, seed)
        load.start()
        try:
            yield Scene(engine, Observer(engine.database_url), ledger, random.Random(seed), lease_seconds), load
        finally:
            load.stop()
    finally:
        engine.kill()


def run(engine: Standalone, names: Sequence[str], seed: int, *, lease_seconds: float = 10.0) -> Report:
    """Do the named faults in order; what broke a promise is in the report."""
    report = Report(seed)
    with under_load(engine, seed, lease_seconds) as (scene, load):
        for name in names:
            print(f"  {name} ...", end="", flush=True)
            took, wrong = _one(scene, FAULTS[name])
            report.recoveries.setdefault(name, []).append(took)
            report.wrong += [f"{name}: {each}" for each in wrong]
            print(f" {took:.2f} s{''.join('  ! ' + each for each in wrong)}", flush=True)
        load.stop()
        report.wrong += wait_until_ended(scene.observer, RUNS_END_SECONDS)
        verdict = judge(scene.observer, scene.ledger, [*load.accepted, *scene.runs])
        report.wrong += judge_backfills(scene.observer, load.backfills, RUNS_END_SECONDS)
        report.wrong += [*verdict.wrong, *check_invariants(engine)]
        report.runs, report.attempts, report.late = _runs(scene), verdict.attempts, verdict.late
        report.backfills = len(load.backfills)
    return report


def _one(scene: Scene, fault: Fault) -> tuple[float, list[str]]:
    """Do one fault at a random moment; return how long it took to recover, and what was wrong."""
    time.sleep(scene.random.uniform(0, 1.5))
    while True:
        try:
            done = fault.inject(scene)
            break
        except Missed:
            continue
    wrong = list(done.wrong)
    try:
        wait_for(done.is_over, 3 * fault.longest, "the recovery")
    except AssertionError as error:
        return time.monotonic() - done.began, [*wrong, str(error)]
    took = time.monotonic() - done.began
    if took > fault.longest:
        wrong.append(f"it took {took:.1f} s to recover, and {fault.longest:g} s is the bound")
    scene.engine.wait_until_healthy(60)
    wrong += wait_until_ended(scene.observer, RUNS_END_SECONDS)
    return took, wrong + check_invariants(scene.engine)


def _runs(scene: Scene) -> int:
    return int(scene.observer.one("SELECT count(*) FROM runs_app_dagrun"))


def order(seed: int, count: int, *, postgresql: bool) -> list[str]:
    """Choose ``count`` faults in random order, every kind as often as the others."""
    kinds = [name for name, fault in FAULTS.items() if postgresql or not fault.postgresql_only]
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    random.Random(seed).shuffle(chosen)
    return chosen


def fresh(folder: Path, database_url: str | None = None) -> Standalone:
    folder.mkdir(parents=True, exist_ok=True)
    return Standalone(folder, database_url=database_url)
