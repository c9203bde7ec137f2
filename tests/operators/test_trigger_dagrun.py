"""TriggerDagRunOperator."""

from __future__ import annotations

import pytest

from orchestrator.operators.trigger_dagrun import TriggerDagRunOperator

from .running import reason, run, state


def trigger(**kwargs):
    return lambda: TriggerDagRunOperator(task_id="t", trigger_dag_id="other", **kwargs)


def test_it_asks_for_a_run_and_pushes_its_id():
    def make_run(dag_id, conf, run_id, logical_date, run_after, note, reset):
        assert run_after == "2024-03-02T08:00:00+00:00"
        assert (dag_id, conf, run_id, note, reset) == ("other", {"day": "2024-03-01"}, "mine", "by d", False)
        assert logical_date == "2024-02-01T00:00:00+00:00"
        return {"run_id": run_id}

    found = run(
        trigger(
            conf={"day": "{{ ds }}"},
            trigger_run_id="mine",
            logical_date="2024-02-01",
            run_after="{{ macros.ds_add(ds, 1) }}T08:00:00Z",
            note="by {{ dag.dag_id }}",
            openlineage_inject_parent_info=False,
        ),
        trigger_dag=make_run,
    )
    assert state(found, "t") == "success", reason(found, "t")
    assert found.xcoms["t", -1, "trigger_run_id"] == "mine"


@pytest.mark.parametrize(("skip", "end"), [(False, "failed"), (True, "skipped")])
def test_a_run_that_is_there_already_fails_or_skips_it(skip: bool, end: str):
    found = run(trigger(skip_when_already_exists=skip), trigger_dag={"error": "already_exists"})
    assert state(found, "t") == end
    assert skip or "DagRunAlreadyExists" in reason(found, "t")


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(("ended", "end"), [("success", "success"), ("failed", "failed")])
def test_waiting_ends_as_the_other_run_ends(deferrable: bool, ended: str, end: str):
    found = run(
        trigger(wait_for_completion=True, poke_interval=0.01, deferrable=deferrable),
        trigger_dag={"run_id": "r2"},
        run_state=ended,
        dag_runs_count=1,
    )
    assert state(found, "t") == end, reason(found, "t")


def test_states_that_are_allowed_may_be_named():
    found = run(
        trigger(wait_for_completion=True, allowed_states=["failed"], failed_states=[]),
        trigger_dag={"run_id": "r2"},
        run_state="failed",
    )
    assert state(found, "t") == "success"


def test_conf_that_is_no_json_is_refused_by_name():
    found = run(trigger(conf={"x": {1, 2}}), trigger_dag={"run_id": "r2"})
    assert "JSON Serializable" in reason(found, "t")


def test_a_paused_dag_can_be_refused():
    found = run(trigger(fail_when_dag_is_paused=True), dag_state={"is_paused": True}, trigger_dag={"run_id": "r"})
    assert "other is paused" in reason(found, "t")


def test_a_date_that_is_none_says_what_is_wanted():
    found = run(trigger(logical_date="tomorrow"), trigger_dag={"run_id": "r2"})
    assert "'tomorrow' is no time" in reason(found, "t")


def test_the_spec_names_the_other_dag_for_the_links_between_them():
    from orchestrator.sdk import DAG

    with DAG("d") as dag:
        trigger()()
    assert dag.to_spec().tasks["t"].display["trigger_dag_id"] == "other"
