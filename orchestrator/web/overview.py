"""What a DAG's overview shows: how long its last runs took, and what failed lately with the end of its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from orchestrator.core.states import TaskState
from orchestrator.logs.store import key_for
from runs_app import logs
from runs_app.models import Attempt, DagRun, TaskInstance

RANGES = {
    "1h": gettext_lazy("1 hour"),
    "12h": gettext_lazy("12 hours"),
    "24h": gettext_lazy("24 hours"),
    "1w": gettext_lazy("1 week"),
    "30d": gettext_lazy("30 days"),
}
LENGTHS = {
    "1h": timedelta(hours=1),
    "12h": timedelta(hours=12),
    "24h": timedelta(days=1),
    "1w": timedelta(days=7),
    "30d": timedelta(days=30),
}
BARS = 60
WIDTH, HEIGHT, WIDEST = 1000, 130, 40
"""Of the chart, in its own units; the last is of a bar with its gap."""
LOG_LINES, LOG_BYTES = 14, 32 * 1024
FAILED = (TaskState.FAILED, TaskState.UPSTREAM_FAILED)


def chosen(request: HttpRequest) -> str:
    """The range that the query names; nonsense counts as not given."""
    found = request.GET.get("range", "24h")
    return found if found in RANGES else "24h"


@dataclass
class Bar:
    """One run of the chart: how long it waited and ran, and where it stands."""

    run: DagRun
    waited: float
    ran: float
    x: float = 0
    y: float = 0
    height: float = 0
    wait_y: float = 0
    wait_height: float = 0


@dataclass
class Chart:
    """The last runs, oldest first. ``median`` is of those that ended; ``ticks`` are (y, seconds)."""

    bars: list[Bar]
    step: float
    median: float | None
    median_y: float
    ticks: list[tuple[float, float]]

    @property
    def wide(self) -> float:
        """A bar without its gap."""
        return round(self.step * 0.74, 2)


def chart(runs: QuerySet[DagRun], now: datetime) -> Chart:
    """Return the duration chart of the newest runs; one query."""
    newest = list(runs.defer("conf").order_by("-run_after", "-pk")[:BARS])[::-1]
    bars = [_bar(run, now) for run in newest]
    ended = [bar.ran for bar in bars if bar.run.ended_at and bar.run.started_at]
    top = _round_up(max((bar.waited + bar.ran for bar in bars), default=0) or 1.0)
    scale, step = HEIGHT / top, round(min(WIDTH / max(len(bars), 1), WIDEST), 2)
    for number, bar in enumerate(bars):
        bar.x = round(number * step, 2)
        bar.height = round(max(bar.ran * scale, 2.0), 1)
        bar.y = round(HEIGHT - bar.height, 1)
        bar.wait_height = round(bar.waited * scale, 1)
        bar.wait_y = round(max(bar.y - bar.wait_height, 0), 1)
    middle = median(ended) if ended else None
    ticks = [(round(HEIGHT - share * top * scale, 1), share * top) for share in (0.5, 1)]
    return Chart(bars, step, middle, round(HEIGHT - (middle or 0) * scale, 1), ticks)


def _bar(run: DagRun, now: datetime) -> Bar:
    started = run.started_at or run.ended_at or now
    return Bar(
        run, max((started - run.queued_at).total_seconds(), 0), ((run.ended_at or now) - started).total_seconds()
    )


def _round_up(seconds: float) -> float:
    """The next number that is easy to read: 1, 2 or 5 times a power of ten; of minutes from one minute on."""
    unit = 3600 if seconds >= 3600 else 60 if seconds >= 60 else 1
    size = seconds / unit
    power = 10.0 ** (len(str(int(size))) - 1) if size >= 1 else 0.001
    while power * 10 <= size:
        power *= 10
    return unit * next(step * power for step in (1, 1.5, 2, 3, 5, 6, 7.5, 10) if step * power >= size)


@dataclass
class Failure:
    """The task instance that failed last, why, and the end of its log: (level, text) lines."""

    instance: TaskInstance
    attempt: Attempt | None
    lines: list[tuple[str, str]]


def last_failure(instances: QuerySet[TaskInstance]) -> Failure | None:
    """Return what failed last of these, with its log's end."""
    failed = instances.filter(state=TaskState.FAILED).select_related("run").order_by("-ended_at", "-pk").first()
    if failed is None:
        return None
    attempt = failed.attempts.order_by("-token").first()
    return Failure(failed, attempt, _tail(failed, attempt.token) if attempt else [])


def _tail(instance: TaskInstance, token: int) -> list[tuple[str, str]]:
    """The last lines of an attempt's log; they were masked before they were written."""
    key = key_for(instance.run_id, instance.pk, token)
    size = logs.store().size(key)
    data, _, _ = logs.store().read(key, max(size - LOG_BYTES, 0), LOG_BYTES)
    whole = data.splitlines()[1 if size > LOG_BYTES else 0 :]
    found: list[tuple[str, str]] = []
    for line in whole[-LOG_LINES:]:
        record = _record(line)
        found += [(str(record.get("level", "")), text) for text in str(record.get("event", "")).splitlines()]
    return found[-LOG_LINES:]


def _record(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"event": line.decode("utf-8", "replace")}
    return found if isinstance(found, dict) else {"event": str(found)}
