"""Calling what authors hooked to the start and the ends of their tasks and DAGs."""

from __future__ import annotations

import logging
from typing import Any

from orchestrator.sdk import listeners
from orchestrator.sdk.context import running
from orchestrator.sdk.plugins import links_for

from .context import TaskContext

Json = dict[str, Any]
STATES = {"success": "success", "failure": "failed", "retry": "up_for_retry", "skipped": "skipped"}
"""Which state a callback's kind tells of."""
HOOKS = {
    kind: listeners.TASK_HOOKS[name]
    for kind, name in (("success", "success"), ("failure", "failed"), ("retry", "failed"), ("skipped", "skipped"))
}
"""What a callback's kind is to listeners."""
LOG = logging.getLogger("orchestrator.callback")


def call_all(callbacks: list[Any], context: Any, kind: str, log: logging.Logger) -> int:
    """Call each; an error, or an attempt to leave, is logged and changes nothing. Return how many went wrong."""
    failed = 0
    for callback in callbacks:
        try:
            callback(context)
        except (Exception, SystemExit) as error:
            name = getattr(callback, "__name__", type(callback).__name__)
            log.error("on_%s_callback %s failed", kind, name, exc_info=listeners.without_ours(error))
            failed += 1
    return failed


def run_callbacks(assignment: Json, dag: Any) -> Json:
    """Run the callbacks of a DAG or task whose end no attempt saw.

    Those of a DAG get the context of the task instance that its end is about, as in Airflow.
    """
    given, reason = assignment["callback"]["kind"], assignment["callback"]["reason"]
    kind = given.removeprefix("told_")  # somebody marked it, which only listeners hear of
    if kind == "deadline":
        return _run_deadline(assignment)
    about = assignment.get("about") or {}
    own = dag.get_task(assignment["task_id"]) if assignment.get("task_id") else None
    task = dag.task_dict.get(about["task_id"]) if about else own
    context = TaskContext({**assignment, **about} if task is not None else assignment, dag, task)
    context["reason"] = reason
    if own is not None:
        context.ti.has_ended(STATES[kind])
        if kind in {"failure", "retry"}:
            context["exception"] = RuntimeError(reason)
    elif about:
        context.ti.has_ended(about["state"])
    with running(context):
        if given != kind:
            return _ended(_tell_of_mark(context.ti, kind, reason if kind == "failure" else None, of_run=own is None))
        failed = call_all(getattr(own or dag, f"on_{kind}_callback", []), context, kind, LOG)
        if own is None:
            failed += listeners.call(listeners.RUN_HOOKS[kind], dag_run=context.ti.dag_run, msg=reason)
        elif kind in {"failure", "retry"}:
            failed += listeners.call(HOOKS[kind], previous_state="running", task_instance=context.ti, error=reason)
            mail(context.ti, own, kind == "retry", context["exception"], LOG)
    return _ended(failed)


def _tell_of_mark(ti: Any, kind: str, error: str | None, *, of_run: bool) -> int:
    if of_run:
        return listeners.call(listeners.RUN_HOOKS[kind], dag_run=ti.dag_run, msg="")
    return listeners.call(HOOKS[kind], previous_state=None, task_instance=ti, error=error)


def _ended(failed: int) -> Json:
    return {"type": "result", "outcome": "failed" if failed else "success"}


def push_links(task: Any, ti: Any, log: logging.Logger) -> None:
    """Keep the addresses of the task's links as XComs, which pages and the API show; one that fails is left out."""
    for link in links_for(task):
        try:
            address = link.get_link(task, ti_key=ti.key)
            if address:
                ti.xcom_push(key=link.xcom_key, value=str(address))
        except Exception:
            log.exception("The link %s could not be made", link.name)


def _run_deadline(assignment: Json) -> Json:
    from .deadline_callback import call

    try:
        call(assignment["callback"])
    except (Exception, SystemExit) as error:
        LOG.error("The callback of the deadline failed", exc_info=listeners.without_ours(error))
        return _ended(1)
    return _ended(0)


def wants_mail(task: Any, will_retry: bool) -> bool:
    return bool(task.email) and bool(task.email_on_retry if will_retry else task.email_on_failure)


def mail(ti: Any, task: Any, will_retry: bool, error: BaseException, log: logging.Logger) -> None:
    """Send the task's alert where it asks for one; a server that does not answer changes nothing."""
    if not wants_mail(task, will_retry):
        return
    from .mail import send_alert

    try:
        send_alert(ti, task.email, error, will_retry=will_retry)
    except Exception:
        log.exception("The e-mail about the failure could not be sent")
