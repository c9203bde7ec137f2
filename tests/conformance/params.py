"""Set ``params``: whether a run may be made with a ``conf``, and what its task sees."""

from __future__ import annotations

import re
from typing import Any

from dags_app.versions import load_spec
from orchestrator.core.states import RunState, TaskState
from runs_app import actions
from runs_app.exceptions import InvalidConf
from runs_app.models import Attempt, TaskInstance, XCom

from .compare import differences, refused_alike
from .engine import ENGINE, Refused, refusal

NO_DEFAULT = "<no default>"


def answer(case: Any) -> Any:
    conf = case["input"].get("conf")
    try:
        dag = ENGINE.store(case["spec"])
    except Refused as error:
        return refusal(error)
    params = load_spec(dag.version_id).params
    found = {
        "trigger": _trigger(dag.pk, conf),
        "defaults": {name: each.get("value", NO_DEFAULT) for name, each in params.items()},
    }
    run = ENGINE.start(dag, {"run_type": "manual", "logical_date": "2024-03-01T00:00:00+00:00", "conf": conf})
    ENGINE.drive(run, "first")
    instance = TaskInstance.objects.get(run=run)
    if instance.state == TaskState.SUCCESS:
        return {**found, "params": XCom.objects.get(task_instance=instance, key="return_value").value}
    return {**found, "params_error": error_of(Attempt.objects.filter(task_instance=instance).latest("token").reason)}


def _trigger(dag_id: str, conf: Any) -> Any:
    try:
        run = actions.trigger_dag(dag_id, conf=conf)
    except InvalidConf as error:
        return error_of(f"ParamValidationError: {error}")  # what the API answers with 400
    actions.set_run_state(run.pk, RunState.FAILED, user=None)
    return "ok"


def error_of(text: str) -> Any:
    name, _, message = text.partition(": ")
    return {"class": name, "message": message}


def compare(expected: Any, got: Any) -> list[str]:
    return differences(*refused_alike(_named(expected), _named(got)))


def _named(answer: Any) -> Any:
    """Of an error count its class and the param it names; the sentence is the validating library's."""
    if not isinstance(answer, dict):
        return answer
    if set(answer) == {"class", "message"}:
        found = re.search(r"[Ii]nvalid input for param (\S+?):", answer["message"])
        return {"class": answer["class"], "param": found.group(1) if found else None}
    return {key: _named(value) for key, value in answer.items()}
