"""Set ``clear``: a clear, mark or set-state request through the REST API, and how the runs go on."""

from __future__ import annotations

import ast
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from dags_app.models import Dag
from orchestrator.api.auth import issue_token
from orchestrator.core.states import RunState
from runs_app import advance
from runs_app.models import DagRun
from tests.support import factories

from .compare import by_instance, differences
from .engine import ENGINE, answer_about, nobody_looks


def answer(case: Any) -> Any:
    dag = ENGINE.store(case["spec"])
    for given in case["runs"]:
        ENGINE.drive(ENGINE.start(dag, given), case["order"], case["steps"])
    found: dict[str, Any] = {"before": _answers(dag)}
    with nobody_looks():
        found |= _ask(dag, case["request"])
        found["after_request"] = _answers(dag)
    advance.start_queued(dag.pk, timezone.now())
    for run in DagRun.objects.filter(dag=dag, state=RunState.RUNNING).order_by("pk"):
        advance.advance(run.pk, timezone.now(), wait=True)
        ENGINE.drive(run, case["order"])
    return {**found, "after_rerun": _answers(dag)}


def _answers(dag: Dag) -> Any:
    return {run.run_id: answer_about(run) for run in DagRun.objects.filter(dag=dag).order_by("pk")}


def _ask(dag: Dag, request: Any) -> Any:
    response = getattr(_client(), request["method"].lower())(
        f"/api/v2/dags/{dag.pk}{request['path']}", data=request.get("body"), content_type="application/json"
    )
    found: dict[str, Any] = {"status": response.status_code}
    body = response.json() if response.content else {}
    if response.status_code >= 400:
        return {**found, "detail": body["detail"]}
    if "task_instances" in body:
        rows = [[each["dag_run_id"], each["task_id"], each["map_index"]] for each in body["task_instances"]]
        found["affected"] = sorted(rows)
    return found


def _client() -> Client:
    user = User.objects.filter(username="conformance").first() or factories.make_user("admin", "conformance")
    return Client(SERVER_NAME="localhost", HTTP_AUTHORIZATION=f"Bearer {issue_token(user)}")


def compare(expected: Any, got: Any) -> list[str]:
    return differences(_plain(expected), _plain(got))


def _plain(answer: Any) -> Any:
    found = dict(answer)
    for name in ("before", "after_request", "after_rerun"):
        if name in found:
            found[name] = by_instance(found[name])
    if "detail" in found:
        found["detail"] = _places(found["detail"])
    return found


def _places(detail: Any) -> Any:
    """Of a validation error counts which fields it names, of another one only its status."""
    if isinstance(detail, str) and detail.startswith("[{"):
        detail = ast.literal_eval(detail)
    return sorted(each["loc"] for each in detail) if isinstance(detail, list) else None
