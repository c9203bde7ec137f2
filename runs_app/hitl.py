"""Human in the loop: what a task asks is written down, and it goes on with the answer, or when its time is over.

Who asks waits in the state ``awaiting_input``: no slot, no trigger. Locks are taken in one order, task instance
first, so that an answer, the end of the attempt that asked, and a clear never miss each other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from orchestrator.core.states import TaskState
from orchestrator.sdk.xcom_json import encode

from . import notify, transitions
from .locking import fetch, for_update, retrying
from .models import HITLDetail, TaskInstance

Json = dict[str, Any]
MOST_BYTES = 256 * 1024
"""Of one question as JSON: more than that nobody reads."""
TIMED_OUT = "The Human-in-the-loop response timeout has passed without a response."


# ---- asking


@retrying()
def ask(instance: tuple[int, str | None, int], token: int, question: Mapping[str, Any], now: datetime) -> int:
    """Write down what the attempt ``token`` of (run, task id, map index) asks; return the question's key.

    An answer that came while the worker of an earlier attempt of the same try was lost is kept.

    Raises:
        ValueError: the question is none, or the attempt no longer holds its task instance.
    """
    values = _checked(question)
    run_pk, task_id, map_index = instance
    with transaction.atomic():
        rows = fetch(
            "SELECT id, try_number FROM runs_app_taskinstance WHERE run_id = %s AND task_id = %s AND map_index = %s "
            f"AND token = %s AND state = 'running'{for_update()}",
            [run_pk, task_id, map_index, token],
        )
        if not rows:
            raise ValueError("the attempt no longer holds its task instance, so nobody is asked")
        pk, try_number = rows[0]
        asked = HITLDetail.objects.filter(task_instance_id=pk, try_number=try_number).first()
        if asked is None:
            asked = HITLDetail(task_instance_id=pk, try_number=try_number, created_at=now)
        elif asked.delivered or (asked.responded_at is not None and asked.options != values["options"]):
            asked.responded_at = asked.responded_by_user_id = asked.responded_by_user_name = None
            asked.chosen_options, asked.params_input, asked.delivered, asked.created_at = None, {}, False, now
        asked.token = token
        for name, value in values.items():
            setattr(asked, name, value)
        asked.save()
        return asked.pk


def _checked(question: Mapping[str, Any]) -> Json:
    options, defaults = question["options"], question.get("defaults")
    if not options or not all(isinstance(each, str) and each for each in options):
        raise ValueError("the options of a question are texts, and there is at least one")
    values = {
        "subject": str(question["subject"]),
        "body": None if question.get("body") is None else str(question["body"]),
        "options": list(options),
        "defaults": None if defaults is None else list(defaults),
        "multiple": bool(question.get("multiple")),
        "params": dict(question.get("params") or {}),
        "assigned_users": [
            {"id": str(each["id"]), "name": str(each["name"])} for each in question.get("assigned_users") or ()
        ],
    }
    text = json.dumps(values)
    if len(text) > MOST_BYTES:
        raise ValueError(f"the question takes {len(text)} bytes, at most {MOST_BYTES} are kept: link to what is long")
    if "\\u0000" in text:
        raise ValueError("the question holds a null character, which cannot be stored")
    return values


def parked(row: Mapping[str, Any]) -> HITLDetail | None:
    """Return what the attempt that is to be parked asked; its task instance is locked until the transaction ends."""
    fetch(f"SELECT id FROM runs_app_taskinstance WHERE id = %s{for_update()}", [row["id"]])
    return HITLDetail.objects.filter(task_instance_id=row["id"], token=row["token"]).first()


def event_of(asked: HITLDetail, *, timedout: bool = False) -> Json:
    """What ``execute_complete`` is given, as JSON."""
    return encode(
        {
            "chosen_options": asked.chosen_options or [],
            "params_input": asked.params_input or {},
            "responded_at": asked.responded_at,
            "responded_by_user": responded_by(asked),
            "timedout": timedout,
        }
    )


def responded_by(asked: HITLDetail) -> Json | None:
    if asked.responded_by_user_id is None:
        return None
    return {"id": asked.responded_by_user_id, "name": asked.responded_by_user_name}


# ---- going on


def open_questions() -> QuerySet[HITLDetail]:
    """Return the questions that tasks wait for."""
    waiting = HITLDetail.objects.filter(task_instance__state=TaskState.AWAITING_INPUT, task_instance__token=F("token"))
    return waiting.filter(responded_at__isnull=True)


def go_on(instance: TaskInstance, asked: HITLDetail, event: Json, actor: str, reason: str, now: datetime) -> bool:
    """Send a waiting task instance back to the workers with what it waited for."""
    asked.delivered = transitions.undefer(
        instance.pk,
        asked.token,
        TaskState.SCHEDULED,
        actor=actor,
        reason=reason,
        at=now,
        fields={"next_kwargs": json.dumps({**(instance.next_kwargs or {}), "event": event})},
        old=TaskState.AWAITING_INPUT,
    )
    return asked.delivered


@retrying()
def expire(instance_pk: int, now: datetime) -> Counter[str]:
    """Let a task go on that nobody answered in time: with its defaults, else to fail; return what became ready."""
    with transaction.atomic():
        instance = TaskInstance.objects.select_for_update(no_key=True).filter(pk=instance_pk).first()
        if instance is None or instance.state != TaskState.AWAITING_INPUT:
            return Counter()
        asked = HITLDetail.objects.filter(task_instance=instance, token=instance.token).first()
        if instance.not_before is None or instance.not_before > now or asked is None:
            return Counter()
        if asked.defaults is None:
            event: Json = {"error": TIMED_OUT, "error_type": "timeout"}
            reason = "nobody answered in time"
        else:
            asked.chosen_options, asked.responded_at = asked.defaults, now
            asked.params_input = {name: each["value"] for name, each in asked.params.items() if "value" in each}
            event, reason = event_of(asked, timedout=True), "nobody answered in time: the defaults are taken"
        moved = go_on(instance, asked, event, "engine", reason, now)
        asked.save()
        notify.run_changed(instance.run_id, instance.dag_id)
        return Counter({instance.queue: int(moved)})
