"""``manage.py tasks``: clear, mark, hold, release and note."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.runs_app.engine import play, python_dag, slot, start, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
CHAIN = {"a": (), "b": ("a",), "c": ("b",)}


def tasks(*words: str) -> Any:
    out = StringIO()
    call_command("tasks", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def named(found: Any) -> list[str]:
    return sorted(each["task_id"] for each in found)


def test_running_from_here():
    run = start(python_dag("chain", CHAIN))
    play(slot())
    where = ("chain", run.run_id, "b")
    assert named(tasks("clear", *where, "--downstream", "--dry-run")) == ["b", "c"]
    assert states(run)["b"] == "success"
    assert named(tasks("clear", *where, "--downstream")) == ["b", "c"]
    assert states(run) == {"a": "success", "b": "scheduled", "c": "none"}


def test_marking_and_noting():
    run = start(python_dag("chain", CHAIN))
    assert named(tasks("mark", "chain", run.run_id, "a", "skipped", "--downstream")) == ["a", "b", "c"]
    assert set(states(run).values()) == {"skipped"}
    assert tasks("note", "chain", run.run_id, "a", "by hand")["note"] == "by hand"
    assert run.task_instances.get(task_id="a").note == "by hand"


def test_what_was_marked_failed_below_a_task_follows_from_it_as_in_the_api_and_on_pages():
    run = start(python_dag("chain", CHAIN))
    assert named(tasks("mark", "chain", run.run_id, "a", "failed", "--downstream")) == ["a", "b", "c"]
    assert states(run) == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed"}


def test_holding_and_releasing():
    run = start(python_dag("chain", CHAIN))
    assert tasks("hold", "chain", "b", "--run-id", run.run_id, "--reason", "wait")["reason"] == "wait"
    tasks("hold", "chain", "c", "--until", "2999-01-01")
    assert [(each["task_id"], each["run_id"]) for each in tasks("held", "chain")] == [("b", run.run_id), ("c", None)]
    assert play(slot()) == ["a"]
    assert tasks("release", "chain", "b", "--run-id", run.run_id)["released"]
    assert tasks("release", "chain", "c")["released"]
    assert play(slot()) == ["b", "c"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("hold", "chain", "x"), "has no task `x`"),
        (("hold", "chain", "a", "--until", "soon"), "is no time"),
        (("hold", "chain", "a", "--until", "2020-01-01"), "time to come"),
        (("hold", "chain", "a", "--run-id", "none"), "has no run"),
        (("release", "chain", "a"), "is not held"),
        (("clear", "chain", "none", "a"), "has no run"),
        (("note", "chain", "none", "a", "x"), "has no task instance"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words, says):
    start(python_dag("chain", CHAIN))
    with pytest.raises(CommandError, match=says):
        tasks(*words)
