"""``allowed_run_types``: what a DAG does not allow is refused with Airflow's words, and never made by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dags_app import schedule
from orchestrator.core.states import RunType
from runs_app import actions, backfills
from runs_app.exceptions import BackfillRefused, RunTypeNotAllowed
from runs_app.models import DagRun
from tests.runs_app import engine
from tests.support import factories

pytestmark = pytest.mark.django_db


def dag(*allowed: str) -> Any:
    day = {"schedule": "@daily", "start_date": factories.DAY}
    return engine.python_dag("d", {"a": ()}, allowed_run_types=list(allowed) or None, **day)


def test_a_run_by_hand_is_refused_where_only_others_are_allowed(invitations: object):
    dag("scheduled")
    with pytest.raises(RunTypeNotAllowed, match="Dag with dag_id: 'd' does not allow manual runs"):
        actions.trigger_dag("d")
    with pytest.raises(RunTypeNotAllowed, match="does not allow operator_triggered runs"):
        actions.trigger_dag("d", run_type=RunType.OPERATOR_TRIGGERED)
    assert not DagRun.objects.exists()


def test_nothing_is_planned_where_scheduled_runs_are_not_allowed(invitations: object):
    made, now = dag("manual"), timezone.now()
    schedule.plan(made, now, None)
    assert made.next_run_after is None
    assert schedule.preview(made, 1, now).ending == "the DAG's allowed_run_types leave scheduled ones out"
    assert actions.trigger_dag("d").run_type == RunType.MANUAL


def test_a_backfill_is_refused_where_its_runs_are_not_allowed():
    dag("manual", "scheduled")
    request = backfills.Request("d", factories.DAY, factories.DAY + timedelta(days=2))
    with pytest.raises(BackfillRefused, match="does not allow backfill runs"):
        backfills.create(request)


def test_all_are_allowed_where_none_is_named(invitations: object):
    made = dag()
    schedule.plan(made, timezone.now(), None)
    assert made.next_run_after is not None
    actions.trigger_dag("d")


def test_the_api_says_so(client: Any):
    from orchestrator.api.auth import issue_token

    dag("scheduled")
    headers = {"Authorization": f"Bearer {issue_token(factories.make_user('user'))}"}
    body = {"logical_date": None}
    answer = client.post("/api/v2/dags/d/dagRuns", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Dag with dag_id: 'd' does not allow manual runs")
