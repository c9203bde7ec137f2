"""Answering what tasks ask. Pages, API and commands call only this; the first answer counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from orchestrator.core.params import ParamError, merged
from orchestrator.core.states import TaskState

from . import advance, notify
from .actions import actor_of, audit
from .exceptions import AlreadyAnswered, InvalidAnswer, NotAsked, NotAssigned
from .hitl import event_of, go_on
from .locking import retrying
from .models import HITLDetail, TaskInstance

Json = dict[str, Any]
ASKING = frozenset({TaskState.AWAITING_INPUT, TaskState.RUNNING})
"""Who asks may be answered while it still tells others that it asked."""


def may_answer(asked: HITLDetail, user: Any) -> bool:
    """Whether the question is put to this user; that her role may answer at all is for the caller to see to."""
    return not asked.assigned_users or actor_of(user) in {each["id"] for each in asked.assigned_users}


def check_answer(asked: HITLDetail, options: Sequence[str], params: Mapping[str, Any] | None) -> Json:
    """Return the values of the form, defaults where nothing was given.

    Raises:
        InvalidAnswer: an option or a value that the question does not allow.
    """
    if not options:
        raise InvalidAnswer("Choose an option")
    unknown = sorted(set(options) - set(asked.options))
    if unknown:
        raise InvalidAnswer(f"Invalid options {unknown}; allowed options are {sorted(asked.options)}.")
    if len(options) > 1 and not asked.multiple:
        raise InvalidAnswer("Multiple options chosen but this Human-in-the-loop task accepts only a single option.")
    strange = sorted(set(params or {}) - set(asked.params))
    if strange:
        raise InvalidAnswer(f"params_input {strange} does not match params {sorted(asked.params)}")
    try:
        return merged(asked.params, params)
    except ParamError as error:
        raise InvalidAnswer(str(error)) from error


def answer(
    pk: int, *, options: Sequence[str], params: Mapping[str, Any] | None = None, user: Any = None, how: str = ""
) -> HITLDetail:
    """Answer a question for good and let its task go on.

    ``how``: by what way, for the record (link).

    Raises:
        NotAsked, AlreadyAnswered, NotAssigned, InvalidAnswer: nothing was changed.
    """
    seen = HITLDetail.objects.filter(pk=pk).first()
    if seen is None:
        raise NotAsked("The question is gone with its run")
    _refuse(seen, user)
    options = list(dict.fromkeys(options))
    values = check_answer(seen, options, params)  # before the transaction: schemas may take their time
    given = {"chosen_options": options, "params_input": values, "responded_at": timezone.now()}
    asked, ready = _answer(seen, given, user, how)
    advance.tell(ready)
    return asked


def _refuse(asked: HITLDetail, user: Any) -> None:
    if asked.responded_at is not None:
        raise AlreadyAnswered(asked.responded_by_user_name or "nobody: its defaults were taken")
    if user is not None and not may_answer(asked, user):
        raise NotAssigned(actor_of(user))


@retrying()
def _answer(seen: HITLDetail, given: Json, user: Any, how: str) -> tuple[HITLDetail, Counter[str]]:
    ready, name, now = Counter[str](), actor_of(user), given["responded_at"]
    with transaction.atomic():
        instance = TaskInstance.objects.select_for_update(no_key=True).filter(pk=seen.task_instance_id).first()
        asked = HITLDetail.objects.filter(pk=seen.pk).first()
        if asked is None or instance is None:
            raise NotAsked("The question is gone with its run")
        if (asked.responded_at, asked.responded_by_user_id) == (now, name):
            return asked, ready  # the commit before went through, only its answer was lost
        _refuse(asked, user)
        if instance.token != seen.token or asked.token != seen.token or instance.state not in ASKING:
            raise NotAsked(f"The task instance is {instance.state}: it no longer waits for an answer to this question")
        for field, value in given.items():
            setattr(asked, field, value)
        asked.responded_by_user_id = asked.responded_by_user_name = name
        if instance.state == TaskState.AWAITING_INPUT:  # else the attempt is about to wait, and finds the answer
            ready[instance.queue] += go_on(instance, asked, event_of(asked), f"user:{name}", "answered", now)
        asked.save()
        run, options = instance.run, given["chosen_options"]
        audit(user, "update_hitl_detail", run=run, task_id=instance.task_id, chosen_options=options, how=how)
        notify.run_changed(run.pk, run.dag_id)
    return asked, ready
