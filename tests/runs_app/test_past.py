"""``depends_on_past`` and ``wait_for_downstream``: what an earlier run says, and who is told when it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from orchestrator.core.states import RunState, RunType
from runs_app import advance, create
from runs_app.models import DagRun
from tests.conformance.build import dag_of_spec
from tests.conformance.cases import cases
from tests.runs_app.engine import end, play, python_dag, seconds, slot, start, state_of, states, take
from tests.support import factories

OUTCOMES = {"fail": "failed", "fail_no_retry": "failed", "skip": "skipped"}


@pytest.mark.django_db
@pytest.mark.parametrize("case", cases("past"))
def test_runs_go_as_far_as_recorded(case: Any):
    """Each run is driven as far as it goes before the next is made."""
    dag = factories.make_dag(spec=dag_of_spec(case["spec"]).to_spec(), is_paused=False)
    behave = dict(_behaviours(case["spec"]["nodes"]))
    claimer = slot()
    for given in case["runs"]:
        run = _create(dag, given)
        advance.start_queued(dag.pk, run.run_after)
        play(claimer, lambda row, run_id=given["run_id"]: _outcome(behave[row["task_id"]], row, run_id))
        expected = case["expected"]["runs"][given["run_id"]]
        wanted = {
            (each["task_id"], each["map_index"]): (each["state"] or "none", each["try_number"])
            for each in expected["task_instances"]
        }
        found = {(row.task_id, row.map_index): (row.state, row.try_number) for row in run.task_instances.all()}
        assert (state_of(run), found) == (expected["run_state"], wanted)


def _behaviours(nodes: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for node in nodes:
        yield prefix + node["id"], node.get("behave") or {}
        yield from _behaviours(node.get("children", ()), f"{prefix}{node['id']}.")


def _create(dag: Any, given: Any) -> DagRun:
    moments = {name: datetime.fromisoformat(given[name]) for name in ("logical_date", "run_after") if given.get(name)}
    date = moments.get("logical_date")
    pair = given.get("data_interval")
    return create.create_run(
        dag=dag,
        version_pk=dag.version_id,
        run_type=RunType(given["run_type"]),
        run_after=moments.get("run_after", date),
        logical_date=date,
        interval=tuple(datetime.fromisoformat(each) for each in pair) if pair else None,
        triggered_by="test",
        now=moments.get("run_after", date),
        run_id=given["run_id"],
    )


def _outcome(behave: Any, row: dict[str, Any], run_id: str) -> str:
    if behave.get("do") == "by_run":
        return _outcome(behave["cases"].get(run_id, behave["else"]), row, run_id)
    if behave.get("do") == "by_try":
        return _outcome(behave["cases"].get(str(row["try_number"]), behave["else"]), row, run_id)
    if behave.get("do") == "by_index":
        return _outcome(behave["cases"].get(str(row["map_index"]), behave["else"]), row, run_id)
    return OUTCOMES.get(behave.get("do", ""), "success")


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_task_wakes_the_next_run_that_waited_for_it(monkeypatch):
    from dags_app.models import Pool

    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)
    dag = python_dag("past", {"a": ()}, tasks={"depends_on_past": True})
    first = start(dag)
    row = take(slot())
    second = start(dag, logical_date=first.logical_date + seconds(1), now=first.logical_date + seconds(1))
    assert (state_of(second), states(second)) == (RunState.RUNNING, {"a": "none"})
    end(row, "success")
    assert states(second) == {"a": "scheduled"}
