"""Set ``retries``: how long a failed try waits for the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

from runs_app import finish
from runs_app.models import TaskInstance
from runs_app.view import run_row

from .compare import differences
from .engine import ENGINE, moment, spec_of


def answer(case: Any) -> Any:
    given = case["input"]
    run = ENGINE.start(ENGINE.store(case["spec"]), {"run_type": "manual", **given})
    task = spec_of(run).tasks[given["task_id"]]
    ended_at = moment(given["end_date"])
    waits = []
    # The zone of the logical date is part of what is hashed; rows hold it in UTC, the recorded question as it was given.
    asked = {**(run_row(run.pk, lock=False) or {}), "logical_date": moment(given["logical_date"])}
    with mock.patch.object(finish, "run_row", lambda *_, **__: asked):
        for instance in TaskInstance.objects.filter(run=run, task_id=task.task_id).order_by("map_index"):
            known = {name: getattr(instance, name) for name in ("run_id", "dag_id", "task_id", "losses")}
            for number in given["try_numbers"]:
                row = {**known, "try_number": number, "max_tries": number}
                _, _, fields = finish.next_state(row, finish.Outcome("failed"), task, ended_at)
                wait = (fields["not_before"] - ended_at) / timedelta(seconds=1)
                each = {"map_index": instance.map_index, "try_number": number, "wait_seconds": wait}
                waits.append({**each, "hash_input": finish.retry_key(row)})
    return {"backoff": task.retry_backoff, "waits": waits}


def compare(expected: Any, got: Any) -> list[str]:
    """No multiplier is none or 0 alike; waits count to the microsecond, as times are stored."""
    return differences(_plain(expected), _plain(got))


def _plain(answer: Any) -> Any:
    waits = [{**each, "wait_seconds": _micro(each.get("wait_seconds"))} for each in answer.get("waits", ())]
    return {**answer, "backoff": float(answer.get("backoff") or 0), "waits": waits}


def _micro(seconds: float | None) -> float | None:
    return None if seconds is None else round(float(seconds), 6)
