"""One attempt: wait for an assignment, run the task, report how it ended."""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.sdk import comms, listeners, xcom
from orchestrator.sdk.comms import ask
from orchestrator.sdk.context import running
from orchestrator.sdk.exceptions import (
    AirflowFailException,
    AirflowInactiveAssetInInletOrOutletException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskAwaitingInput,
    TaskDeferred,
)
from orchestrator.sdk.mapped import is_mapped_over
from orchestrator.sdk.xcom_json import encode

from . import loader, protocol
from .callbacks import HOOKS, STATES, call_all, mail, push_links, run_callbacks, wants_mail
from .context import TaskContext, date_of
from .older import with_dates
from .rendered import rendered_fields

Json = dict[str, Any]
LOG = logging.getLogger("orchestrator.task")

MAX_MAP_LENGTH = 1024
"""Where no setting says otherwise, as in Airflow."""
ONE_WAY = frozenset({"push_xcom"})
"""Asked for without waiting: messages keep their order, so the result cannot overtake them."""


class Channel:
    """The child's side of the socket: asks wait for their answer, everything else is told."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.last = 0

    def ask(self, what: str, args: Json) -> Any:
        if what in ONE_WAY:
            protocol.send(self.sock, {"type": "ask", "id": None, "what": what, "args": args})
            return None
        self.last += 1
        protocol.send(self.sock, {"type": "ask", "id": self.last, "what": what, "args": args})
        answer = protocol.receive(self.sock)
        if answer.get("error"):
            raise comms.CommsError(answer["error"])
        return answer.get("value")

    def tell(self, message: Json) -> None:
        protocol.send(self.sock, message)


class RecordHandler(logging.Handler):
    """Sends structured log records beside the captured output."""

    channel: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + loader.trace_of(*record.exc_info)
            self.channel.tell(
                {
                    "type": "log",
                    "level": record.levelname.lower(),
                    "event": text[:1_000_000],
                    "logger": record.name,
                    "timestamp": time.time(),
                }
            )
        except (OSError, ValueError):
            pass


_handler = RecordHandler()  # made here, not in each attempt: logging keeps locks and references for it


def log_to(channel: Any) -> None:
    """Send what every logger says to ``channel``, and nowhere else."""
    _handler.channel = channel
    root = logging.getLogger()
    if root.handlers != [_handler]:
        root.handlers[:] = [_handler]
    if root.level != logging.INFO:
        root.setLevel(logging.INFO)


def serve(sock: socket.socket, dags: Json, rehearse: Callable[[], None] = lambda: None) -> None:
    """Wait for the assignment and carry it out; never returns."""
    gc.disable()
    try:
        if not select.select([sock], [], [], 0)[0]:  # else somebody waits already
            rehearse()
        lacked = [name for name in protocol.WORTH_KEEPING if name not in sys.modules]
        assignment = protocol.receive(sock)
    except (EOFError, OSError):
        os._exit(0)
    code = 1
    try:
        channel = Channel(sock)
        log_to(channel)
        comms.use(channel.ask)
        gc.enable()
        result = carry_out(assignment, dags, channel)
        imported = [name for name in lacked if name in sys.modules]
        channel.tell({**result, **_usage(), "imported": imported})
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def carry_out(assignment: Json, dags: Json, channel: Any) -> Json:
    """Run what was assigned and return the result message."""
    dag = dags.get(assignment["dag_id"])
    if dag is None or (assignment.get("task_id") and not dag.has_task(assignment["task_id"])):
        return {
            "type": "result",
            "outcome": "failed",
            "retry": False,
            "error": "this version of the file has no such task",
        }
    if dag.era.pulls_any:
        assignment = with_dates(assignment)
    os.environ.update(environment_of(assignment, dag.task_dict.get(assignment.get("task_id"))))
    if assignment["kind"] == "callback":
        return run_callbacks(assignment, dag)
    listeners.call("on_starting", component=listeners.TaskRunnerMarker())
    result = Attempt(assignment, dag, channel).run()
    if listeners.hears("before_stopping"):
        channel.tell({**result, "type": "ended"})  # so that a listener which ends the process loses no result
        listeners.call("before_stopping", component=listeners.TaskRunnerMarker())
    return result


def _usage() -> Json:
    """What the attempt took, its own child processes included."""
    import resource

    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime
    return {"cpu_seconds": seconds, "peak_bytes": max(own.ru_maxrss, below.ru_maxrss) * 1024}


def environment_of(assignment: Json, task: Any = None) -> dict[str, str]:
    email = getattr(task, "email", None) or ()
    found = {
        "AIRFLOW_CTX_DAG_ID": assignment["dag_id"],
        "AIRFLOW_CTX_DAG_RUN_ID": assignment["run"]["run_id"],
        "AIRFLOW_CTX_TASK_ID": assignment.get("task_id") or "",
        "AIRFLOW_CTX_TRY_NUMBER": str(assignment.get("try_number") or ""),
        "AIRFLOW_CTX_DAG_OWNER": str(getattr(task, "owner", None) or ""),
        "AIRFLOW_CTX_DAG_EMAIL": email if isinstance(email, str) else ",".join(map(str, email)),
    }
    date = date_of(assignment["run"])
    if date:
        found["AIRFLOW_CTX_LOGICAL_DATE"] = found["AIRFLOW_CTX_EXECUTION_DATE"] = date
    return found


class Attempt:
    """One try of one task instance."""

    def __init__(self, assignment: Json, dag: Any, channel: Any) -> None:
        self.assignment, self.dag, self.channel = assignment, dag, channel
        self.task = dag.get_task(assignment["task_id"]).prepare_for_execution()
        self.context = TaskContext(assignment, dag, self.task)
        self.context.ti.tell_rendered = self._tell_rendered
        self.log = LOG

    def run(self) -> Json:
        signal.signal(signal.SIGTERM, self._on_term)
        if self.assignment.get("old_xcoms"):
            xcom.purge(self.assignment["old_xcoms"], self.log)
        try:
            with running(self.context):
                result = self._guarded()
        finally:
            signal.alarm(0)
        note = self.context["ti"].skip_note
        if note:
            result["skip_note"] = note
        return result

    def _guarded(self) -> Json:
        try:
            value = self._execute()
            label = self._map_label()
            self._push(value)
            noted = self._outlet_events()
        except AirflowSkipException as error:
            self.log.info("Skipping task. %s", error)
            return self._end("skipped", {**self._result("skipped", error), "map_label": self._label_of_ended()})
        except AirflowRescheduleException as error:
            return {**self._result("rescheduled", error), "reschedule_at": error.reschedule_date.isoformat()}
        except (TaskDeferred, TaskAwaitingInput) as error:
            return self._paused(error)
        except (Exception, AirflowTaskTimeout, SystemExit, KeyboardInterrupt) as error:
            return self._failed(error)
        return self._end(
            "success", {"type": "result", "outcome": "success", "map_label": label, "outlet_events": noted}
        )

    def _execute(self) -> Any:
        if self.task.is_mapped:
            self.task = self.task.unmap_for(self.context, self.context.ti.map_path[-1])
            self.context.become(self.task)
        if self.task.execution_timeout is not None:
            signal.signal(signal.SIGALRM, self._on_alarm)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, self.task.execution_timeout.total_seconds()))
        self.task.render_template_fields(self.context)
        self._tell_rendered()
        if self.task.inlets or self.task.outlets:
            self._check_assets()
        listeners.call(listeners.TASK_HOOKS["running"], previous_state="queued", task_instance=self.context.ti)
        call_all(self.task.on_execute_callback, self.context, "execute", self.log)
        self.task.pre_execute(self.context)
        value = self._work()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.task.post_execute(self.context, value)
        return value

    def _work(self) -> Any:
        if not self.assignment.get("next_method"):
            if self.task.start_from_trigger and self.task.start_trigger_args is not None:
                raise self._begun_by_waiting(self.task.start_trigger_args)
            return self.task.execute(self.context)
        from orchestrator.sdk.xcom_json import decode

        kwargs = decode(self.assignment.get("next_kwargs") or {})
        return self.task.resume_execution(self.assignment["next_method"], kwargs, self.context)

    def _check_assets(self) -> None:
        """Refuse to run for assets that no DAG stands for any more, or whose name or URI is another's."""
        named = [each for each in (*self.task.inlets, *self.task.outlets) if hasattr(each, "watchers")]
        inactive = ask("inactive_assets", assets=[[each.name, each.uri] for each in named]) if named else []
        if inactive:
            raise AirflowInactiveAssetInInletOrOutletException(inactive)

    def _outlet_events(self) -> list[Json] | None:
        """What the task noted about its outlets; None where it never looked."""
        events = dict.get(self.context, "outlet_events")
        return events.to_json() if events else None

    def _begun_by_waiting(self, start: Any) -> TaskDeferred:
        """The deferral that a task with ``start_from_trigger`` begins with, instead of with ``execute``."""
        import importlib

        module, _, name = start.trigger_cls.rpartition(".")
        kwargs = self.task.render_template(dict(start.trigger_kwargs or {}), self.context)
        trigger = getattr(importlib.import_module(module), name)(**kwargs)
        return TaskDeferred(
            trigger=trigger, method_name=start.next_method, kwargs=start.next_kwargs, timeout=start.timeout
        )

    def _tell_rendered(self) -> None:
        fields = rendered_fields(self.task)
        if fields:
            self.channel.tell({"type": "rendered", "fields": fields})

    def _push(self, value: Any) -> None:
        if self.context["ti"].skip_note and self.assignment["map_index"] < 0:
            return  # as in Airflow, where skipping others is how such a task ends
        if not self.task.do_xcom_push:
            value = None
        self._check_mappable(value)
        if value is None:
            return
        if self.task.multiple_outputs:
            if not isinstance(value, Mapping):
                raise TypeError(f"Returned output was type {type(value)} expected dictionary for multiple_outputs")
            unfit = next((key for key in value if not isinstance(key, str)), None)
            if unfit is not None:
                raise TypeError(
                    "Returned dictionary keys must be strings when using "
                    f"multiple_outputs, found {unfit} ({type(unfit)}) instead"
                )
            for key, each in value.items():
                self.context["ti"].xcom_push(key=key, value=each)
        self.context["ti"].xcom_push(key="return_value", value=value)

    def _check_mappable(self, value: Any) -> None:
        """A value that others map over must have elements; better that its maker fails than all that wait for it."""
        own = self.dag.get_task(self.task.task_id)
        if own.is_mapped or not is_mapped_over(own):
            return
        if value is None:
            raise TypeError(f"tasks map over the result of {own.task_id}, which returned None: return a list or a dict")
        if not isinstance(value, (Mapping, Sequence)) or isinstance(value, (str, bytes)):
            raise TypeError(
                f"tasks map over the result of {own.task_id}, which returned a {type(value).__name__}: "
                "return a list or a dict"
            )
        most = self.assignment.get("max_map_length") or MAX_MAP_LENGTH
        if len(value) > most:
            raise ValueError(
                f"tasks map over the result of {own.task_id}, which has {len(value)} elements; at most {most} may be mapped "
                "over: return fewer, or raise ORCHESTRATOR_MAX_MAP_LENGTH"
            )

    def _map_label(self) -> str | None:
        template = self.task.map_index_template
        if self.assignment["map_index"] < 0 or not template:
            return None
        return str(self.task.render_template(template, self.context))[:250]

    # ---- how it ends

    def _label_of_ended(self) -> str | None:
        """The label of an instance that did not succeed: best effort, its end stays what it is."""
        try:
            return self._map_label()
        except Exception:
            return None

    def _result(self, outcome: str, error: BaseException, retry: bool = True) -> Json:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return {"type": "result", "outcome": outcome, "error": text[:4000], "retry": retry}

    def _failed(self, error: BaseException) -> Json:
        self.log.error("Task failed with exception", exc_info=listeners.without_ours(error))
        if isinstance(error, (AirflowTaskTimeout, KeyboardInterrupt)):
            self._on_kill()
        self.context["exception"] = error
        result = self._result("failed", error, not isinstance(error, (AirflowFailException, AirflowSensorTimeout)))
        if result["retry"] and self.task.retry_policy is not None:
            self._ask_policy(error, result)
        will_retry = result["retry"] and self.assignment["try_number"] <= self.assignment["max_tries"]
        result["map_label"] = self._label_of_ended()
        self._end("retry" if will_retry else "failure", result, wants_mail(self.task, will_retry))
        mail(self.context.ti, self.task, will_retry, error, self.log)
        return result

    def _end(self, kind: str, result: Json, also: bool = False) -> Json:
        """Call who wants to know of this end. Told before, so that a callback which ends the process loses no result."""
        callbacks = getattr(self.task, f"on_{kind}_callback")
        push_links(self.task, self.context.ti, self.log)
        if callbacks or also or listeners.hears(HOOKS[kind]):
            signal.setitimer(signal.ITIMER_REAL, 0)  # the limit is the task's, and the task is over
            note = self.context.ti.skip_note
            self.channel.tell({**result, **({"skip_note": note} if note else {}), "type": "ended"})
            self.context.ti.has_ended(STATES[kind])
            call_all(callbacks, self.context, kind, self.log)
            told = {
                "previous_state": "running",
                "task_instance": self.context.ti,
                "error": self.context.get("exception"),
            }
            listeners.call(HOOKS[kind], **told)
        return result

    def _ask_policy(self, error: BaseException, result: Json) -> None:
        """Let the task's retry policy change what follows; one that fails itself changes nothing."""
        from orchestrator.sdk.retry_policy import RetryAction

        tries = self.assignment["try_number"], self.assignment["max_tries"]
        try:
            decision = self.task.retry_policy.evaluate(error, *tries, self.context)
            action, delay, reason = decision.action, decision.retry_delay, decision.reason
            wait = delay.total_seconds() if delay is not None else None
        except Exception:
            self.log.exception("The retry policy failed: the task's own retries apply")
            return
        if action is RetryAction.DEFAULT:
            return
        result["retry"] = action is not RetryAction.FAIL
        result["retry_wait"] = wait if result["retry"] else None
        if reason:
            self.log.info("Retry policy: %s (%s)", action.value, reason)
            result["error"] = f"{result['error']} [{action.value}: {str(reason)[:500]}]"

    def _paused(self, error: TaskDeferred | TaskAwaitingInput) -> Json:
        try:
            return self._deferred(error) if isinstance(error, TaskDeferred) else self._awaiting_input(error)
        except Exception as unfit:  # what it wants to go on with cannot be written down
            return self._failed(unfit)

    def _deferred(self, error: TaskDeferred) -> Json:
        classpath, kwargs = error.trigger.serialize()
        self.log.info("Pausing task as DEFERRED until %s fires", classpath)
        trigger = {
            "classpath": classpath,
            "kwargs": encode(kwargs),
            **_going_on(error),
        }
        return {"type": "result", "outcome": "deferred", "error": f"waits for {classpath}", "trigger": trigger}

    def _awaiting_input(self, error: TaskAwaitingInput) -> Json:
        self.log.info("Pausing task as AWAITING_INPUT until somebody answers")
        return {
            "type": "result",
            "outcome": "awaiting_input",
            "error": "waits for an answer",
            "trigger": _going_on(error),
        }

    def _on_kill(self) -> None:
        try:
            self.task.on_kill()
        except Exception:
            self.log.exception("on_kill failed")

    def _on_term(self, *_: Any) -> None:
        self.log.error("Received SIGTERM. Terminating subprocesses")
        self._on_kill()
        raise SystemExit("the task was stopped")

    def _on_alarm(self, *_: Any) -> None:
        raise AirflowTaskTimeout(f"the task took longer than its execution_timeout of {self.task.execution_timeout}")


def _going_on(error: TaskDeferred | TaskAwaitingInput) -> Json:
    """Where a task that gives its slot back wants to go on, and how long it waits at most."""
    return {
        "method": error.method_name,
        "next_kwargs": encode(error.kwargs or {}),
        "timeout_seconds": error.timeout.total_seconds() if error.timeout is not None else None,
    }
