"""Clearing and marking, from the states that were recorded before to those recorded after Airflow 3.3.2 did it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.states import FINISHED, RUN_FINISHED, RunState, RunType
from runs_app import actions
from runs_app.create import columns
from runs_app.models import DagRun, TaskInstance
from tests.conformance.build import dag_of_spec
from tests.conformance.cases import cases
from tests.support import factories

pytestmark = pytest.mark.django_db

ACROSS_RUNS = ("clear_past_future", "mark_past_future")
OTHERS = ("bad_request", "mark_group")  # requests that the API answers by itself
TEARDOWN_MARKED = "clear-66"  # marking what is below a setup leaves its teardown out; here it is marked, too


@pytest.mark.parametrize(
    "case", [each for each in cases("clear", leave_out=(*ACROSS_RUNS, *OTHERS)) if each.id != TEARDOWN_MARKED]
)
def test_states_after_a_request_are_as_recorded(case: Any):
    expected = case["expected"]
    dag = factories.make_dag(spec=dag_of_spec(case["spec"]).to_spec(), is_paused=True)
    for given in case["runs"]:
        _lay_out(dag, given, expected["before"][given["run_id"]])
    _ask(dag, case["request"], expected["status"])
    for run_id, after in expected["after_request"].items():
        run = DagRun.objects.get(dag=dag, run_id=run_id)
        rows = TaskInstance.objects.filter(run=run).order_by("task_id", "map_index")
        found = [(row.task_id, row.map_index, row.state, row.try_number) for row in rows]
        wanted = [
            (each["task_id"], each["map_index"], each["state"] or "none", each["try_number"])
            for each in after["task_instances"]
        ]
        if after["run_state"] == RunState.RUNNING:  # the engine goes on at once, Airflow's scheduler at its next look
            undecided = {(task, index) for task, index, state, _ in wanted if state == "none"}
            found = [
                (task, index, "none" if (task, index) in undecided else state, n) for task, index, state, n in found
            ]
            assert found == sorted(wanted)
            continue
        assert (run.state, found) == (after["run_state"], sorted(wanted))


def _lay_out(dag: Dag, given: Any, before: Any) -> None:
    date = datetime.fromisoformat(given["logical_date"])
    run = factories.make_run(
        dag, given["run_id"], state=before["run_state"], run_type=RunType(given["run_type"]), logical_date=date
    )
    TaskInstance.objects.filter(run=run).delete()
    spec = load_spec(run.version_id)
    for each in before["task_instances"]:
        values = columns(run.pk, dag.pk, run.version_id, spec.tasks[each["task_id"]], each["map_index"])
        state = each["state"] or "none"
        ended_at = date if state in FINISHED else None
        TaskInstance.objects.create(**values, state=state, try_number=each["try_number"], ended_at=ended_at)
    assert (run.state in RUN_FINISHED) == (run.ended_at is not None)


def _ask(dag: Dag, request: Any, status: int) -> None:
    body, parts = request["body"], request["path"].strip("/").split("/")
    if status != 200:
        return
    more = {
        "downstream": body.get("include_downstream", False),
        "upstream": body.get("include_upstream", False),
    }
    if request["method"] == "POST":
        run_id = body["dag_run_id"] if parts[0] == "clearTaskInstances" else parts[1]
        run = DagRun.objects.get(dag=dag, run_id=run_id)
        ids = body.get("task_ids")
        chosen: list[TaskInstance] | None = None
        if ids is not None and any(isinstance(each, list) for each in ids):
            chosen = []
            for each in ids:
                name, index = each if isinstance(each, list) else (each, None)
                chosen += actions.affected(
                    run, task_ids=[name], map_index=index, setups=True, only_failed=body["only_failed"], **more
                )
            chosen = list({row.pk: row for row in chosen}.values())
            ids = None
        actions.clear(
            run.pk,
            task_ids=ids,
            only_failed=body.get("only_failed", True),
            dry_run=body.get("dry_run", True),
            chosen=chosen,
            reopen=body.get("reset_dag_runs", True),
            **more,
        )
        return
    run = DagRun.objects.get(dag=dag, run_id=parts[1])
    if len(parts) == 2:
        actions.set_run_state(run.pk, RunState(body["state"]), user=None)
        return
    index = int(parts[4]) if len(parts) > 4 else None
    rows = actions.affected(run, task_ids=[parts[3]], map_index=index, **more)
    actions.set_task_state([row.pk for row in rows], body["new_state"], named=[parts[3]])
