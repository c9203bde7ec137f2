"""The triggerer: takes the triggers of deferred tasks and has them run, by the thousand, in a few processes.

This process holds the database connection and the lease and imports no user code; the triggers run in
processes of :mod:`orchestrator.runtime.triggers`, one for the classes that any process of ours can import and
one for each DAG version that brings its own. Nothing is lost with either: a child's triggers start again
in its successor, a triggerer's with another triggerer.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from dags_app import environments
from dags_app.versions import place_of
from orchestrator import wake
from orchestrator.logs.mask import Masker
from orchestrator.logs.store import key_for
from orchestrator.logs.writer import LogWriter
from orchestrator.runtime.trigger_client import TriggerProcess, dotted_paths, place_for

from . import async_callbacks, deferrals, logs, notify, watches
from .answers import Refused, Scope, answer
from .assignment import for_task, scope_of
from .deferrals import Deferral
from .locking import close_broken, is_passing
from .nudges import NudgeSocket
from .outlet_notes import BadNote
from .processes import Lease
from .trigger_hosts import Host, Running, ServerLog
from .watches import Watch

log = logging.getLogger(__name__)

Key = tuple[int, int]
Json = dict[str, Any]

POLL_SECONDS = 0.5
CHECK_SECONDS = 1.0
"""How often we look whether what we run is still waited for."""
MOST_AT_ONCE = 200
"""Triggers taken, or events accepted, in one transaction."""
MOVE_SECONDS = 5.0
"""A trigger that blocks its loop for so long is left alone with it; the others move."""
IDLE_SECONDS = 60.0
"""A process without triggers is kept so long."""
STOP_SECONDS = 5.0
FROZEN_SECONDS = 15.0
"""A process that says nothing for so long, not even that it is there, is ended; its triggers start again."""
MOST_DEATHS = 4
"""Processes that one trigger may take with it before its task fails."""


class Triggerer:
    """The loop over children and database. ``capacity``: triggers that this one runs at most."""

    def __init__(self, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.running: dict[Key, Running] = {}
        self.numbers: dict[int, Running] = {}
        self.hosts: list[Host] = []
        self.selector = selectors.DefaultSelector()
        self.last = 0
        self.passed_over = 0
        self.lost = False
        self.nudges = NudgeSocket(wake.DEFERRED_CHANNEL)
        self.selector.register(self.nudges, selectors.EVENT_READ)
        self.next_poll = self.checked_at = 0.0
        self.lease = Lease("triggerer", on_lost=self._lose)

    # ---- its life

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Run until ``should_stop()``; then leave every trigger to others."""
        self.lease.start()
        self.nudges.start()
        next_check = 0.0
        log.info("triggerer_started process=%s capacity=%d", self.lease.pk, self.capacity)
        try:
            while not should_stop():
                try:
                    now = time.monotonic()
                    if self.lost:
                        self._forget_all()
                    if now >= self.next_poll:
                        self.next_poll = now + POLL_SECONDS
                        self.take()
                        self.take_callbacks()
                    if now >= next_check:
                        next_check = now + CHECK_SECONDS
                        self.check()
                        self.take_watches()
                    self.accept()
                except (DatabaseError, InterfaceError) as error:
                    # The triggers run on; what they find is kept until the database is back.
                    log.warning("triggerer_database_error error=%s", error)
                    close_broken()
                    self.listen(1.0)
                self.listen(max(0.0, self.next_poll - time.monotonic()))
        finally:
            self.stop()

    def stop(self) -> None:
        """End the children (each trigger cleans up), accept what fired meanwhile, and give the rest back."""
        for host in self.hosts:
            host.process.send({"type": "stop"})
        deadline = time.monotonic() + STOP_SECONDS
        while any(host.process.process.poll() is None for host in self.hosts) and time.monotonic() < deadline:
            self.listen(0.2, restart=False)
        for host in list(self.hosts):
            self._drop(host)
        try:
            self.accept()
            given_back = deferrals.release(self.lease.pk) + watches.release(self.lease.pk)
            async_callbacks.release(self.lease.pk)
            log.info("triggerer_stopped process=%s given_back=%d", self.lease.pk, given_back)
        except (DatabaseError, InterfaceError) as error:
            log.warning("triggerer_not_released error=%s", error)  # the sweep does it when the lease runs out
        self.lease.stop()
        self.selector.close()
        self.nudges.close()

    def _lose(self) -> None:
        """The lease was ended by others: our triggers are theirs now. Called in the lease's thread."""
        self.lost = True

    def _forget_all(self) -> None:
        for host in list(self.hosts):
            self._drop(host)
        self.running, self.numbers, self.lost = {}, {}, False

    # ---- taking and leaving

    def take_watches(self) -> None:
        """Take the triggers that watch assets and that nobody runs; they are few, and who is first has them."""
        now = timezone.now()
        watches.reconcile(now)
        room = self.capacity - len(self.running)
        if room > 0 and watches.free(now):
            self.start(watches.take(self.lease.pk, min(room, MOST_AT_ONCE), now))

    def take(self) -> None:
        """Take free triggers: our share of them, and after a moment also what nobody else took."""
        room = self.capacity - len(self.running)
        free, total, sharers = deferrals.open_triggers()
        if not free or room <= 0:
            self.passed_over = 0
            return
        share = -(-total // max(1, sharers)) - len(self.running)
        if share <= 0:
            self.passed_over += 1
            if self.passed_over < 4:
                return
            share = -(-free // max(1, sharers))
        self.passed_over = 0
        left = min(room, share, free)
        while left > 0:
            found = deferrals.take(self.lease.pk, min(left, MOST_AT_ONCE))
            if not found:
                return
            self.start(found)
            left -= len(found)

    def take_callbacks(self) -> None:
        """Take what missed deadlines call."""
        room = min(self.capacity - len(self.running), MOST_AT_ONCE)
        if room > 0 and async_callbacks.waiting():
            self.start(async_callbacks.take(self.lease.pk, room, timezone.now()))

    def start(self, found: Iterable[Deferral | Watch], host: Host | None = None) -> None:
        """Start triggers, each in a process that can import its class."""
        for deferral in found:
            if deferral.key in self.running:
                continue
            self.last += 1
            try:
                assignment = _assignment(deferral) if isinstance(deferral, Deferral) else None
                root, file = place_of(deferral.row["version_id"])
                needed = (_imports(deferral), *dotted_paths(deferral.kwargs))
                place = place_for(needed, root, file, apart=environments.is_apart(root))
                at = host or self._host_for(place)
            except Exception as error:  # one row that cannot be started must not hold up the others
                log.exception("trigger_not_started trigger=%s", deferral)
                if isinstance(deferral, Watch):
                    watches.failed(deferral, self.lease.pk, f"{type(error).__name__}: {error}", timezone.now())
                    continue
                self._not_started(deferral, error)
                continue
            scope, writer = _scope_and_log(deferral, assignment)
            each = Running(self.last, deferral, writer, scope, at)
            self.running[deferral.key] = each
            self._send_start(each, assignment)

    def _not_started(self, deferral: Deferral, error: Exception) -> None:
        if deferral.callback_pk:
            async_callbacks.done(deferral, "failed", timezone.now())
        else:
            deferrals.resume([(deferral, {"error": f"the trigger could not be started: {error}"})], timezone.now())

    def _send_start(self, each: Running, assignment: Json | None = None) -> None:
        self.numbers[each.number] = each
        each.host.triggers[each.number] = each
        if isinstance(each.deferral, Deferral):
            assignment = assignment or _assignment(each.deferral)
        message = {"type": "start", "trigger": each.number, "classpath": each.deferral.classpath}
        message |= {"kwargs": each.deferral.kwargs, "task_instance": assignment, "watch": each.is_watch}
        each.host.process.send(message)

    def check(self) -> None:
        """Cancel what is no longer waited for, and end processes that have had nothing to do for a while."""
        ours: set[Key] = set()
        for kind in (deferrals, watches, async_callbacks):
            held = kind.held(self.lease.pk)
            kind.give_back(self.lease.pk, held - self.running.keys())
            ours |= held
        for key in self.running.keys() - ours:
            self._cancel(self.running[key])
        now = time.monotonic()
        held_up, self.checked_at = now - self.checked_at > FROZEN_SECONDS / 2, now
        for host in list(self.hosts):
            if held_up:  # by a database that was away, say: we did not listen, so silence proves nothing
                host.heard = now
            if host.triggers:
                host.idle_since = now
                host.process.send({"type": "ping"})
                if now - host.heard > FROZEN_SECONDS:
                    log.warning(
                        "trigger_process_frozen pid=%s triggers=%d", host.process.process.pid, len(host.triggers)
                    )
                    host.process.kill()
            elif host.retired or now - host.idle_since > IDLE_SECONDS:
                self._drop(host)

    def _cancel(self, each: Running) -> None:
        del self.running[each.deferral.key]
        if each.answer is None:
            each.writer.system("The task is no longer waited for: its trigger is cancelled")
            each.host.process.send({"type": "cancel", "triggers": [each.number]})

    # ---- children

    def _host_for(self, place: tuple[str, str]) -> Host:
        for host in self.hosts:
            if host.process.place == place and not host.retired and not host.deaths:
                return host
        return self._new_host(place)

    def _new_host(self, place: tuple[str, str], deaths: int = 0) -> Host:
        host = Host(TriggerProcess(place, environments.python_of(place[0])), deaths=deaths)
        self.hosts.append(host)
        self.selector.register(host.process, selectors.EVENT_READ, host)
        return host

    def _drop(self, host: Host) -> Any:
        """Forget a child, killing it where it still lives; return how it ended."""
        self.selector.unregister(host.process)
        self.hosts.remove(host)
        return host.process.end(0.2 if host.process.process.poll() is None and not host.triggers else 0.0)

    def listen(self, timeout: float, *, restart: bool = True) -> None:
        """Take in what the children say, for at most ``timeout`` seconds of silence."""
        for selected, _ in self.selector.select(timeout):
            host = selected.data
            if host is None:
                self.nudges.drain()
                self.next_poll = 0.0
                continue
            try:
                messages = host.process.read()
            except EOFError:
                self._died(host, restart)
                continue
            host.heard = time.monotonic()
            touched: dict[int, Running] = {}
            for message in messages:
                each = self.numbers.get(message.get("trigger") or 0)
                if each is not None:
                    touched[each.number] = each
                self._handle(host, each, message)
            for each in touched.values():
                if each.writer.flush() and not each.is_watch:
                    notify.log_grew(*each.deferral.key)

    def _handle(self, host: Host, each: Running | None, message: Json) -> None:
        kind = message["type"]
        if kind == "ask":
            self._answer(host, each, message)
        elif kind == "log":
            if each is not None:
                each.writer.record(message)
            else:
                log.info("trigger_process_says %s", message["event"])
        elif each is None or each.host is not host:
            return  # it was cancelled or moved meanwhile
        elif kind == "event" and each.is_watch:
            each.counted += 1
            each.events.append((f"{each.number}.{each.counted}", message["payload"]))
        elif kind in {"event", "end", "failed"}:
            each.answer = message
        elif kind == "ended":
            self._forget(each)
        elif kind == "blocked":
            self._blocked(host, each, message)

    def _forget(self, each: Running) -> None:
        """Its code has ended; what it found is kept in ``running`` until it is accepted."""
        self.numbers.pop(each.number, None)
        each.host.triggers.pop(each.number, None)

    def _answer(self, host: Host, each: Running | None, message: Json) -> None:
        reply: Json = {"type": "answer", "id": message["id"]}
        try:
            scope = each.scope if each is not None else Scope("", 0, "")
            reply["value"] = answer(scope, message["what"], message["args"])
        except Refused as error:
            reply["error"] = str(error)
        except (DatabaseError, InterfaceError) as error:
            reply["error"] = f"{message['what']}: the database did not answer: {error}"
            close_broken()
        host.process.send(reply)

    def _blocked(self, host: Host, culprit: Running, message: Json) -> None:
        seconds = message["seconds"]
        others = [each for each in host.triggers.values() if each is not culprit and each.answer is None]
        text = f"The trigger has blocked the event loop for {seconds:.0f} s; {len(others)} others wait. Use await, or asyncio.to_thread"
        culprit.writer.system(f"{text}, at:\n{message['stack'].rstrip()}", "warning")
        log.warning("trigger_blocks_loop seconds=%.0f others=%d trigger=%s", seconds, len(others), culprit.deferral)
        if seconds >= MOVE_SECONDS and others:
            host.retired = True
            host.process.send({"type": "cancel", "triggers": [each.number for each in others]})
            self._move(others, self._host_for(host.process.place))

    def _move(self, triggers: Iterable[Running], to: Host) -> None:
        """Start triggers again in another process, under new numbers: what the old one still says is not heard."""
        for each in triggers:
            self._forget(each)
            self.last += 1
            each.number, each.host = self.last, to
            self._send_start(each)

    def _died(self, host: Host, restart: bool) -> None:
        """Start a dead child's triggers again; those that take their process with them time and again are found out.

        After the second death the triggers are halved, so that one which ends its process is soon alone.
        """
        found = self._drop(host)
        left = [each for each in host.triggers.values() if each.answer is None and each.deferral.key in self.running]
        for each in list(host.triggers.values()):
            self._forget(each)
        if not restart:
            return
        deaths = 1 if time.monotonic() - host.born > IDLE_SECONDS else host.deaths + 1
        log.warning("trigger_process_died how=%r triggers=%d deaths=%d", str(found), len(left), deaths)
        if len(left) == 1 and deaths > MOST_DEATHS:
            left[0].answer = {"type": "failed", "error": f"the trigger ended the process it ran in: {found}"}
            return
        middle = len(left) // 2 if deaths > 1 and len(left) > 1 else len(left)
        for part in (left[:middle], left[middle:]):
            if part:
                self._move(part, self._new_host(host.process.place, deaths))

    # ---- what they found

    def accept(self) -> None:
        """Write what triggers found: resume their tasks."""
        self._accept_watches()
        found = [each for each in self.running.values() if each.answer is not None]
        for each in [each for each in found if isinstance(each.deferral, Deferral) and each.deferral.callback_pk]:
            called = (each.answer or {}).get("type") == "event"
            async_callbacks.done(each.deferral, "called" if called else "failed", timezone.now())
            del self.running[each.deferral.key]
            found.remove(each)
        for start in range(0, len(found), MOST_AT_ONCE):
            part = found[start : start + MOST_AT_ONCE]
            ended = [each for each in part if each.answer and each.answer["type"] == "end"]
            self._resume([each for each in part if each not in ended])
            for each in ended:
                self._end(each)

    def _accept_watches(self) -> None:
        """Write what watching triggers found, in the order they did; give back those that failed."""
        for each in [each for each in self.running.values() if isinstance(each.deferral, Watch)]:
            watch = each.deferral
            while each.events:
                number, payload = each.events[0]
                try:
                    if not watches.accept(watch, self.lease.pk, number, payload, timezone.now()):
                        log.info("stale_event trigger=%s", watch)
                except BadNote as error:
                    log.error("event_not_accepted trigger=%s error=%s", watch, error)
                del each.events[0]
            if each.answer is not None:
                del self.running[watch.key]
                watches.failed(watch, self.lease.pk, str(each.answer.get("error") or "it failed"), timezone.now())

    def _resume(self, part: list[Running]) -> None:
        if not part:
            return
        try:
            accepted = deferrals.resume([(each.deferral, each.answer or {}) for each in part], timezone.now())
        except Exception as error:
            if len(part) > 1 and not is_passing(error):
                for each in part:  # one that cannot be written must not hold up the others
                    self._resume([each])
                return
            self._refuse(part[0], error)
            return
        for each in part:
            if each.deferral.key not in accepted:
                log.info("stale_event trigger=%s", each.deferral)
            self.running.pop(each.deferral.key, None)

    def _end(self, each: Running) -> None:
        message = each.answer or {}
        xcoms = {key: (value, length) for key, (value, length) in message["xcoms"].items()}
        try:
            deferrals.end(each.deferral, message["state"], xcoms, timezone.now())
        except Exception as error:
            self._refuse(each, error)
            return
        self.running.pop(each.deferral.key, None)

    def _refuse(self, each: Running, error: Exception) -> None:
        """What a trigger found cannot be written (a NUL character in it, say): its task fails and says so."""
        if is_passing(error) or (each.answer or {}).get("refused"):
            raise error
        log.error("event_not_accepted trigger=%s error=%s", each.deferral, error)
        text = f"the trigger's event cannot be stored: {type(error).__name__}".replace("\0", "")
        each.answer = {"type": "failed", "error": text, "refused": True}
        self._resume([each])


def _scope_and_log(deferral: Deferral | Watch, assignment: Json | None) -> tuple[Scope, Any]:
    """Who asks when the trigger asks, and where it speaks."""
    if assignment is None or isinstance(deferral, Watch):
        return Scope("", 0, ""), ServerLog(deferral.classpath)
    scope = scope_of(assignment, deferral.row["run_id"])
    key = key_for(deferral.row["run_id"], *deferral.log_key)
    return scope, LogWriter(logs.store(), key, lambda text: Masker(scope.secrets).mask(text))


def _imports(deferral: Deferral | Watch) -> str:
    """What has to be importable where it runs."""
    return deferral.imports if isinstance(deferral, Deferral) else deferral.classpath


def _assignment(deferral: Deferral) -> Json:
    """What a trigger is told of its task instance: less than the task's own process is."""
    told = for_task(deferral.row, deferral.row["hostname"])
    return {name: value for name, value in told.items() if name not in {"smtp_url", "next_kwargs", "next_method"}}


def run(should_stop: Callable[[], bool]) -> None:
    """Run a triggerer in this process until ``should_stop()``."""
    Triggerer(settings.ORCH.triggerer_capacity).run(should_stop)
