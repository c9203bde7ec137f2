"""The dialogs that change what a task instance left behind: its XComs and its state store."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from orchestrator.web import dialog_code, zones
from orchestrator.web.page import done, instance_for, must, run_for
from runs_app import store, xcoms_by_hand
from runs_app.exceptions import OrchestratorError
from runs_app.models import TaskInstance, TaskStoreEntry, XCom

from .dialogs import form_view, shown, text_of

LONGEST_KEY = 512


class Unreadable(ValueError):
    """What was typed is no value that can be kept; the message says why."""


@form_view
def edit_xcom(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    """Add an XCom, or change or delete the one under ``key``."""
    instance = _instance(request, dag_id, run_id, task_id, map_index)
    key = request.GET.get("key")
    row = XCom.objects.filter(task_instance=instance, key=key).first() if key is not None else None
    return _edited(request, instance, "XCom", "task-xcom", key, row, _save_xcom)


def _save_xcom(request: HttpRequest, instance: TaskInstance, key: str, row: Any, value: Any) -> None:
    if value is DELETE:
        xcoms_by_hand.delete(instance, key, user=request.user)
    elif row is None:
        xcoms_by_hand.create(instance, key, value, user=request.user)
    else:
        xcoms_by_hand.change(instance, key, value, user=request.user)


@form_view
def edit_store(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    """Add a key to the state store, or change or delete it."""
    instance = _instance(request, dag_id, run_id, task_id, map_index)
    key = request.GET.get("key")
    rows = store.alive(timezone.now()).filter(task_instance=instance, key=key)
    row = rows.first() if key is not None else None
    ends = row.expires_at if row is not None else store.default_expiry(timezone.now())
    expiry = {"zone": zones.chosen(request), "ends": ends}
    return _edited(
        request, instance, gettext("key of the state store"), "task-store", key, row, _save_store, expiry=expiry
    )


def _save_store(request: HttpRequest, instance: TaskInstance, key: str, row: Any, value: Any) -> None:
    now = timezone.now()
    if value is DELETE:
        store.forget(instance, key, user=request.user)
        return
    expires_at = row.expires_at if row is not None else store.default_expiry(now)
    if "expires_at" in request.POST:
        expires_at = _expiry(request, now)
    if row is None and store.alive(now).filter(task_instance=instance, key=key).exists():
        raise Unreadable(gettext("There is a key {key} already: change that one.").format(key=repr(key)))
    store.edit(instance, key, value, expires_at=expires_at, now=now, user=request.user)


def _expiry(request: HttpRequest, now: datetime) -> datetime | None:
    """When the form lets a key expire: a time of the reader's zone, nothing for never."""
    text = text_of(request.POST, "expires_at", 50)
    if not text:
        return None
    try:
        found = zones.read(text, zones.chosen(request))
    except ValueError:
        raise Unreadable(gettext("“{text}” is no time. Leave it empty for never.").format(text=text)) from None
    if found <= now:
        raise Unreadable(
            gettext("It would expire at once: give a time to come, or none. To delete a key, press Delete.")
        )
    return found


@form_view
def clear_store(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    """Forget everything in the state store, of this instance or of all the task's in the run."""
    instance = _instance(request, dag_id, run_id, task_id, map_index)
    if request.method == "POST":
        count = store.forget(instance, everywhere="everywhere" in request.POST, user=request.user)
        return done(
            request,
            ngettext("{count} key forgotten.", "{count} keys forgotten.", count).format(count=count),
            _address(instance, "task-store"),
        )
    count = TaskStoreEntry.objects.filter(task_instance=instance).count()
    context = {"count": count, "title": gettext("Clear the state store of {task_id}").format(task_id=task_id)}
    return shown(request, "dialogs/_clear_store.html", dag=instance.run.dag, run=instance.run, ti=instance, **context)


DELETE = object()


def _instance(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskInstance:
    run = run_for(request, dag_id, run_id)
    found = instance_for(request, run, task_id, map_index)
    must(request, "edit", run.dag)
    found.run = run
    return found


def _edited(
    request: HttpRequest,
    instance: TaskInstance,
    what: str,
    tab: str,
    key: str | None,
    row: Any,
    save: Any,
    expiry: dict[str, Any] | None = None,
) -> HttpResponse:
    if key is not None and row is None:
        raise Http404(
            gettext("“{task_id}” has no {what} “{key}”.").format(task_id=instance.task_id, what=what, key=key[:100])
        )
    error, typed = "", json.dumps(row.value, indent=2, ensure_ascii=False) if row is not None else ""
    if request.method == "POST":
        typed = request.POST.get("value", "")
        name = key if key is not None else text_of(request.POST, "key", LONGEST_KEY)
        try:
            value = DELETE if "delete" in request.POST and row is not None else _value(name, typed)
            save(request, instance, name, row, value)
        except (OrchestratorError, Unreadable) as problem:
            error = str(problem)
        else:
            told = gettext("{name} is deleted.") if value is DELETE else gettext("{name} is saved.")
            return done(request, told.format(name=name), _address(instance, tab))
    values = {"key": key, "value": typed, "is_there": row is not None}
    if expiry and expiry["ends"]:
        values["expires_at"] = expiry["ends"].isoformat()
    return shown(
        request,
        "dialogs/_value.html",
        status=422 if error else 200,
        dag=instance.run.dag,
        run=instance.run,
        what=what,
        key=key,
        typed=typed,
        posted=request.POST,
        error=error,
        title=key or gettext("Add {what}").format(what=what),
        expiry=expiry,
        code=partial(dialog_code.of_values, request, {**values, **request.POST.dict()}),
    )


def _value(name: str, typed: str) -> Any:
    if not name:
        raise Unreadable(gettext("Give it a key."))
    if "\\u0000" in typed or "\0" in typed:
        raise Unreadable(gettext("A value cannot hold the null character."))
    try:
        return json.loads(typed, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Unreadable(
            gettext('The value is not JSON: {problem}. A text stands in quotes: "like this".').format(problem=problem)
        ) from None


def _no_number(text: str) -> None:
    raise ValueError(gettext("{text} is no number in JSON").format(text=text))


def _address(instance: TaskInstance, tab: str) -> str:
    mapped, args = ("-mapped", [instance.map_index]) if instance.map_index != -1 else ("", [])
    return reverse(tab + mapped, args=[instance.run.dag_id, instance.run.run_id, instance.task_id, *args])
