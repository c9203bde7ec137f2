"""What a rule is, and the pieces of SQL that rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from orchestrator.core.states import FINISHED, RUN_FINISHED, UNFINISHED


@dataclass(frozen=True, slots=True)
class Rule:
    """``sql`` yields one text a broken row; ``{since}`` narrows it to task instances (t) changed lately."""

    name: str
    says: str
    sql: str
    values: Callable[[datetime], Sequence[Any]] = lambda now: ()
    liveness: bool = False


def words(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


ENDED, OPEN = words(FINISHED), words(UNFINISHED)
RUN_ENDED = words(RUN_FINISHED)
TI = "runs_app_taskinstance"
NAMED = "t.dag_id || '.' || t.task_id || '[' || t.map_index || '] of run ' || t.run_id"
BUSY = (
    "(SELECT t.pool, t.pool_slots, t.run_id, t.dag_id, t.task_id, t.state FROM runs_app_taskinstance t "
    "WHERE t.state IN ('running', 'deferred'))"
)


def before(seconds: float) -> Callable[[datetime], Sequence[Any]]:
    return lambda now: [now - timedelta(seconds=seconds)]


def lease(now: datetime) -> Sequence[Any]:
    return [now - timedelta(seconds=settings.ORCH.lease_seconds + 3)]
