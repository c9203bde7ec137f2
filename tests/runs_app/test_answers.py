"""What the code of a task may ask for, and what is kept out of its log for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.compat.models import DagRun
from orchestrator.compat.shims import mask_secret
from orchestrator.core.states import RunState, RunType
from orchestrator.logs.mask import Masker
from orchestrator.runtime.task_instance import RuntimeDagRun
from orchestrator.sdk import comms
from orchestrator.sdk.context import running
from runs_app.answers import Refused, Scope, answer
from tests.support import factories


@pytest.fixture
def scope():
    made = Scope(dag_id="d", run_pk=0, run_id="r")
    before = comms.use(lambda what, args: answer(made, what, args))
    yield made
    comms.use(before)


@pytest.mark.parametrize(
    ("secret", "name", "hidden"),
    [
        ("hunter-22", None, {"hunter-22"}),
        ("hunter-22", "password", {"hunter-22"}),
        ("db.internal", "host", set()),
        ({"host": "db.internal", "password": "hunter-22", "more": {"api_key": "k-12345"}}, None, {"hunter-22", "k-12345"}),
        (["first-one", ("second-one", {"token": "third-one", "user": "ada"})], None, {"first-one", "second-one", "third-one"}),
        (12345678, None, set()),
        ("", None, set()),
    ],
)  # fmt: skip
def test_what_a_task_calls_secret_is_hidden_from_its_log(scope: Scope, secret: Any, name: str | None, hidden: set[str]):
    mask_secret(secret, name)
    assert scope.secrets == hidden
    assert Masker(scope.secrets).mask(" ".join(hidden)) == " ".join(["***"] * len(hidden))


def test_a_question_nobody_knows_is_refused_by_its_name(scope: Scope):
    with pytest.raises(Refused, match="'format_disk'"):
        answer(scope, "format_disk", {})
    with pytest.raises(Refused, match="mask_secret"):
        answer(scope, "mask_secret", {"wrong": 1})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, ["first", "second", "third"]),
        ({"state": "failed"}, ["second"]),
        ({"state": ["failed", "success"]}, ["first", "second", "third"]),
        ({"run_id": "third"}, ["third"]),
        ({"execution_date": datetime(2024, 1, 2, tzinfo=UTC)}, ["second"]),
        ({"execution_start_date": datetime(2024, 1, 2, tzinfo=UTC)}, ["second", "third"]),
        ({"execution_end_date": datetime(2024, 1, 1, tzinfo=UTC)}, ["first"]),
        ({"external_trigger": True}, ["first"]),
        ({"external_trigger": False}, ["second", "third"]),
        ({"no_backfills": True}, ["first", "second"]),
        ({"run_type": "scheduled"}, ["second"]),
        ({"dag_id": "another"}, []),
    ],
)
def test_runs_are_found_as_airflow_1_and_2_found_them(scope: Scope, where: dict[str, Any], found: list[str]):
    dag, day = factories.make_dag("d"), datetime(2024, 1, 1, tzinfo=UTC)
    kinds = (
        ("first", RunType.MANUAL, RunState.SUCCESS),
        ("second", RunType.SCHEDULED, RunState.FAILED),
        ("third", RunType.BACKFILL, RunState.SUCCESS),
    )
    for place, (run_id, kind, state) in enumerate(kinds):
        date = day + timedelta(days=place)
        factories.make_run(dag, run_id, run_type=kind, state=state, logical_date=date, run_after=date)
    with running({"dag_run": RuntimeDagRun({"conf": None})}):
        runs = DagRun.find(**{"dag_id": "d", **where})
    assert [run.run_id for run in runs] == found
    assert all(run.execution_date.tzinfo and run.dag_id == "d" for run in runs)
