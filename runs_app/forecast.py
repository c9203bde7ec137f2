"""When runs under way will end: reads how they stand, :mod:`orchestrator.core.forecast` tells the rest.

Asked for by pages, never by the engine. What was told is kept for a moment, the longer the more it cost, so that many
open pages of a large run ask no more than a small share of one processor.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dags_app.versions import load_spec
from orchestrator.core.forecast import LEAST_RUNS, MOST_STEPS, Forecast, forecast
from orchestrator.core.states import RunState

from . import durations, standing
from .models import DagRun, Deadline

LEAST_KEPT, FACTOR = 2.0, 20.0
"""Seconds for which an answer is kept at least, and how many times longer than it took."""
MOST_KEPT = 500
MOST_WORK = 80_000
"""Steps of all earlier runs that are lived through for one answer: a second or less."""
MOST_DEADLINES = 200
LEAST_LEARNED = 10
"""Earlier runs of a large DAG: enough that nine of ten is one of them."""


@dataclass(frozen=True, slots=True)
class Late:
    """A deadline that will be missed, or where ``is_sure`` is off only may be; ``seconds``: by about so much."""

    name: str | None
    task_id: str
    at: datetime
    seconds: float
    is_sure: bool
    is_timeout: bool = False  # the run will be ended then


@dataclass(frozen=True, slots=True)
class Told:
    """By when half, and nine of ten, of such runs have ended; where there is no such time, ``reason`` says why."""

    half: datetime | None = None
    most: datetime | None = None
    runs: int = 0
    reason: str = ""
    lates: tuple[Late, ...] = ()
    is_first: bool = False  # no earlier run has succeeded

    @property
    def worst(self) -> Late | None:
        """The deadline that is missed by most, of those that are rather sure."""
        return max(self.lates, key=lambda each: (each.is_sure, each.seconds), default=None)


def of_run(run: DagRun, now: datetime) -> Told:
    """Return when a running run will end."""
    return of_runs([run], now)[run.pk]


def of_runs(runs: Sequence[DagRun], now: datetime, budget: float | None = None) -> dict[int, Told]:
    """Return when each of these runs will end; as many statements for all of them as for one.

    With a ``budget`` of seconds, runs that it does not reach are left out, the last ones first.
    """
    found = {run.pk: told for run in runs if (told := _kept.get(run.pk, now)) is not None}
    asked = [run for run in runs if run.pk not in found]
    for run in asked:
        if run.state != RunState.RUNNING:
            found[run.pk] = Told(reason="it is not running")
    asked = [run for run in asked if run.pk not in found]
    if asked:
        found |= _tell(asked, now, budget)
    return found


def _tell(runs: Sequence[DagRun], now: datetime, budget: float | None) -> dict[int, Told]:
    began = start = time.perf_counter()
    past = durations.of_dags({run.dag_id: len(load_spec(run.version_id).tasks) for run in runs})
    able = [run for run in runs if len(past[run.dag_id]) >= LEAST_RUNS]
    around = standing.around(able, now) if able else None
    read = (time.perf_counter() - began) / len(runs)
    deadlines: dict[int, list[Deadline]] = {}
    for each in Deadline.objects.filter(run__in=[run.pk for run in able], missed=False).order_by("deadline_time")[
        : MOST_DEADLINES * len(runs)
    ]:
        deadlines.setdefault(each.run_id, []).append(each)
    found = {}
    for run in runs:
        began = time.perf_counter()
        if found and budget is not None and began - start > budget:
            break
        if around is None or len(past[run.dag_id]) < LEAST_RUNS:
            count = len(past[run.dag_id])
            told = Told(runs=count, reason=_too_few(count), is_first=not count)
        else:
            told = _told(run, around, past[run.dag_id], deadlines.get(run.pk, []), now)
        _kept.put(run.pk, told, now, read + time.perf_counter() - began)
        found[run.pk] = told
    return found


def _too_few(count: int) -> str:
    if not count:
        return "no run of this DAG has succeeded yet"
    return f"only {count} run{'s' if count > 1 else ''} of this DAG succeeded so far, {LEAST_RUNS} are needed"


def _told(
    run: DagRun, around: standing.Around, past: Sequence[durations.Past], deadlines: Sequence[Deadline], now: datetime
) -> Told:
    spec = load_spec(run.version_id)
    scene, reason = around.scene(run, spec)
    if reason:
        return Told(reason=reason)
    pieces = sum(min(left.waiting, MOST_STEPS) + len(left.begun) + len(left.parked) for left in scene.left.values())
    learned = past[: max(LEAST_LEARNED, MOST_WORK // max(pieces + len(scene.others), 1))]
    asked = {each.task_id for each in deadlines if each.task_id}
    found = forecast(scene, learned, asked)
    if found is None:
        return Told(reason="most of what is left has never run before, or finds no place as things are")
    half, most = now + timedelta(seconds=found.half), now + timedelta(seconds=found.most)
    return Told(half, most, found.runs, lates=tuple(_lates(run, found, deadlines, now)))


def _lates(run: DagRun, found: Forecast, deadlines: Sequence[Deadline], now: datetime) -> Iterable[Late]:
    for each in deadlines:
        ends = found.tasks.get(each.task_id) if each.task_id else (found.half, found.most)
        if ends is not None and (late := _late(each.name, each.task_id, each.deadline_time, ends, now)):
            yield late
    if run.timeout_at is not None and (late := _late(None, "", run.timeout_at, (found.half, found.most), now, True)):
        yield late


def _late(
    name: str | None, task_id: str, at: datetime, ends: tuple[float, float], now: datetime, is_timeout: bool = False
) -> Late | None:
    room = (at - now).total_seconds()
    if ends[1] <= room:
        return None
    is_sure = ends[0] > room
    return Late(name, task_id, at, (ends[0] if is_sure else ends[1]) - room, is_sure, is_timeout)


class _Kept:
    """What was told lately."""

    def __init__(self) -> None:
        self.found: OrderedDict[int, tuple[datetime, Told]] = OrderedDict()

    def get(self, run_pk: int, now: datetime) -> Told | None:
        until, told = self.found.get(run_pk, (now, Told()))
        return told if now < until else None

    def put(self, run_pk: int, told: Told, now: datetime, cost: float) -> None:
        self.found[run_pk] = (now + timedelta(seconds=max(LEAST_KEPT, cost * FACTOR)), told)
        self.found.move_to_end(run_pk)
        while len(self.found) > MOST_KEPT:
            self.found.popitem(last=False)


_kept = _Kept()


def forget() -> None:
    """Forget what is kept, of earlier runs too."""
    _kept.found.clear()
    durations.forget()
