"""DAGs that ran elsewhere before: each goes on here where it stood there, paused or not, and runs nothing again."""

from __future__ import annotations

import logging
from datetime import datetime

from orchestrator.core.spec import DagSpec
from orchestrator.core.timetables import DataInterval, Restriction, TimetableError, from_json

from . import schedule
from .models import Dag, TakenOver
from .versions import load_spec

log = logging.getLogger(__name__)


def use(dag: Dag, now: datetime, spec: DagSpec | None = None, *, is_new: bool = False) -> bool:
    """Save on ``dag`` where its schedule goes on, and its plan; return whether there was something to use.

    The interval counts as that of a run that was left out, so that the next one follows it; one that is behind what ran
    here changes nothing. The pause is set where the DAG ``is_new``; else it is for whoever may act.
    """
    note = TakenOver.objects.filter(pk=dag.pk, used_at__isnull=True).first()
    if note is None:
        return False
    TakenOver.objects.filter(pk=dag.pk).update(used_at=now)
    spec = spec if spec is not None else load_spec(dag.version_id)  # type: ignore[arg-type]
    if note.interval_start is not None:
        interval = DataInterval(note.interval_start, note.interval_end or _end(spec, note.interval_start))
        if dag.dropped_end is None or interval.end > dag.dropped_end:
            dag.dropped_start, dag.dropped_end = interval.start, interval.end
    schedule.plan(dag, now, schedule.last_interval(dag), spec)
    if is_new and note.is_paused is not None:
        dag.is_paused = note.is_paused
    dag.save(update_fields=["is_paused", "dropped_start", "dropped_end", *schedule.PLANNED])
    return True


def _end(spec: DagSpec, start: datetime) -> datetime:
    """Where an interval ended of which only the start is known: Airflow 2.1 and earlier stored no more."""
    try:
        following = from_json(dict(spec.timetable)).next_run(
            last=DataInterval(start, start), restriction=Restriction(None, None, True), now=start
        )
    except (TimetableError, ValueError) as error:
        log.warning("interval_unknown dag=%s error=%s", spec.dag_id, error)
        following = None
    return following.interval.end if following is not None else start
