"""The pure rules, against what Apache Airflow 3.3.2 answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.due import next_run
from orchestrator.core.retries import hash_input, retry_wait
from orchestrator.core.timetables import DataInterval, TimetableError, from_json
from orchestrator.sdk.exceptions import AirflowException
from tests.conformance.build import dag_of_file, dag_of_spec
from tests.conformance.cases import cases

BEYOND = ("partition", "events_sdk")  # partitions are not built; the other is a defect of the recorded version


@pytest.mark.parametrize("case", cases("weights"))
def test_weights_are_summed_as_recorded(case: Any):
    spec = dag_of_spec(case["spec"]).to_spec()
    assert {task_id: task.effective_weight for task_id, task in spec.tasks.items()} == case["expected"]["weights"]


@pytest.mark.parametrize("case", cases("retries"))
def test_waits_between_tries_are_as_recorded(case: Any):
    given = case["input"]
    task = dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"]).to_spec().tasks[given["task_id"]]
    assert task.retry_backoff == (case["expected"]["backoff"] or 0)
    logical_date = datetime.fromisoformat(given["logical_date"]) if given["logical_date"] else None
    for each in case["expected"]["waits"]:
        text = hash_input(case["spec"]["dag_id"], task.task_id, logical_date, each["try_number"])
        assert text == each["hash_input"]
        wait = retry_wait(
            retry_delay=task.retry_delay,
            backoff=task.retry_backoff,
            max_retry_delay=task.max_retry_delay,
            try_number=each["try_number"],
            hash_input=text,
        )
        assert wait == pytest.approx(each["wait_seconds"], abs=1e-6)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def interval(pair: Any) -> DataInterval | None:
    return None if pair is None else DataInterval(moment(pair[0]), moment(pair[1]))


@pytest.mark.parametrize("case", cases("timetables", leave_out=BEYOND))
def test_runs_come_due_as_recorded(case: Any):
    given, expected = case["input"], case["expected"]
    if "import_error" in expected or "serialization_error" in expected:
        with pytest.raises((AirflowException, ValueError, TypeError)):
            dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"]).to_spec()
        return
    spec = dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"]).to_spec()
    timetable = from_json(dict(spec.timetable))
    assert type(timetable).__name__ == expected["timetable"]
    assert timetable.summary == expected["summary"]
    assert (spec.timezone, spec.catchup) == (expected["timezone"], expected["catchup"])
    if "error" in expected:
        with pytest.raises(TimetableError):
            next_run(spec, last=interval(given.get("last")), now=moment(given["now"]))
        return
    assert list(_infos(spec, given)) == expected["infos"]
    manual = [timetable.infer_manual_interval(moment(each)) for each in given.get("manual", ())]
    assert [_pair(each) for each in manual] == expected.get("manual", [])


def _infos(spec: Any, given: Any) -> Any:
    last, now = interval(given.get("last")), moment(given["now"])
    for _ in range(given["steps"]):
        found = next_run(spec, last=last, now=now)
        if found is None:
            yield None
            return
        yield {
            "logical_date": found.logical_date.isoformat(),
            "data_interval": _pair(found.interval),
            "run_after": found.run_after.isoformat(),
        }
        last, now = found.interval, max(now, found.run_after)


def _pair(found: DataInterval) -> list[str]:
    return [found.start.isoformat(), found.end.isoformat()]


@pytest.mark.parametrize("case", cases("timetables", leave_out=BEYOND))
def test_schedules_are_put_into_words_as_recorded(case: Any):
    if "description" not in case["expected"]:
        return  # refused: the other test sees to it
    if case["expected"]["description"].startswith("At 0 minutes past the hour, between"):
        pytest.skip("the describing library words hours in a range differently from one release to the next")
    spec = dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"]).to_spec()
    assert from_json(dict(spec.timetable)).description == case["expected"]["description"]
