"""Why a DAG that is scheduled on assets ran, or did not yet: which assets changed when, and what it waited for after each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min
from django.http import HttpRequest

from dags_app.asset_lookup import known, known_of
from dags_app.asset_sync import expression_of
from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator import access
from orchestrator.core.assets import Known
from orchestrator.core.evaluation import remaining, steps, words
from orchestrator.core.states import RUN_UNFINISHED, RunType
from runs_app.models import DagRun, QueuedEvent, UnreadEvent

from .paging import Chunk

PER_PAGE = 25


@dataclass
class Change:
    """One asset that changed before a run, or since the last one."""

    pk: int
    name: str
    uri: str
    first: datetime
    last: datetime
    count: int
    missing: str = ""  # what was waited for after its first event
    is_reason: bool = False  # with it the condition held


@dataclass
class Evaluation:
    """What led to one run, or will lead to the next one."""

    condition: str
    changes: list[Change] = field(default_factory=list)
    missing: str = ""
    run: DagRun | None = None
    unread: int = 0  # events that came while the DAG was paused, or for partitions
    is_full: bool = False  # the condition holds, and max_active_runs leaves no room

    @property
    def waited(self) -> timedelta | None:
        """From the first change to the one with which the condition held."""
        held = next((each.first for each in self.changes if each.is_reason), None)
        return held - self.changes[0].first if held is not None else None


def ahead(user: Any, dag: Dag) -> Evaluation | None:
    """How far a DAG is towards its next run on assets; None where it is not scheduled on any."""
    expression = dag.asset_expression
    if expression is None:
        return None
    counts = dict(UnreadEvent.objects.filter(dag=dag).values_list("event__asset").annotate(n=Count("pk")).order_by())
    rows = QueuedEvent.objects.filter(dag=dag).order_by("created_at", "pk")
    columns = ("asset_id", "asset__name", "asset__uri", "created_at", "touched_at")
    changes = [Change(*row, count=counts.get(row[0], 1)) for row in rows.values_list(*columns)]
    found = Evaluation(words(expression), changes, unread=sum(counts.values()))
    ready = known(expression, {(each.name, each.uri) for each in changes})
    rest = remaining(expression, ready)
    found.missing = words(rest) if rest is not None else ""
    if not dag.is_partitioned:
        _stepwise(found, expression, ready)
        active = access.visible_runs(user).filter(dag=dag, state__in=RUN_UNFINISHED).exclude(run_type=RunType.BACKFILL)
        found.is_full = rest is None and active.count() >= dag.max_active_runs
    return found


def past(request: HttpRequest, dag: Dag) -> tuple[Chunk, list[Evaluation]]:
    """A page of the DAG's runs on assets, the newest first, with what led to each."""
    runs = access.visible_runs(request.user).filter(dag=dag, run_type=RunType.ASSET_TRIGGERED)
    chunk = Chunk(request, runs.defer("conf").order_by("-run_after", "-pk"), PER_PAGE)
    return chunk, of_runs(request.user, dag, chunk.rows)


def of_runs(user: Any, dag: Dag, runs: Iterable[DagRun]) -> list[Evaluation]:
    """What led to each of these runs of a DAG on assets; as few queries for many as for one."""
    made = list(runs)
    changes: dict[int, list[Change]] = defaultdict(list)
    events = access.visible_asset_events(user).filter(runs__in=[run.pk for run in made])
    rows = events.values_list("runs", "asset_id", "asset__name", "asset__uri")
    rows = rows.annotate(first=Min("timestamp"), last=Max("timestamp"), count=Count("pk"))
    for run_pk, *row in rows.order_by("first", "asset__name"):
        changes[run_pk].append(Change(*row))
    expressions = {run.version_id: expression_of(load_spec(run.version_id)) for run in made}
    # References and aliases are looked up as they are now, and once for all runs.
    names = known_of([each for each in expressions.values() if each], set())
    found = []
    for run in made:
        expression = expressions[run.version_id]
        each = Evaluation(words(expression) if expression else "", changes[run.pk], run=run)
        if expression and not dag.is_partitioned:
            _stepwise(each, expression, names)
        found.append(each)
    return found


def _stepwise(found: Evaluation, expression: Any, names: Known) -> None:
    """Say of each change what was waited for after it."""
    held = False
    order = [((each.name, each.uri), each.first) for each in found.changes]
    by_key = {(each.name, each.uri): each for each in found.changes}
    for step in steps(expression, order, names):
        change = by_key[step.key]
        change.missing = step.missing
        change.is_reason = not step.missing and not held
        held = held or not step.missing
