"""The worker slot: claims task instances, runs each in a child process, writes how it ended.

The slot owns the database connection, the lease and the log; it never imports user code.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, DataError, InterfaceError, connections
from django.utils import timezone

from dags_app.versions import load_spec
from orchestrator.core.states import TaskState
from orchestrator.logs.store import key_for
from orchestrator.runtime.children import BrokenVersion, Child, Exit
from orchestrator.runtime.client import ForkServers
from orchestrator.sdk import xcom

from . import advance, assignment, control, deadlines, hung, logs, notify, outlet_notes, reads
from .callbacks import callback_done
from .claim import Claimer, claim, claim_callback
from .finish import Finished, Outcome, finish
from .limits import SETTLED_SECONDS
from .locking import retrying
from .models import Callback, TaskInstance, XCom
from .processes import Lease
from .relay import Relay

log = logging.getLogger(__name__)

RESULT_GRACE_SECONDS = 5.0
CALLBACK_SECONDS = 600.0
LONGEST_WAIT_SECONDS = 10 * 365 * 86400.0
STOPPED = "handed back: its worker stopped"
IDLE_RESCUE_SECONDS = 3.0
"""Ready work older than this while a slot is idle means that its invitation got lost: it helps itself."""


class Slot:
    """One place for one attempt at a time."""

    def __init__(self, queues: Sequence[str], stopping: Callable[[], bool] = lambda: False) -> None:
        self.queues = list(queues)
        self.stopping = stopping
        self.server = ForkServers()
        self.working = threading.Lock()
        self.running: Running | None = None
        self.lease = Lease("slot", self.queues, on_lost=self._on_lost, on_beat=self._on_beat)
        self.claimer = Claimer(self.lease.pk, *_who(), self.queues)
        # Slots that count their limits by what they read a moment ago must have seen us before we claim.
        self.claimer.capacity.refresh()  # so that it is settled by then
        self.claims_from = time.monotonic() + SETTLED_SECONDS
        self.rescue = threading.Event()

    def start(self) -> None:
        """Begin to beat, and get the fork server ready before it is needed."""
        self.lease.start()
        self.server.start()
        threading.Thread(target=self._rescue_loop, name="rescue", daemon=True).start()

    def stop(self) -> None:
        """Finish what runs (or hand it back) and give up the lease."""
        self.claimer.draining = True
        self.rescue.set()
        with self.working:
            self.server.close()
            with contextlib.suppress(DatabaseError, InterfaceError):
                reads.of_this_process.write()
            self.lease.stop()

    # ---- working

    def drain(self) -> int:
        """Claim and run until nothing is claimable; return how many attempts were run here.

        Nothing happens where the slot is at it already: an invitation too many is no work too many.
        """
        if not self.working.acquire(blocking=False):
            return 0
        try:
            time.sleep(max(0.0, self.claims_from - time.monotonic()))
            done = 0
            row = self._claim()
            while row is not None or self._callback():
                if row is not None:
                    row = self._attempt(row)
                    done += 1
                if row is None:
                    row = self._claim()
            return done
        finally:
            self.working.release()

    def _claim(self) -> dict[str, Any] | None:
        self._be_current()
        return claim(self.claimer, timezone.now())

    def _be_current(self) -> None:
        """Claim under the lease we have now, and not at all when we are to stop."""
        self.claimer.process_pk = self.lease.pk
        self.claimer.draining = self.is_stopping()
        self.claimer.paused = self.lease.is_draining

    def is_stopping(self) -> bool:
        return self.claimer.draining or self.stopping()

    def _let_go(self, task: Running | None, found: Finished) -> None:
        try:
            if task is not None:
                task.close(accepted=found.accepted)
        except Exception:
            log.exception("attempt_not_closed")

    def _attempt(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Run one claimed task instance; return the row that was claimed along with its end."""
        task: Running | None = None
        try:
            task = Running(self, row)
            outcome = task.run()
        except Exception as error:  # one attempt that we cannot run must not end the slot
            log.exception("attempt_failed task_instance=%s", row["id"])
            outcome = Outcome(
                "failed", f"the worker could not run it: {type(error).__name__}: {error}", child_ran=False
            )
        finally:
            self.running = None
        self._be_current()
        found = self._finish(row, outcome)
        advance.tell(found.ready)
        self._let_go(task, found)
        return found.next_row

    def _finish(self, row: Mapping[str, Any], outcome: Outcome) -> Finished:
        """Write the end; while the database is away keep trying: the result is safe with us until it is back.

        What no database would take however often it is tried (a NUL character in it, say) ends the task as failed.
        """
        refused = False
        while True:
            try:
                return finish(row, outcome, timezone.now(), self.claimer)
            except DataError as error:
                if refused:  # nothing of the task's is left in it: not its fault
                    raise
                refused = True
                log.error("result_refused task_instance=%s error=%s", row["id"], error)
                outcome = _unstorable(outcome, error)
            except (DatabaseError, InterfaceError) as error:
                log.warning("result_waits task_instance=%s error=%s", row["id"], error)
                time.sleep(1.0)

    def _callback(self) -> bool:
        """Run one callback that no attempt could run; False where there is none."""
        if self.claimer.draining or self.claimer.paused:
            return False
        callback = claim_callback(self.claimer, timezone.now())
        if callback is None:
            return False
        run_callback(self, callback)
        return True

    # ---- beside the work

    def _on_lost(self) -> None:
        """Others may run by now what we hold: end it here."""
        running = self.running
        if running is not None:
            running.cancel("the worker was found dead and its task given to another", at_once=True)

    def _on_beat(self) -> None:
        running = self.running
        if running is not None:
            running.check_held()
            running.check_life()
        control.step_if_stale(timezone.now())
        reads.of_this_process.write()
        self.claimer.paused = self.lease.is_draining
        if self.lease.is_asked_to_stop:
            _stop_worker()
        if running is None and not self.claimer.draining and not self.claimer.paused and _overlooked(self.queues):
            self.rescue.set()

    def _rescue_loop(self) -> None:
        """Drain without having been invited. A thread that stays: children die with the thread that made them."""
        while True:
            self.rescue.wait()
            self.rescue.clear()
            if self.claimer.draining:
                break
            try:
                self.drain()
            except Exception:
                log.exception("rescue_failed")
        connections.close_all()


def _unstorable(outcome: Outcome, error: DataError) -> Outcome:
    """The end of an attempt whose own cannot be written; callbacks that spoke of another end have yet to run."""
    text = str(error).split("\n")[0].replace("\0", "")
    told = outcome.kind == "failed" and outcome.child_ran
    return Outcome("failed", f"its result cannot be stored: {text}", retry=outcome.retry, child_ran=told)


def _stop_worker() -> None:
    """Have the worker that this slot is a process of stop as at a SIGTERM; whoever keeps it alive starts it anew."""
    parent = os.getppid()
    if parent > 1:
        os.kill(parent, signal.SIGTERM)


def _who() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


@retrying(attempts=2)
def _overlooked(queues: Sequence[str]) -> bool:
    """Whether something claimable has been ready for longer than an invitation takes."""
    before = timezone.now() - timedelta(seconds=IDLE_RESCUE_SECONDS)
    rows = TaskInstance.objects.filter(state=TaskState.SCHEDULED, queue__in=queues, scheduled_at__lt=before)
    return rows.filter(run__dag__is_frozen=False).exists()


class Running:
    """One attempt, from its assignment to its result."""

    def __init__(self, slot: Slot, row: dict[str, Any]) -> None:
        self.slot, self.row = slot, row
        self.child: Child | None = None
        self.cancelled: str | None = None
        self.kill_at: float | None = None
        self.began = time.monotonic()
        told = assignment.for_task(row, slot.claimer.hostname)
        self.told = told
        self.relay = Relay(
            assignment.scope_of(told, row["run_id"]),
            key_for(row["run_id"], row["id"], row["token"]),
            partial(notify.log_grew, row["id"], row["token"]),
        )
        task = load_spec(row["version_id"]).tasks.get(row["task_id"])
        self.limit = task.execution_timeout if task is not None else None
        self.watch = hung.Watch(row, hung.patience(task), self.relay)
        if row["try_started"] and deadlines.has_some(task):
            deadlines.started(row, row["started_at"])

    def run(self) -> Outcome:
        """Run it; the outcome is yet to be written."""
        if self.row["try_started"] and self.row["try_number"] > 1:
            if xcom.backend_path():
                self.told["old_xcoms"] = _xcoms(self.row["id"])
            _forget_xcoms(self.row["id"])
        try:
            self.child = self.slot.server.run(self.told, self.relay.reply)
        except BrokenVersion as error:
            self.relay.writer.system(f"the DAG file of this run's version cannot be imported here: {error}", "error")
            said = self.relay.masker.mask(str(error))  # it may quote a variable that the file read
            return Outcome("failed", f"import of the DAG file failed: {said}", child_ran=False)
        self.watch.begin(self.child.pid)
        self.slot.running = self
        self.relay.run(self.child, self._look)
        self.slot.running = None
        if self.cancelled is not None:
            self.child.kill()  # before the end is told: whoever waits for this attempt to be over may start then
        return self._outcome(self.child)

    # ---- while it runs

    def _look(self) -> None:
        """Stop the child where its time is over."""
        now = time.monotonic()
        if self.cancelled is not None:
            if self.kill_at is not None and now >= self.kill_at and self.child is not None:
                self.kill_at = None
                self.child.kill()
        elif self.slot.is_stopping():
            if self.kill_at is None:
                self.kill_at = now + settings.ORCH.drain_seconds
            elif now >= self.kill_at:
                self.cancel(STOPPED)
        elif self.limit is not None and now - self.began > self.limit + RESULT_GRACE_SECONDS:
            self.cancel(f"the task took longer than its execution_timeout of {self.limit:g} s and did not end")

    def cancel(self, reason: str, *, at_once: bool = False) -> None:
        """Stop the child: SIGTERM, and after a grace period SIGKILL, to its whole process group."""
        child = self.child
        if child is None or self.cancelled is not None:
            return
        self.kill_at = time.monotonic() + (0.0 if at_once else settings.ORCH.kill_grace_seconds)
        self.cancelled = reason
        child.signal(signal.SIGKILL if at_once else signal.SIGTERM)

    def check_held(self) -> None:
        """Stop the child when somebody cleared, marked or took over its task instance meanwhile."""
        row = self.row
        held = TaskInstance.objects.filter(pk=row["id"], token=row["token"], state=TaskState.RUNNING).exists()
        if not held and self.relay.result is None:
            self.cancel("its task instance was cleared, marked, cancelled, or given to another worker")

    def check_life(self) -> None:
        """Tell where it shows no sign of life for long."""
        if self.relay.result is None and self.cancelled is None:
            self.watch.look()

    # ---- after

    def _outcome(self, child: Child) -> Outcome:
        xcoms, fields = self.relay.scope.own_xcoms, self.relay.masked_fields()
        result = self.relay.result
        if self.cancelled == STOPPED and (result is None or result["outcome"] == "failed"):
            cpu, peak = self.watch.used(None, None)
            return Outcome("interrupted", STOPPED, xcoms=xcoms, cpu_seconds=cpu, peak_bytes=peak)
        if result is None:
            ended = child.wait(RESULT_GRACE_SECONDS) or Exit(None, None)
            reason = self.cancelled or f"the task's process ended without a result: {ended}"
            self.relay.writer.system(reason, "error")
            cpu, peak = self.watch.used(ended.cpu_seconds, ended.peak_bytes)
            left = {"xcoms": xcoms, "rendered": fields, "cpu_seconds": cpu, "peak_bytes": peak}
            return Outcome("failed", reason, child_ran=False, **left)
        try:
            notes = outlet_notes.read(result.get("outlet_events"))
        except outlet_notes.BadNote as error:
            self.relay.writer.system(str(error), "error")
            return Outcome("failed", str(error), xcoms=xcoms, rendered=fields, child_ran=False)
        at = result.get("reschedule_at")
        cpu, peak = self.watch.used(result.get("cpu_seconds"), result.get("peak_bytes"))
        return Outcome(
            result["outcome"],
            self.relay.masker.mask(result.get("error") or ""),
            retry=result.get("retry", True),
            retry_wait=_wait_of(result),
            xcoms=xcoms,
            rendered=fields,
            skip_note=result.get("skip_note"),
            map_label=result.get("map_label"),
            notes=notes,
            reschedule_at=datetime.fromisoformat(at) if at else None,
            trigger=result.get("trigger"),
            cpu_seconds=cpu,
            peak_bytes=peak,
        )

    def close(self, *, accepted: bool) -> None:
        """Write the rest of the log and let go of the child; off the path to the next attempt."""
        if not accepted:
            text = "this attempt's result came too late: its task instance had been given on"
            self.relay.writer.system(text, "warning")
        self.relay.close(self.child)
        if self.child is not None:
            if self.relay.result is None or self.cancelled:
                self.child.kill()
            self.child.close()


def _wait_of(result: Mapping[str, Any]) -> float | None:
    """What a retry policy said; user code had a hand in it, so only a span that a date can take counts."""
    wait = result.get("retry_wait")
    return min(max(0.0, float(wait)), LONGEST_WAIT_SECONDS) if isinstance(wait, (int, float)) else None


@retrying()
def _xcoms(instance_pk: int) -> list[dict[str, Any]]:
    """What the tries before pushed, for a backend that keeps it elsewhere and has to delete it there."""
    return list(XCom.objects.filter(task_instance_id=instance_pk).values("key", "value"))


@retrying()
def _forget_xcoms(instance_pk: int) -> None:
    """A new try starts without the values of the one before."""
    XCom.objects.filter(task_instance_id=instance_pk).delete()


def run_callback(slot: Slot, callback: Callback) -> None:
    """Run one callback in a child; an error of the callback's own is logged and ends it."""
    told = assignment.for_callback(callback, slot.claimer.hostname)
    relay = Relay(assignment.scope_of(told, callback.run_id), logs.key_of_callback(callback))
    deadline = time.monotonic() + CALLBACK_SECONDS
    child: Child | None = None

    def look() -> None:
        if child is not None and time.monotonic() > deadline:
            relay.writer.system(f"on_{callback.kind}_callback took longer than {CALLBACK_SECONDS:g} s: ended", "error")
            child.kill()

    try:
        child = slot.server.run(told, relay.reply)
        relay.run(child, look)
    except BrokenVersion as error:
        relay.writer.system(f"on_{callback.kind}_callback could not run: {error}", "error")
    relay.close(child)
    if child is not None:
        child.kill()
        child.close()
    ended = relay.result is not None and relay.result["outcome"] == "success"
    callback_done(callback, "called" if ended else "failed", timezone.now())
