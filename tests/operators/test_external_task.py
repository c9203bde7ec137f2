"""ExternalTaskSensor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.operators.external_task import ExternalTaskSensor
from orchestrator.sdk.exceptions import DagError

from .running import DATE, reason, run, state


def sensor(**kwargs: Any):
    settings = {"external_dag_id": "other", "poke_interval": 0.01, "timeout": 2, "poll_interval": 0.01, **kwargs}
    return lambda: ExternalTaskSensor(task_id="t", **settings)


def counts(**by_state: int):
    """Answer how many are in one of the states asked for; all of them without states."""

    def answer(states=None, **where: Any) -> int:
        return sum(number for name, number in by_state.items() if states is None or name in states)

    return answer


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_it_succeeds_when_the_other_run_has(mode: str):
    how = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
    found = run(sensor(**how), dag_runs_count=counts(success=1))
    assert state(found, "t") == "success", reason(found, "t")


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_failed_task_fails_it_at_once(deferrable: bool):
    found = run(
        sensor(external_task_id="x", failed_states=["failed"], deferrable=deferrable), ti_count=counts(failed=1)
    )
    assert state(found, "t") == "failed" and "ExternalTaskFailedError" in reason(found, "t")


def test_a_skipped_state_skips_it():
    found = run(sensor(external_task_ids=["x", "y"], skipped_states=["skipped"]), ti_count=counts(skipped=1))
    assert state(found, "t") == "skipped"


def test_soft_fail_turns_the_failure_into_a_skip():
    found = run(sensor(failed_states=["failed"], soft_fail=True), dag_runs_count=counts(failed=1))
    assert state(found, "t") == "skipped"


def test_all_of_several_tasks_must_have_succeeded():
    half = sensor(external_task_ids=["x", "y"], timeout=0.05)
    assert "timed out" in reason(run(half, ti_count=counts(success=1)), "t")
    assert state(run(half, ti_count=counts(success=2)), "t") == "success"


def test_a_group_counts_when_all_its_tasks_have_succeeded():
    group = sensor(external_task_group_id="g", timeout=0.05)
    assert state(run(group, ti_count=counts(success=3)), "t") == "success"
    assert "timed out" in reason(run(group, ti_count=counts(success=2, running=1)), "t")


def test_a_group_that_is_done_on_one_date_does_not_stand_for_another():
    first, second = DATE, DATE + timedelta(days=1)
    dates = sensor(external_task_group_id="g", execution_date_fn=lambda date: [first, second], timeout=0.05)

    def answer(logical_dates, states=None, **where: Any) -> int:
        return 3 if first.isoformat() in logical_dates else 0

    assert "timed out" in reason(run(dates, ti_count=answer), "t")


@pytest.mark.parametrize(
    ("how", "dates"),
    [
        ({}, [DATE]),
        ({"execution_delta": timedelta(hours=1)}, [DATE - timedelta(hours=1)]),
        ({"execution_date_fn": lambda date: date + timedelta(days=1)}, [DATE + timedelta(days=1)]),
        ({"execution_date_fn": lambda date, context: [date, context["logical_date"]]}, [DATE, DATE]),
    ],
)
def test_the_dates_it_looks_at(how: dict[str, Any], dates: list[Any]):
    def answer(logical_dates, **where: Any) -> int:
        assert logical_dates == [each.isoformat() for each in dates]
        return len(dates)

    found = run(sensor(**how), dag_runs_count=answer)
    assert state(found, "t") == "success", reason(found, "t")


def test_a_dag_that_is_not_there_can_be_noticed():
    assert "does not exist" in reason(run(sensor(check_existence=True), dag_runs_count=0), "t")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"external_task_id": "a", "external_task_ids": ["b"]}, "external_task_id"),
        ({"external_task_id": "a", "external_task_group_id": "g"}, "external_task_group_id"),
        ({"external_task_ids": ["b", "b"]}, "Duplicate task_ids"),
        ({"allowed_states": ["success"], "failed_states": ["success"]}, "a state may stand in one"),
        ({"allowed_states": ["skipped"]}, "'skipped' is no state of dag runs"),
        ({"execution_delta": timedelta(1), "execution_date_fn": print}, "execution_delta"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused_where_they_stand(how: dict[str, Any], words: str):
    with pytest.raises(DagError, match=words):
        sensor(**how)()
