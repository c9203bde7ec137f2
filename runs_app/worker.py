"""The worker slot: claims task instances, runs each in a child process, writes how it ended.

The slot owns the database connection, the lease and the log; it never imports user code.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core.states import TaskState
from orchestrator.logs.mask import Masker
from orchestrator.logs.store import key_for
from orchestrator.logs.writer import FLUSH_BYTES, LogWriter
from orchestrator.runtime.client import BrokenVersion, Child, Exit, ForkServer

from . import answers, assignment, control, logs, notify
from .claim import Claimer, claim, claim_callback
from .finish import Finished, Outcome, finish
from .limits import TTL_SECONDS
from .locking import retrying
from .models import Callback, TaskInstance, XCom
from .processes import Lease

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.1
LOOK_SECONDS = 0.25
"""How often a slot that waits for its child looks up, for a stop or a cancel."""
RESULT_GRACE_SECONDS = 5.0
IDLE_RESCUE_SECONDS = 3.0
"""Ready work older than this while a slot is idle means that its invitation got lost: it helps itself."""


class Slot:
    """One place for one attempt at a time."""

    def __init__(self, queues: Sequence[str], stopping: Callable[[], bool] = lambda: False) -> None:
        self.queues = list(queues)
        self.stopping = stopping
        self.server = ForkServer()
        self.working = threading.Lock()
        self.running: Running | None = None
        self.lease = Lease("slot", self.queues, on_lost=self._on_lost, on_beat=self._on_beat)
        self.claimer = Claimer(self.lease.pk, *_who(), self.queues)
        # Slots that count their limits by what they read a moment ago must have seen us before we claim.
        self.claims_from = time.monotonic() + TTL_SECONDS
        self.rescue = threading.Event()

    def start(self) -> None:
        """Begin to beat, and get the fork server ready before it is needed."""
        self.lease.start()
        self.server.start()
        threading.Thread(target=self._rescue_loop, name="rescue", daemon=True).start()

    def stop(self) -> None:
        """Finish what runs (or hand it back) and give up the lease."""
        self.claimer.draining = True
        with self.working:
            self.server.close()
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
        self.claimer.process_pk = self.lease.pk
        self.claimer.draining = self.claimer.draining or self.stopping()
        return claim(self.claimer, timezone.now())

    def _attempt(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Run one claimed task instance; return the row that was claimed along with its end."""
        task = Running(self, row)
        try:
            outcome = task.run()
        except Exception as error:  # one attempt that we cannot run must not end the slot
            log.exception("attempt_failed task_instance=%s", row["id"])
            outcome = Outcome(
                "failed", f"the worker could not run it: {type(error).__name__}: {error}", child_ran=False
            )
        finally:
            self.running = None
        self.claimer.process_pk = self.lease.pk
        self.claimer.draining = self.claimer.draining or self.stopping()
        found = self._finish(row, outcome)
        task.close(outcome, found)
        self._tell(found)
        return found.next_row

    def _finish(self, row: Mapping[str, Any], outcome: Outcome) -> Finished:
        """Write the end; while the database is away keep trying: the result is safe with us until it is back."""
        while True:
            try:
                return finish(row, outcome, timezone.now(), self.claimer)
            except (DatabaseError, InterfaceError) as error:
                log.warning("result_waits task_instance=%s error=%s", row["id"], error)
                time.sleep(1.0)

    def _tell(self, found: Finished) -> None:
        """Wake others for what became ready, less what we took ourselves."""
        ready = Counter(found.ready)
        if found.next_row is not None:
            ready[found.next_row["queue"]] -= 1
        for queue, count in ready.items():
            if count > 0:
                wake.invite(queue, count)

    def _callback(self) -> bool:
        """Run one callback that no attempt could run; False where there is none."""
        if self.claimer.draining:
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
        control.step_if_stale(timezone.now())
        if running is None and not self.claimer.draining and _overlooked(self.queues):
            self.rescue.set()

    def _rescue_loop(self) -> None:
        """Drain without having been invited. A thread that stays: children die with the thread that made them."""
        while True:
            self.rescue.wait()
            self.rescue.clear()
            try:
                self.drain()
            except Exception:
                log.exception("rescue_failed")


def _who() -> tuple[str, int]:
    import socket

    return socket.gethostname(), os.getpid()


@retrying(attempts=2)
def _overlooked(queues: Sequence[str]) -> bool:
    """Whether something claimable has been ready for longer than an invitation takes."""
    from datetime import timedelta

    before = timezone.now() - timedelta(seconds=IDLE_RESCUE_SECONDS)
    rows = TaskInstance.objects.filter(state=TaskState.SCHEDULED, queue__in=queues, scheduled_at__lt=before)
    return rows.filter(run__dag__is_paused=False).exists()


class Running:
    """One attempt, from its assignment to its result."""

    def __init__(self, slot: Slot, row: dict[str, Any]) -> None:
        self.slot, self.row = slot, row
        self.child: Child | None = None
        self.result: dict[str, Any] | None = None
        self.rendered: dict[str, Any] | None = None
        self.cancelled: str | None = None
        self.kill_at: float | None = None
        self.began = time.monotonic()
        self.masker = Masker(())
        self.scope: answers.Scope | None = None
        self.key = key_for(row["run_id"], row["id"], row["token"])
        self.writer = LogWriter(logs.store(), self.key, lambda text: self.masker.mask(text) if self.masker else text)
        self.flushed_at = self.began

    # ---- before

    def run(self) -> Outcome:
        row = self.row
        if row["try_started"] and row["try_number"] > 1:
            _forget_xcoms(row["id"])
        told = assignment.for_task(row, self.slot.claimer.hostname)
        self.scope = assignment.scope_of(told, row["run_id"])
        task = load_spec(row["version_id"]).tasks.get(row["task_id"])
        self.limit = task.execution_timeout if task is not None else None
        try:
            self.child = self.slot.server.run(told)
        except BrokenVersion as error:
            self.writer.system(f"the DAG file of this run's version cannot be imported here: {error}", "error")
            return Outcome("failed", f"import of the DAG file failed: {error}", child_ran=False)
        self.slot.running = self
        try:
            self._supervise(self.child)
        finally:
            self.slot.running = None
        return self._outcome(self.child)

    # ---- while it runs

    def _supervise(self, child: Child) -> None:
        """Relay until the child has told its result or is gone."""
        poll = select.poll()
        for fd in (child.fileno(), child.out_fd, child.err_fd):
            poll.register(fd, select.POLLIN)
        open_fds = {child.fileno(): "", child.out_fd: "stdout", child.err_fd: "stderr"}
        while self.result is None:
            for fd, _ in poll.poll(LOOK_SECONDS * 1000 if not self.writer.waiting else FLUSH_SECONDS * 1000):
                name = open_fds[fd]
                if name:
                    data = os.read(fd, 1 << 16)
                    if data:
                        self.writer.output(name, data)
                    else:
                        poll.unregister(fd)
                    continue
                try:
                    messages = child.read()
                except EOFError:
                    return
                for message in messages:
                    self._take(child, message)
            self._look(child)

    def _take(self, child: Child, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "ask":
            self._answer(child, message)
        elif kind == "log":
            self.writer.record(message)
        elif kind == "rendered":
            self.rendered = message["fields"]
        elif kind == "result":
            self.result = message

    def _answer(self, child: Child, message: dict[str, Any]) -> None:
        assert self.scope is not None
        known = len(self.scope.secrets)
        try:
            value = answers.answer(self.scope, message["what"], message["args"])
        except answers.Refused as error:
            child.answer(message["id"], error=str(error))
        except (DatabaseError, InterfaceError) as error:
            child.answer(message["id"], error=f"the database cannot be reached: {error}")
        else:
            if len(self.scope.secrets) != known:
                self.masker = Masker(self.scope.secrets)
            if message["id"] is not None:
                child.answer(message["id"], value)

    def _look(self, child: Child) -> None:
        """Flush the log, and stop the child where its time is over."""
        now = time.monotonic()
        if self.writer.waiting and (now - self.flushed_at > FLUSH_SECONDS or self.writer.size > FLUSH_BYTES):
            self._flush(now)
        if self.cancelled is None:
            if self.slot.stopping() or self.slot.claimer.draining:
                self.slot.claimer.draining = True
                drain = settings.ORCH.drain_seconds
                if self.kill_at is None:
                    self.kill_at = now + drain
                elif now >= self.kill_at:
                    self.cancel("the worker stops")
            elif self.limit is not None and now - self.began > self.limit + RESULT_GRACE_SECONDS:
                self.cancel(f"the task took longer than its execution_timeout of {self.limit:g} s and did not end")
        elif self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            child.kill()

    def _flush(self, now: float) -> None:
        self.flushed_at = now
        if self.writer.flush():
            notify.log_grew(self.row["id"], self.row["token"])

    def cancel(self, reason: str, *, at_once: bool = False) -> None:
        """Stop the child: SIGTERM, and after a grace period SIGKILL, to its whole process group."""
        child = self.child
        if child is None or self.cancelled is not None:
            return
        self.kill_at = time.monotonic() + (0.0 if at_once else settings.ORCH.kill_grace_seconds)
        self.cancelled = reason
        child.signal(9 if at_once else 15)

    def check_held(self) -> None:
        """Stop the child when somebody cleared, marked or took over its task instance meanwhile."""
        row = self.row
        held = TaskInstance.objects.filter(pk=row["id"], token=row["token"], state=TaskState.RUNNING).exists()
        if not held and self.result is None:
            self.cancel("its task instance was cleared, marked, or given to another worker")

    # ---- after

    def _outcome(self, child: Child) -> Outcome:
        xcoms = self.scope.own_xcoms if self.scope is not None else {}
        result = self.result
        if result is None:
            return self._died(child, xcoms)
        kind = result["outcome"]
        if self.cancelled == "the worker stops" and kind == "failed":
            return Outcome("interrupted", "handed back: its worker stopped", xcoms=xcoms)
        at = result.get("reschedule_at")
        return Outcome(
            kind,
            self.masker.mask(result.get("error") or ""),
            retry=result.get("retry", True),
            xcoms=xcoms,
            rendered=self._masked_fields(),
            skip_note=result.get("skip_note"),
            map_label=result.get("map_label"),
            reschedule_at=datetime.fromisoformat(at) if at else None,
            trigger=result.get("trigger"),
            cpu_seconds=result.get("cpu_seconds"),
            peak_bytes=result.get("peak_bytes"),
        )

    def _died(self, child: Child, xcoms: dict[str, Any]) -> Outcome:
        """The child is gone without a result: say why."""
        ended = child.wait(RESULT_GRACE_SECONDS) or Exit(None, None)
        if self.cancelled == "the worker stops":
            return Outcome("interrupted", "handed back: its worker stopped", xcoms=xcoms)
        reason = self.cancelled or f"the task's process ended without a result: {ended}"
        self.writer.system(reason, "error")
        return Outcome(
            "failed",
            reason,
            xcoms=xcoms,
            rendered=self._masked_fields(),
            cpu_seconds=ended.cpu_seconds,
            peak_bytes=ended.peak_bytes,
            child_ran=False,
        )

    def _masked_fields(self) -> dict[str, Any] | None:
        return self.masker.mask_fields(self.rendered) if self.rendered else None

    def close(self, outcome: Outcome, found: Finished) -> None:
        """Write the rest of the log and let go of the child; off the path to the next attempt."""
        child = self.child
        if child is not None:
            self._rest_of_output(child)
            if self.result is None or self.cancelled:
                child.kill()
            child.close()
        if not found.accepted:
            self.writer.system("this attempt's result came too late: its task instance had been given on", "warning")
        self.writer.close()
        notify.log_grew(self.row["id"], self.row["token"])

    def _rest_of_output(self, child: Child) -> None:
        for name, fd in (("stdout", child.out_fd), ("stderr", child.err_fd)):
            os.set_blocking(fd, False)
            try:
                while data := os.read(fd, 1 << 16):
                    self.writer.output(name, data)
            except BlockingIOError:
                continue


@retrying()
def _forget_xcoms(instance_pk: int) -> None:
    """A new try starts without the values of the one before."""
    XCom.objects.filter(task_instance_id=instance_pk).delete()


def run_callback(slot: Slot, callback: Callback) -> None:
    """Run one callback in a child; an error of the callback's own is logged and ends it."""
    instance = callback.task_instance
    told = assignment.for_callback(callback, slot.claimer.hostname)
    scope = assignment.scope_of(told, callback.run_id)
    key = key_for(callback.run_id, instance.pk if instance else 0, instance.token if instance else 0)
    secrets: dict[str, Masker] = {"now": Masker(())}
    writer = LogWriter(logs.store(), key, lambda text: secrets["now"].mask(text))
    deadline = time.monotonic() + CALLBACK_SECONDS
    try:
        child = slot.server.run(told)
    except BrokenVersion as error:
        writer.system(f"on_{callback.kind}_callback could not run: {error}", "error")
        writer.close()
        _callback_done(callback.pk)
        return
    ended = False
    while not ended:
        left = deadline - time.monotonic()
        if left <= 0:
            writer.system(f"on_{callback.kind}_callback took longer than {CALLBACK_SECONDS:g} s and was ended", "error")
            break
        ready, _, _ = select.select([child], [], [], left)
        try:
            messages = child.read() if ready else []
        except EOFError:
            break
        for message in messages:
            if message["type"] == "ask":
                try:
                    value = answers.answer(scope, message["what"], message["args"])
                    secrets["now"] = Masker(scope.secrets)
                    child.answer(message["id"], value)
                except answers.Refused as error:
                    child.answer(message["id"], error=str(error))
            elif message["type"] == "log":
                writer.record(message)
            elif message["type"] == "result":
                ended = True
    for name, fd in (("stdout", child.out_fd), ("stderr", child.err_fd)):
        os.set_blocking(fd, False)
        try:
            while data := os.read(fd, 1 << 16):
                writer.output(name, data)
        except BlockingIOError:
            continue
    child.kill()
    child.close()
    writer.close()
    _callback_done(callback.pk)


CALLBACK_SECONDS = 600.0


@retrying()
def _callback_done(pk: int) -> None:
    Callback.objects.filter(pk=pk).update(done_at=timezone.now())
