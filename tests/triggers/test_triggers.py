"""What each trigger waits for, and how it travels."""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sdk import comms
from orchestrator.sdk.xcom_json import decode, encode
from orchestrator.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from orchestrator.triggers.external_task import DagStateTrigger, WorkflowTrigger
from orchestrator.triggers.file import FileDeleteTrigger, FileTrigger
from orchestrator.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger

MOMENT = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
TRIGGERS = [
    DateTimeTrigger(MOMENT, end_from_trigger=True),
    TimeDeltaTrigger(timedelta(days=1)),
    FileTrigger("/data/*.csv", recursive=True, poke_interval=0.5),
    FileDeleteTrigger("/data/done"),
    WorkflowTrigger("other", run_ids=["r"], external_task_ids=("a", "b"), allowed_states={"success"}),
    DagStateTrigger("other", ["success", "failed"], run_ids=["r"], execution_dates=[MOMENT]),
]


def first_event(trigger: BaseTrigger, limit: float = 5.0) -> TriggerEvent:
    async def first() -> TriggerEvent:
        async for event in trigger.run():
            return event
        raise AssertionError("it ended without an event")

    return asyncio.run(asyncio.wait_for(first(), limit))


@pytest.fixture
def answers() -> Iterator[Callable[..., Any]]:
    """Installs what questions are answered with."""
    before = comms.use(None)
    yield comms.use
    comms.use(before)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: type(trigger).__name__)
def test_a_trigger_is_the_same_after_a_journey(trigger: BaseTrigger):
    classpath, kwargs = trigger.serialize()
    module, _, name = classpath.rpartition(".")

    again = getattr(importlib.import_module(module), name)(**decode(json.loads(json.dumps(encode(kwargs)))))

    assert again.serialize() == (classpath, kwargs)


def test_describing_triggers_does_not_load_asyncio():
    code = (
        "import sys; import orchestrator.triggers.temporal, orchestrator.triggers.file, orchestrator.triggers.external_task; "
        "print('asyncio' in sys.modules or 'pendulum' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_moment_that_has_passed_fires_at_once():
    assert first_event(DateTimeTrigger(MOMENT)) == TriggerEvent(MOMENT)
    assert isinstance(first_event(DateTimeTrigger(MOMENT, end_from_trigger=True)), TaskSuccessEvent)


def test_a_time_delta_is_not_over_too_early():
    began = datetime.now(UTC)
    first_event(TimeDeltaTrigger(timedelta(seconds=0.2)))
    assert datetime.now(UTC) - began >= timedelta(seconds=0.2)


@pytest.mark.parametrize(("moment", "error"), [("2026-03-01", TypeError), (datetime(2026, 3, 1), ValueError)])
def test_a_moment_must_be_a_time_with_a_zone(moment: Any, error: type[Exception]):
    with pytest.raises(error):
        DateTimeTrigger(moment)


@pytest.mark.parametrize(
    ("pattern", "recursive"), [("a.csv", False), ("*.csv", False), ("folder", False), ("**/b.csv", True)]
)
def test_a_file_is_found(tmp_path: Path, pattern: str, recursive: bool):
    (tmp_path / "a.csv").touch()
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "b.csv").touch()

    assert first_event(FileTrigger(str(tmp_path / pattern), recursive)) == TriggerEvent(True)


def test_a_file_that_comes_later_is_waited_for(tmp_path: Path):
    trigger = FileTrigger(str(tmp_path / "later"), poke_interval=0.02)

    async def late() -> Any:
        asyncio.get_running_loop().call_later(0.1, (tmp_path / "later").touch)
        async for event in trigger.run():
            return event

    assert asyncio.run(asyncio.wait_for(late(), 5)) == TriggerEvent(True)


def test_a_file_is_taken_away(tmp_path: Path):
    (tmp_path / "done").touch()

    assert first_event(FileDeleteTrigger(str(tmp_path / "done"))) == TriggerEvent(True)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (["success", "success"], "success"),
        (["success", "running"], None),
        (["running", "failed"], "failed"),
        (["running", "skipped"], "skipped"),
        (["skipped", "failed"], "failed"),
        ([], None),
    ],
)
def test_two_runs_are_waited_for(answers: Any, states: list[str], status: str | None):
    def count(what: str, args: dict[str, Any]) -> int:
        assert (what, args["dag_id"], args["run_ids"]) == ("dag_runs_count", "other", ["r1", "r2"])
        return sum(each in args["states"] for each in states)

    answers(count)
    trigger = WorkflowTrigger(
        "other",
        run_ids=["r1", "r2"],
        allowed_states=["success"],
        failed_states=["failed"],
        skipped_states=["skipped"],
    )

    assert trigger.status() == status


def test_all_tasks_of_a_run_are_waited_for(answers: Any):
    done = 1
    answers(lambda what, args: done)
    trigger = WorkflowTrigger("other", logical_dates=[MOMENT], external_task_ids=["a", "b"])

    assert trigger.status() is None
    done = 2
    assert trigger.status() == "success"


INSTANCES = {
    "r1": [("a", "success"), ("b", "success"), ("b", "success")],
    "r2": [("a", "success"), ("b", "success"), ("b", "running")],
    "r3": [("a", "success")],
}


@pytest.mark.parametrize(
    ("run_ids", "status"),
    [(["r1"], "success"), (["r1", "r2"], None), (["r1", "r3"], None), (["r1", "later"], None), (["later"], None)],
)
@pytest.mark.parametrize(
    "what", [{"external_task_group_id": "g"}, {"external_task_ids": ["a", "b"]}], ids=["group", "tasks"]
)
def test_many_instances_that_are_done_do_not_stand_for_one_that_is_not(
    answers: Any, what: dict[str, Any], run_ids: list[str], status: str | None
):
    """A mapped task has many instances; a run that has yet to come has none."""

    def count(question: str, args: dict[str, Any]) -> int:
        rows = [row for run in args["run_ids"] for row in INSTANCES.get(run, [])]
        if args["task_group_id"] == "g" and args["run_ids"] == ["r3"]:
            rows.append(("b", "none"))  # a group's tasks are all there from the beginning
        return sum(args["states"] is None or state in args["states"] for _, state in rows)

    answers(count)
    assert WorkflowTrigger("other", run_ids=run_ids, **what).status() == status


def test_the_states_of_runs_come_with_the_event(answers: Any):
    answers(lambda what, args: {"dag_runs_count": 1, "run_state": "failed"}[what])

    _, data = first_event(DagStateTrigger("other", ["success", "failed"], run_ids=["r"])).payload

    assert (data["run_ids"], data["r"]) == (["r"], "failed")
