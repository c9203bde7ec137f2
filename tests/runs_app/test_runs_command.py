"""``manage.py runs``: what it does to runs."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from runs_app.models import DagRun
from tests.runs_app.engine import play, python_dag, slot, start, state_of, states
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def runs(*words: str) -> Any:
    out = StringIO()
    call_command("runs", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_listing_and_showing():
    run = start(python_dag("one", {"a": ()}))
    assert [each["run_id"] for each in runs("list", "one", "--state", "running")] == [run.run_id]
    shown = runs("show", "one", run.run_id)
    assert (shown["state"], shown["task_instances"][0]["state"]) == ("running", "scheduled")
    with pytest.raises(CommandError, match="has no run 'x'"):
        runs("show", "one", "x")


def test_cancelling_with_a_reason():
    run = start(python_dag("one", {"a": ()}))
    assert runs("cancel", "one", run.run_id, "--reason", "wrong day")["state"] == "cancelled"
    with pytest.raises(CommandError, match="nothing to cancel"):
        runs("cancel", "one", run.run_id)


def test_rerunning_what_failed_and_clearing_all():
    run = start(python_dag("wide", {"a": (), "b": ()}))
    play(slot(), lambda row: "failed" if row["task_id"] == "a" else "success")
    assert runs("rerun", "wide", run.run_id, "--dry-run")["task_ids"] == ["a"]
    assert state_of(run) == "failed"
    assert runs("rerun", "wide", run.run_id)["task_ids"] == ["a"]
    assert states(run) == {"a": "scheduled", "b": "success"}
    assert runs("clear", "wide", run.run_id)["cleared"] == 2


def test_what_is_new_is_queued_and_nothing_cleared():
    run = start(python_dag("grown", {"a": ()}))
    play(slot())
    factories.make_version(run.dag, factories.make_spec("grown", {"a": (), "b": ("a",)}))
    assert runs("clear", "grown", run.run_id, "--only-new", "--dry-run")["task_ids"] == ["b"]
    assert states(run) == {"a": "success"}
    found = runs("clear", "grown", run.run_id, "--only-new")
    assert (found["cleared"], found["queued"], found["task_ids"]) == (0, 1, ["b"])
    assert states(run) == {"a": "success", "b": "scheduled"}
    assert runs("clear", "grown", run.run_id, "--only-new")["queued"] == 0
    with pytest.raises(CommandError, match="not allowed with"):
        runs("clear", "grown", run.run_id, "--only-new", "--only-failed")


def test_a_note_is_written_and_taken_away():
    run = start(python_dag("one", {"a": ()}))
    assert runs("note", "one", run.run_id, "look here")["note"] == "look here"
    assert runs("note", "one", run.run_id, "")["note"] is None


def test_deleting_has_to_be_meant():
    run = start(python_dag("one", {"a": ()}))
    play(slot())
    with pytest.raises(CommandError, match="--yes"):
        runs("delete", "one", run.run_id)
    assert runs("delete", "one", run.run_id, "--yes")["deleted"]
    assert not DagRun.objects.exists()
