"""What code of a task or trigger may ask for, answered by the process that owns the database connection.

An attempt may read the XComs, states and runs of any DAG (as in Airflow), and the connections and
variables it names. What it was told of secrets is remembered, so that its log can be masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from dags_app import lookup, secrets
from dags_app.versions import load_spec
from orchestrator.core.graph import tasks_inside
from orchestrator.core.states import RunState, RunType, as_airflow, from_airflow
from orchestrator.logs.mask import Masker, is_secret_name, secret_values

from . import asset_answers, dates, hitl, reads, run_answers, store_answers
from .exceptions import DagRunAlreadyExists, DagRunNotFound, OrchestratorError
from .locking import fetch, moment
from .models import DagRun, HITLDetail, TaskInstance, XCom
from .run_answers import RUN_TEXTS, RUN_TIMES

Json = Any
MOST_AT_ONCE = 1000
"""XComs in one answer about a mapped task: its process asks again for the rest."""


class Refused(Exception):
    """The question cannot be answered; the message is what the asker's code sees."""


@dataclass(slots=True)
class Scope:
    """Who asks: one task instance of one run."""

    dag_id: str
    run_pk: int
    run_id: str
    task_id: str | None = None
    map_index: int = -1
    logical_date: datetime | None = None
    run_after: datetime | None = None
    token: int = 0
    manual_counts: bool = True  # a manual run may be the run before
    own_xcoms: dict[str, tuple[Json, Json]] = field(default_factory=dict)  # pushed, not written yet
    secrets: set[str] = field(default_factory=set)  # values that its log must not show


def answer(scope: Scope, what: str, args: dict[str, Json]) -> Json:
    """Answer one question of :func:`orchestrator.sdk.comms.ask`.

    Raises:
        Refused: it is no question we know, its arguments are not such, or what it names is not there.
    """
    asked = ANSWERS.get(what)
    if asked is None:
        raise Refused(f"{what!r} is not a question that can be asked")
    try:
        return asked(scope, **args)
    except (TypeError, ValueError, OrchestratorError, secrets.SecretError) as error:
        raise Refused(f"{what}: {error}") from error


# ---- XComs


def _xcom(
    scope: Scope,
    task_ids: list[str],
    key: str | None,
    map_indexes: Json = None,
    dag_id: str | None = None,
    run_id: str | None = None,
    include_prior_dates: bool = False,
    within: Json = None,
) -> list[Json]:
    """``within``: the first and last map index of a branch."""
    rows = _within(_xcoms(scope, dag_id, run_id, include_prior_dates).filter(task_id__in=task_ids), within)
    if key is not None:
        rows = rows.filter(key=key)
    if isinstance(map_indexes, int):
        rows = rows.filter(map_index=map_indexes)
    elif map_indexes is not None:
        rows = rows.filter(map_index__in=list(map_indexes))
    order = {task_id: place for place, task_id in enumerate(task_ids)}
    found: dict[tuple[str, int, str], Json] = {}
    # Newest run first; of each value only the newest counts.
    for row in rows.order_by("-run__run_after", "-run_id", "map_index").values("task_id", "map_index", "key", "value"):
        found.setdefault((row["task_id"], row["map_index"], row["key"]), row["value"])
    if run_id in (None, scope.run_id) and dag_id in (None, scope.dag_id) and scope.task_id in order:
        for name, (value, _) in scope.own_xcoms.items():
            if key in (None, name) and _wanted(scope.map_index, map_indexes):
                found[scope.task_id or "", scope.map_index, name] = value
    entries = [{"task_id": task, "map_index": index, "value": value} for (task, index, _), value in found.items()]
    return sorted(entries, key=lambda each: (order[each["task_id"]], each["map_index"]))


def _latest_xcom(
    scope: Scope,
    key: str | None,
    dag_id: str | None = None,
    run_id: str | None = None,
    include_prior_dates: bool = False,
) -> Json:
    """What any task pushed last under a key: XComs without an id of a task, in files of Airflow 1 and 2."""
    rows = _xcoms(scope, dag_id, run_id, include_prior_dates)
    rows = rows if key is None else rows.filter(key=key)
    return rows.order_by("-run__run_after", "-timestamp", "-pk").values("value").first()


def _wanted(map_index: int, map_indexes: Json) -> bool:
    if map_indexes is None:
        return True
    return map_index == map_indexes if isinstance(map_indexes, int) else map_index in map_indexes


def _xcoms(scope: Scope, dag_id: str | None, run_id: str | None, prior: bool) -> QuerySet[XCom]:
    dag_id = dag_id or scope.dag_id
    if run_id is None and dag_id == scope.dag_id and not prior:
        return XCom.objects.filter(run_id=scope.run_pk)
    if run_id is not None:
        return XCom.objects.filter(run__dag_id=dag_id, run__run_id=run_id)
    rows = XCom.objects.filter(run__dag_id=dag_id)
    if prior and scope.logical_date is not None:
        return rows.filter(run__logical_date__lte=scope.logical_date)
    return rows.filter(run__logical_date=scope.logical_date) if scope.logical_date else rows.none()


def _within(rows: QuerySet[XCom], within: Json) -> QuerySet[XCom]:
    return rows if within is None else rows.filter(map_index__range=(int(within[0]), int(within[1])))


def _mapped(scope: Scope, task_id: str, key: str, within: Json) -> QuerySet[XCom]:
    rows = XCom.objects.filter(run_id=scope.run_pk, task_id=task_id, key=key, map_index__gte=0)
    return _within(rows, within)


def _xcom_length(scope: Scope, task_id: str, key: str, within: Json = None) -> int:
    return _mapped(scope, task_id, key, within).count()


def _xcom_range(scope: Scope, task_id: str, key: str, offset: int, count: int, within: Json = None) -> list[Json]:
    rows = _mapped(scope, task_id, key, within).order_by("map_index")
    return list(rows.values_list("value", flat=True)[offset : offset + min(count, MOST_AT_ONCE)])


def _push_xcom(scope: Scope, key: str, value: Json, length: Json) -> None:
    scope.own_xcoms[key] = (value, length)


def _map_length(scope: Scope, task_id: str) -> int:
    return TaskInstance.objects.filter(run_id=scope.run_pk, task_id=task_id, map_index__gte=0).count()


# ---- connections and variables


def _connection(scope: Scope, conn_id: str) -> Json:
    found = lookup.of_tasks.connection(conn_id)
    if found is None:
        return None
    scope.secrets.update(secret_values(found))
    reads.of_this_process.note("connection", conn_id, scope.dag_id, scope.task_id, timezone.now())
    return found


def _variable(scope: Scope, key: str) -> Json:
    value = lookup.of_tasks.variable(key)
    if value is None:
        return None
    if is_secret_name(key):
        scope.secrets.add(value)
    reads.of_this_process.note("variable", key, scope.dag_id, scope.task_id, timezone.now())
    return {"value": value}


def _mask_secret(scope: Scope, value: Json, name: str | None = None) -> None:
    """As in Airflow: a text without a name is secret, one under a name where the name says so."""
    if isinstance(value, list):
        for each in value:
            _mask_secret(scope, each, name)
    elif isinstance(value, dict):
        scope.secrets.update(secret_values(value, name or ""))
    elif isinstance(value, str) and value and (name is None or is_secret_name(name)):
        scope.secrets.add(value)


def _set_variable(scope: Scope, key: str, value: str, description: str | None = None) -> None:
    secrets.set_variable(key, value, description)


def _delete_variable(scope: Scope, key: str) -> bool:
    return secrets.delete_variable(key)


# ---- people


def _ask_people(scope: Scope, **question: Json) -> int:
    masked = Masker(scope.secrets).mask
    for name in ("subject", "body"):
        if isinstance(question.get(name), str):
            question[name] = masked(question[name])
    instance = (scope.run_pk, scope.task_id, scope.map_index)
    return hitl.ask(instance, scope.token, question, timezone.now())


def _answer_link(scope: Scope, user: str, answer: Json = None) -> str:
    """A link by which ``user`` answers what the asking attempt asked."""
    from . import answer_links

    asked = HITLDetail.objects.filter(
        task_instance__run_id=scope.run_pk,
        task_instance__task_id=scope.task_id,
        task_instance__map_index=scope.map_index,
        token=scope.token,
    ).first()
    if asked is None:
        raise Refused("a link to answer by can be made once the question is asked: in a notifier of the operator")
    return answer_links.link(asked, user, answer or {})


# ---- runs and task instances


def _previous_run(scope: Scope, state: str | None = None) -> Json:
    rows = DagRun.objects.filter(dag_id=scope.dag_id)
    if scope.logical_date is not None:
        rows = rows.filter(logical_date__lt=scope.logical_date).order_by("-logical_date")
    else:
        rows = rows.filter(run_after__lt=scope.run_after).exclude(pk=scope.run_pk).order_by("-run_after")
    if not scope.manual_counts:
        rows = rows.filter(run_type__in=dates.REGULAR)
    if state is not None:
        rows = rows.filter(state=state)
    run_pk = rows.values_list("pk", flat=True).first()
    return None if run_pk is None else run_json(run_pk)


_NUMBER = "(SELECT v.version_number FROM dags_app_dagversion v WHERE v.id = version_id)"
_RUN_COLUMNS = ", ".join((*RUN_TEXTS, "conf", *RUN_TIMES.values(), _NUMBER, "version_id"))


def run_json(run_pk: int) -> Json:
    """A run as task code sees it: times as ISO texts. On the way of each attempt to its start, so without the ORM.

    Raises:
        DagRunNotFound: it was deleted.
    """
    rows = fetch(f"SELECT {_RUN_COLUMNS} FROM runs_app_dagrun WHERE id = %s", [run_pk])
    if not rows:
        raise DagRunNotFound(run_pk)
    texts, conf, times = rows[0][: len(RUN_TEXTS)], rows[0][len(RUN_TEXTS)], rows[0][len(RUN_TEXTS) + 1 : -2]
    found: dict[str, Json] = dict(zip(RUN_TEXTS, texts, strict=True))
    found["conf"] = json.loads(conf) if isinstance(conf, str) else conf
    for name, value in zip(RUN_TIMES, times, strict=True):
        at = moment(value)
        found[name] = at.isoformat() if at is not None else None
    found["version_number"] = rows[0][-2]
    if dates.are_as_scheduled(load_spec(rows[0][-1])):
        found["manual_counts"] = False
        if found["run_type"] in dates.MANUAL:
            found["key_date"] = found["data_interval_start"]
    return found


def _trigger_dag(
    scope: Scope,
    dag_id: str,
    conf: Json = None,
    run_id: str | None = None,
    logical_date: str | None = None,
    note: str | None = None,
    reset: bool = False,
    run_after: str | None = None,
) -> Json:
    """Make a run; an attempt that was lost and asks again gets the run that it made before."""
    from . import actions

    if reset and run_id is not None:
        run = DagRun.objects.filter(dag_id=dag_id, run_id=run_id).first()
        if run is not None:
            actions.clear(run.pk)
            return {"run_id": run.run_id}
    try:
        run = actions.trigger_dag(
            dag_id,
            conf=conf,
            run_id=run_id,
            logical_date=datetime.fromisoformat(logical_date) if logical_date else None,
            run_after=datetime.fromisoformat(run_after) if run_after else None,
            note=note,
            triggered_by="operator",
            run_type=RunType.OPERATOR_TRIGGERED,
        )
    except DagRunAlreadyExists as error:
        return {"error": "already_exists", "message": str(error)}
    return {"run_id": run.run_id}


def _dag_run(scope: Scope, dag_id: str, run_id: str) -> Json:
    pk = DagRun.objects.filter(dag_id=dag_id, run_id=run_id).values_list("pk", flat=True).first()
    return None if pk is None else run_json(pk)


def _run_state(scope: Scope, dag_id: str, run_id: str) -> str | None:
    state = DagRun.objects.filter(dag_id=dag_id, run_id=run_id).values_list("state", flat=True).first()
    return as_airflow(state) if state else None


def _runs(dag_id: str, logical_dates: Json, run_ids: Json) -> Q:
    chosen = Q(dag_id=dag_id)
    if logical_dates:
        chosen &= Q(logical_date__in=[datetime.fromisoformat(each) for each in logical_dates])
    if run_ids:
        chosen &= Q(run_id__in=run_ids)
    return chosen


def _dag_runs_count(
    scope: Scope, dag_id: str, logical_dates: Json = None, run_ids: Json = None, states: Json = None
) -> int:
    rows = DagRun.objects.filter(_runs(dag_id, logical_dates, run_ids))
    return rows.filter(state__in=_known(states)).count() if states else rows.count()


def _instances(
    dag_id: str, logical_dates: Json, run_ids: Json, task_ids: Json, task_group_id: str | None, map_index: int | None
) -> QuerySet[TaskInstance]:
    """Task instances of these runs; those of a group are found in the version of each run."""
    runs = DagRun.objects.filter(_runs(dag_id, logical_dates, run_ids))
    rows = TaskInstance.objects.filter(run__in=runs)
    if task_group_id is not None:
        members: set[str] = set()
        for version_pk in runs.values_list("version_id", flat=True).distinct():
            members |= tasks_inside(load_spec(version_pk), task_group_id)
        rows = rows.filter(task_id__in=members)
    if task_ids:
        rows = rows.filter(task_id__in=task_ids)
    return rows if map_index is None else rows.filter(map_index=map_index)


def _ti_count(
    scope: Scope,
    dag_id: str,
    logical_dates: Json = None,
    run_ids: Json = None,
    task_ids: Json = None,
    task_group_id: str | None = None,
    states: Json = None,
    map_index: int | None = None,
) -> int:
    rows = _instances(dag_id, logical_dates, run_ids, task_ids, task_group_id, map_index)
    return rows.filter(state__in=_known(states)).count() if states else rows.count()


def _known(states: Iterable[str]) -> list[str]:
    """The states that tasks mean by the words of Airflow's enums."""
    return [each for state in states for each in from_airflow(state)]


def _task_states(
    scope: Scope,
    dag_id: str,
    logical_dates: Json = None,
    run_ids: Json = None,
    task_ids: Json = None,
    task_group_id: str | None = None,
    map_index: int | None = None,
) -> Json:
    """Run id -> task id (with ``_index`` where it is mapped) -> state."""
    rows = _instances(dag_id, logical_dates, run_ids, task_ids, task_group_id, map_index)
    found: dict[str, dict[str, str]] = {}
    for run_id, task_id, index, state in rows.values_list("run__run_id", "task_id", "map_index", "state"):
        found.setdefault(run_id, {})[task_id if index < 0 else f"{task_id}_{index}"] = as_airflow(state)
    return found


def _dag_state(scope: Scope, dag_id: str, task_ids: Json = None, task_group_id: str | None = None) -> Json:
    """What a task may know of another DAG: whether it is there and paused, its active runs, and which of these
    tasks and groups its newest version lacks."""
    from dags_app.models import Dag

    dag = Dag.objects.filter(pk=dag_id).first()
    if dag is None:
        return None
    unfinished = DagRun.objects.filter(dag_id=dag_id, state__in=[RunState.QUEUED, RunState.RUNNING]).count()
    missing: list[str] = []
    if (task_ids or task_group_id) and dag.version_id is not None:
        spec = load_spec(dag.version_id)
        missing = [each for each in task_ids or () if each not in spec.tasks]
        missing += [task_group_id] if task_group_id and task_group_id not in spec.groups else []
    known = {"dag_id": dag_id, "is_paused": dag.is_paused, "is_stale": dag.is_stale}
    return {**known, "active_runs": unfinished, "missing": missing}


ANSWERS: dict[str, Callable[..., Json]] = {
    "asset": asset_answers.asset,
    "asset_events": asset_answers.asset_events,
    "inactive_assets": asset_answers.inactive,
    "triggering_asset_events": asset_answers.triggering,
    "dag_run": _dag_run,
    "find_runs": run_answers.find,
    "xcom": _xcom,
    "latest_xcom": _latest_xcom,
    "xcom_length": _xcom_length,
    "xcom_range": _xcom_range,
    "push_xcom": _push_xcom,
    "map_length": _map_length,
    "connection": _connection,
    "variable": _variable,
    "mask_secret": _mask_secret,
    "set_variable": _set_variable,
    "delete_variable": _delete_variable,
    "ask_people": _ask_people,
    "answer_link": _answer_link,
    **store_answers.ANSWERS,
    "previous_run": _previous_run,
    "trigger_dag": _trigger_dag,
    "run_state": _run_state,
    "dag_runs_count": _dag_runs_count,
    "ti_count": _ti_count,
    "task_states": _task_states,
    "dag_state": _dag_state,
}
