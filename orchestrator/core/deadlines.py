"""By when a run is needed: a reference, and an interval after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

LOGICAL_DATE = "DagRunLogicalDateDeadline"
QUEUED_AT = "DagRunQueuedAtDeadline"
FIXED = "FixedDatetimeDeadline"
AVERAGE = "AverageRuntimeDeadline"
REFERENCES = frozenset({LOGICAL_DATE, QUEUED_AT, FIXED, AVERAGE})
"""Airflow's names for what an interval may start from."""


def need_by(
    reference: Mapping[str, Any],
    interval: timedelta,
    *,
    logical_date: datetime | None,
    queued_at: datetime,
    now: datetime,
    durations: Sequence[float] = (),
) -> datetime | None:
    """Return the deadline; None where the run has none: it lacks a logical date, or there are too few runs to average.

    ``durations``: seconds that the DAG's last ended runs took, newest first.
    """
    kind = reference["reference_type"]
    start: datetime | None
    if kind == LOGICAL_DATE:
        start = logical_date
    elif kind == QUEUED_AT:
        start = queued_at
    elif kind == FIXED:
        start = datetime.fromtimestamp(reference["datetime"], UTC)
    else:
        taken = list(durations)[: reference["max_runs"]]
        enough = len(taken) >= reference["min_runs"]
        start = now + timedelta(seconds=sum(taken) / len(taken)) if enough else None
    return start + interval if start is not None else None
