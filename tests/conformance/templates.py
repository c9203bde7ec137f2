"""Set ``templates``: what a task's templated field is rendered to."""

from __future__ import annotations

from typing import Any

from runs_app.models import Attempt, DagRun, TaskInstance, XCom

from .compare import differences
from .engine import ENGINE, moment


def answer(case: Any) -> Any:
    given = case["input"]
    values = {f"AIRFLOW_VAR_{name.upper()}": text for name, text in given.get("variables", {}).items()}
    values |= {f"AIRFLOW_CONN_{name.upper()}": text for name, text in given.get("connections", {}).items()}
    with ENGINE.environment(values):
        dag = ENGINE.store(case["spec"])
        for number, each in enumerate(given.get("previous_runs", ())):
            _before(dag, {"run_id": f"before_{number}", "run_type": "scheduled", **each})
        run = ENGINE.start(dag, given["run"])
        ENGINE.drive(run, "first")
    instance = TaskInstance.objects.filter(run=run).order_by("pk").last()
    value = XCom.objects.filter(task_instance=instance, key="return_value").values_list("value", flat=True).first()
    if value is not None:
        return {"rendered": value}
    name, _, message = Attempt.objects.filter(task_instance=instance).latest("token").reason.partition(": ")
    return {"error": name, "message": message}


def _before(dag: Any, given: Any) -> None:
    """A run that has ended."""
    run = ENGINE.start(dag, given)
    ended = {"state": given["state"], "started_at": moment(given["start_date"]), "ended_at": moment(given["end_date"])}
    TaskInstance.objects.filter(run=run).delete()
    DagRun.objects.filter(pk=run.pk).update(**ended)


def compare(expected: Any, got: Any) -> list[str]:
    return differences(*({key: each for key, each in one.items() if key != "message"} for one in (expected, got)))
