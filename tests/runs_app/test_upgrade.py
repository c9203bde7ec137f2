"""A run that moves to its DAG's latest version."""

from __future__ import annotations

import pytest
from django.utils import timezone

from orchestrator.core.states import RunState
from runs_app import actions, advance, upgrade
from runs_app.models import DagRun, TaskInstance
from tests.runs_app.engine import play, python_dag, slot, start, state_of, states
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(invitations: object) -> DagRun:
    """A finished run of the version with the tasks a >> b >> c."""
    run = start(python_dag("etl", {"a": (), "b": ("a",), "c": ("b",)}))
    play(slot(), lambda row: "failed" if row["task_id"] == "c" else "success")
    assert state_of(run) == RunState.FAILED
    return run


def new_version(arrows: dict[str, tuple[str, ...]], **tasks: object) -> None:
    factories.make_version(DagRun.objects.get().dag, factories.make_spec("etl", arrows, tasks=tasks))


def go_on(run: DagRun) -> list[str]:
    advance.start_queued(run.dag_id, timezone.now())
    return play(slot())


def test_a_cleared_run_keeps_its_version(run):
    new_version({"a": (), "d": ("a",)})
    actions.clear(run.pk, only_failed=True)
    assert go_on(run) == ["c"]
    assert states(run) == {"a": "success", "b": "success", "c": "success"}


def test_on_the_latest_version_tasks_go_come_and_change(run):
    new_version({"a": (), "c": ("a",), "d": ("a",)}, queue="default", priority_weight=7)
    actions.clear(run.pk, only_failed=True, latest=True)
    assert states(run) == {"a": "success", "b": "removed", "c": "scheduled", "d": "scheduled"}
    assert sorted(go_on(run)) == ["c", "d"]
    assert state_of(run) == RunState.SUCCESS
    assert TaskInstance.objects.get(run=run, task_id="c").priority_weight == 7
    kept = TaskInstance.objects.exclude(state="removed")
    assert set(kept.values_list("version__version_number", flat=True)) == {2}


def test_a_task_that_is_back_runs_again(run):
    new_version({"a": (), "c": ("a",)})
    actions.clear(run.pk, only_failed=True, latest=True)
    go_on(run)
    new_version({"a": (), "b": ("a",), "c": ("b",)}, retries=1)
    actions.clear(run.pk, task_ids=["c"], latest=True)
    assert states(run) == {"a": "success", "b": "scheduled", "c": "none"}
    assert go_on(run) == ["b", "c"]


def test_only_what_is_new_may_be_run(run):
    new_version({"a": (), "b": ("a",), "c": ("b",), "d": ("a",)})
    assert upgrade.new_tasks(run) == ["d"]
    actions.clear(run.pk, chosen=[], latest=True)
    assert go_on(run) == ["d"]
    assert states(run) == {"a": "success", "b": "success", "c": "failed", "d": "success"}


def test_without_opening_it_again_a_finished_run_stays_so(run):
    actions.clear(run.pk, task_ids=["b"], reopen=False)
    assert go_on(run) == []
    assert (state_of(run), states(run)["b"]) == (RunState.FAILED, "none")
    actions.set_run_state(run.pk, RunState.QUEUED, user=None)
    assert go_on(run) == ["b"]
