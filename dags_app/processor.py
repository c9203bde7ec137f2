"""Keeps the database's DAGs the same as the DAG folder's files.

One loop looks at the folder (when the watch hears of a change, and every so often), parses what changed in
processes of their own, several at once, and stores what they define. Good news is stored at once; that a
file is broken, empty or gone is believed once it has stayed so for a moment, since editors write in steps.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.utils import timezone

from orchestrator.runtime.client import ForkServer

from . import plugins, ranges, schedule, sync
from .bundles.config import DEFAULT_NAME
from .folder import Folder, Look, Names, Print
from .models import DagFile
from .parsing import Finished, parse, print_of
from .plugin_calls import Answered, Desk
from .plugins import Mark
from .sync import OnChanged, Outcome, Parsed, error_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
LOOK_SECONDS_UNWATCHED = PLUGINS_SECONDS = 1.0
ASK_SECONDS = 5.0
"""A file whose timetable has no answer is not parsed again more often than this."""
REFRESH_SECONDS = 300.0
"""After so long a file is parsed again though nothing changed: its DAGs may depend on variables and the like."""
SETTLE_SECONDS = 0.25
SLOW_SECONDS = 1.0
"""A parse that takes longer gives its place to the next one: a file that hangs delays no other."""
MOST_AT_ONCE = 32
MOST_TRIES = 5
RETRY_SECONDS = 1.0


@dataclass(slots=True)
class Counts:
    """What one step did."""

    parsed: int = 0
    errors: int = 0  # of those, with an import error
    new_versions: int = 0
    gone: int = 0

    def add(self, other: Counts) -> None:
        for name in ("parsed", "errors", "new_versions", "gone"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Known:
    """A DAG file as it was when it was last stored."""

    needs: dict[str, Print | None]
    parsed_at: float  # monotonic
    lacks_module: bool = False
    hit_limit: bool = False
    refused: set[str] = field(default_factory=set)  # DAG ids that another file defines


@dataclass(slots=True)
class Job:
    future: Future[Finished]
    look: Look
    began: float


class Processor:
    """Call :meth:`step` in a loop from one thread; :meth:`wake` from any."""

    def __init__(
        self,
        root: str,
        *,
        on_changed: OnChanged | None = None,
        answered: Answered | None = None,
        workers: int | None = None,
        bundle: str = DEFAULT_NAME,
        woken: threading.Event | None = None,
        peers: list[Processor] | None = None,
    ) -> None:
        self.root, self.on_changed, self.bundle = os.path.abspath(root), on_changed, bundle
        self.bundle_version: str | None = None
        self.workers = workers or os.cpu_count() or 2
        self.peers = peers if peers is not None else []  # of all bundles: together they have so many workers
        self.peers.append(self)
        self.folder, self.server = Folder(self.root), ForkServer()
        self.replaced: list[ForkServer] = []
        self.is_held = False  # its files are about to change: nothing new is begun
        self.brought: Mapping[str, bytes] = {}  # what every version of this bundle has besides its own files
        self.pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="parse")
        self.files: dict[str, Known] = {}
        self.look, self.names = Look(), Names(Look(), ())
        self.dag_files: set[str] = set()
        self.queue: dict[str, float] = {}  # path -> not before (monotonic)
        self.jobs: dict[str, Job] = {}
        self.held: dict[str, tuple[Finished, float]] = {}  # bad news, and when to believe it
        self.missing: dict[str, float] = {}  # path -> when it is believed to be gone
        self.tries: dict[str, int] = {}
        self.only: Collection[str] | None = None
        self.watched: Callable[[], bool] = lambda: True
        self._look_at = self._plugins_at = 0.0
        self.plugins: Mark | None = None
        self.asked_at: dict[str, float] = {}
        self._first = True
        self._woken, self._hinted = woken or threading.Event(), threading.Event()
        # Here, not in a thread of the pool: it ends with the thread that started it.
        self.server.start()
        self.desk = Desk(self.server, answered)

    # ---- the loop

    def wake(self) -> None:
        """Something in the folder changed."""
        self._hinted.set()
        self._woken.set()

    def step(self, timeout: float = 0.0) -> Counts:
        """Wait up to ``timeout`` seconds for something to do, do all that can be done now, and say what it was."""
        self._woken.wait(min(timeout, self.until_due()))
        self._woken.clear()
        return self.turn()

    def turn(self) -> Counts:
        """Do all that can be done now."""
        now = time.monotonic()
        counts = Counts()
        self.serve(now)
        if self._hinted.is_set() or now >= self._look_at:
            # Twice: files that come with a new folder may be there before its watch is.
            again = SETTLE_SECONDS if self._hinted.is_set() else LOOK_SECONDS
            self._hinted.clear()
            self._look_at = now + (again if self.watched() else LOOK_SECONDS_UNWATCHED)
            self._take_a_look(now, counts)
        self._submit(now)
        self._collect(counts)
        while self.replaced and not self.jobs:
            self.replaced.pop().close()
        self._believe(counts)
        self._submit(time.monotonic())
        return counts

    def serve(self, now: float) -> None:
        """Look after what is not of files: plugins, timetables that are to be asked, calls of plugins."""
        if now < self._plugins_at:
            return
        self._plugins_at = now + PLUGINS_SECONDS
        self._look_at_plugins()
        self._ask_timetables(now)
        if self.is_first:
            self.desk.turn(self._beside)

    def nudge(self) -> None:
        """Have the loop look whether there is something to do."""
        self._woken.set()

    def use_python(self, python: str, brought: Mapping[str, bytes]) -> None:
        """Parse with another interpreter from here on, all files anew; ``brought`` goes into each of their versions."""
        self.replaced.append(self.server)  # until what it parses has ended
        self.server = ForkServer(python=python)
        self.server.start()
        self.brought = brought
        self.desk.server = self.server
        self.parse_all()
        self.wake()

    def settle(self, limit: float = 60.0, only: Collection[str] | None = None) -> Counts:
        """Take a look, and step until nothing is left to do; ``only``: parse no other files than these.

        Raises:
            TimeoutError: there still was after ``limit`` seconds.
        """
        deadline = time.monotonic() + limit
        self.only = only
        self.wake()
        counts = self.step()
        while not self.is_idle:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the DAG folder is not settled after {limit:g} s: {sorted(self.jobs)[:5]}")
            counts.add(self.step(0.1))
        return counts

    @property
    def is_first(self) -> bool:
        """Whether it does what is there once, however many bundles there are."""
        return self.peers[0] is self

    @property
    def is_idle(self) -> bool:
        return not (self.queue or self.jobs or self.held or self.missing)

    def until_due(self) -> float:
        now = time.monotonic()
        due = [self._look_at, *self.missing.values(), *(when for _, when in self.held.values())]
        if len(self.jobs) < MOST_AT_ONCE:
            due += [when for path, when in self.queue.items() if path not in self.jobs]
            due += [job.began + SLOW_SECONDS for job in self.jobs.values() if now < job.began + SLOW_SECONDS]
        return max(0.0, min(due) - now) if not self._is_full(now) or not self.queue else SLOW_SECONDS / 10

    def close(self) -> None:
        for server in (self.server, *self.replaced):
            server.close()
        self.pool.shutdown(wait=True, cancel_futures=True)

    # ---- looking

    def _look_at_plugins(self) -> None:
        """Where a plugin changed, list what there is now, and parse every file again: it may be another DAG with it."""
        folder = plugins.current()
        if folder.mark == self.plugins:
            return
        if self.is_first:
            plugins.store(plugins.load(self.server, folder), timezone.now())
        first, self.plugins = self.plugins is None, folder.mark
        if not first:
            self.parse_all()

    def parse_all(self) -> None:
        """Parse every file again, though none of them changed."""
        for path in self.files:
            self.queue.setdefault(path, 0.0)

    def _beside(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        """Do something in a thread of the pool, and look again when it is done."""
        future = self.pool.submit(work, *args)
        future.add_done_callback(lambda _: self._serve_again())
        return future

    def _serve_again(self) -> None:
        self._plugins_at = 0.0
        self._woken.set()

    def _ask_timetables(self, now: float) -> None:
        """Parse the files again whose DAGs' own timetables are to say what comes next."""
        for bundle, path in schedule.wanted_files():
            if (
                bundle == self.bundle
                and path in self.dag_files
                and now - self.asked_at.get(path, -ASK_SECONDS) >= ASK_SECONDS
            ):
                self.asked_at[path] = now
                self.queue.setdefault(path, 0.0)

    def _take_a_look(self, now: float, counts: Counts) -> None:
        look = self.folder.look()
        if look is None:  # a mount that went away says nothing about the DAGs on it
            self._look_at = now + LOOK_SECONDS_UNWATCHED
            return
        added = any(path.endswith((".py", ".zip")) for path in look.prints.keys() - self.look.prints.keys())
        self.look, self.dag_files = look, set()
        for path in sorted(look.candidates):
            verdict = self.folder.judge(path, look.prints[path])
            if verdict is None:
                continue
            self.dag_files.add(path)
            self.missing.pop(path, None)
            if verdict != "dag":
                if not self._is_current(path, look):
                    self._refuse(path, verdict, counts)
            elif self._is_due(path, look, now, added):
                self.held.pop(path, None)
                self.queue.setdefault(path, 0.0)
        self.names = Names(look, self.dag_files)
        self._miss(now, counts)

    def _is_current(self, path: str, look: Look) -> bool:
        known = self.files.get(path)
        return known is not None and all(self._print(each, look) == was for each, was in known.needs.items())

    def _is_due(self, path: str, look: Look, now: float, added: bool) -> bool:
        if path in self.jobs or (self.only is not None and path not in self.only):
            return False  # whether it changed meanwhile is seen when it ends
        if path in self.held:
            return any(self._print(each, look) != was for each, was in self.held[path][0].needs.items())
        known = self.files.get(path)
        return (
            known is None
            or not self._is_current(path, look)
            or (added and known.lacks_module)
            or (now - known.parsed_at > REFRESH_SECONDS and not known.hit_limit)
        )

    def _print(self, path: str, look: Look) -> Print | None:
        return look.prints[path] if path in look.prints else print_of(self.root, path)

    def _miss(self, now: float, counts: Counts) -> None:
        """Notice the files that are no DAG files any more."""
        for path in self.files.keys() - self.dag_files:
            if not self.look.may_hold(path):
                self.missing.setdefault(path, now + SETTLE_SECONDS)
        for pending in (self.queue, self.held):
            for path in [each for each in pending if each not in self.dag_files]:
                del pending[path]
                self.missing.setdefault(path, now)
        if self._first:  # what went while nobody looked
            gone = set(
                DagFile.objects.filter(bundle_name=self.bundle, gone_at__isnull=True).values_list(
                    "relative_path", flat=True
                )
            )
            self._store_gone({path for path in gone - self.dag_files if not self.look.may_hold(path)}, counts)
            self._first = False

    # ---- parsing

    def _is_full(self, now: float) -> bool:
        fresh = sum(now - job.began < SLOW_SECONDS for peer in self.peers for job in peer.jobs.values())
        return fresh >= self.workers or len(self.jobs) >= MOST_AT_ONCE

    def _submit(self, now: float) -> None:
        if self.is_held:
            return
        ready = [path for path, when in self.queue.items() if when <= now and path not in self.jobs]
        # Last, those that took all their time before.
        ready.sort(key=lambda path: (path in self.files and self.files[path].hit_limit, path))
        for path in ready:
            if self._is_full(now):
                return
            del self.queue[path]
            future = self.pool.submit(
                parse,
                self.server,
                self.root,
                path,
                self.look,
                self.names,
                lasts=schedule.lasts_of(self.bundle, path),
                ranges=ranges.questions_of(self.bundle, path),
                brought=self.brought,
            )
            future.add_done_callback(lambda _: self._woken.set())
            self.jobs[path] = Job(future, self.look, now)

    def _collect(self, counts: Counts) -> None:
        for path, job in [each for each in self.jobs.items() if each[1].future.done()]:
            del self.jobs[path]
            self._submit(time.monotonic())  # the processor goes on while we write
            try:
                finished = job.future.result()
                finished.parsed.bundle, finished.parsed.bundle_version = self.bundle, self.bundle_version
            except Exception as error:  # nothing the file did: no process to be had, a database that does not answer
                log.warning("parse_failed file=%s error=%s", path, error)
                self.queue[path] = time.monotonic() + RETRY_SECONDS
                continue
            if path in self.dag_files:
                self._take(path, finished, counts)
            else:
                self.missing.setdefault(path, time.monotonic())

    def _take(self, path: str, finished: Finished, counts: Counts) -> None:
        now = time.monotonic()
        if self._moved(finished) and self.tries.get(path, 0) < MOST_TRIES:
            # Somebody saved while we read: these DAGs and these sources may not belong together.
            self.tries[path] = self.tries.get(path, 0) + 1
            self.queue[path] = now + 0.02
            self.wake()
            return
        if finished.hit_limit and path in self.files:
            finished.needs = {**dict.fromkeys(self.files[path].needs), **finished.needs}
            finished.needs = {each: was or print_of(self.root, each) for each, was in finished.needs.items()}
        is_bad = bool(finished.parsed.errors) or not finished.parsed.documents
        newest = max((was[1] for was in finished.needs.values() if was), default=0) / 1e9
        fresh = newest + SETTLE_SECONDS - time.time()
        if is_bad and 0 < fresh <= SETTLE_SECONDS:
            self.held[path] = (finished, now + fresh)
            return
        self._keep(path, finished, counts)

    def _moved(self, finished: Finished) -> bool:
        return any(print_of(self.root, each) != was for each, was in finished.needs.items())

    def _believe(self, counts: Counts) -> None:
        """Store the bad news that has stayed true."""
        now = time.monotonic()
        for path, (finished, _) in [each for each in self.held.items() if each[1][1] <= now]:
            del self.held[path]
            if self._moved(finished):
                self.queue[path] = now
                self.wake()
            else:
                self._keep(path, finished, counts)
        gone = [path for path, when in self.missing.items() if when <= now]
        if gone:
            self._store_gone(gone, counts)

    # ---- storing

    def _refuse(self, path: str, reason: str, counts: Counts) -> None:
        """Store why a file is not parsed at all."""
        parsed = Parsed(path, os.path.join(self.root, path), errors=[error_of(reason)], bundle=self.bundle)
        self._keep(path, Finished(parsed, {path: self.look.prints[path]}), counts)

    def _keep(self, path: str, finished: Finished, counts: Counts) -> None:
        self.tries.pop(path, None)
        store = partial(sync.store, present=self.dag_files, on_changed=self.on_changed)
        outcome = self._write(path, lambda: store(finished.parsed, now=timezone.now()))
        if outcome is None:
            return
        known = Known(finished.needs, time.monotonic(), finished.lacks_module, finished.hit_limit)
        known.refused = set(outcome.refused)
        self.files[path] = known
        counts.parsed += 1
        counts.errors += outcome.has_error
        counts.new_versions += outcome.new_versions
        self._hand_over(outcome)

    def _store_gone(self, paths: Iterable[str], counts: Counts) -> None:
        for path in sorted(paths):
            store = partial(sync.store_gone, [path], on_changed=self.on_changed, bundle=self.bundle)
            outcome = self._write(path, lambda store=store: store(now=timezone.now()))
            if outcome is None:
                self.missing[path] = time.monotonic() + RETRY_SECONDS
                continue
            self.missing.pop(path, None)
            self.files.pop(path, None)
            self.folder.forget(path)
            counts.gone += 1
            self._hand_over(outcome)

    def _hand_over(self, outcome: Outcome) -> None:
        """Parse the files again that waited for an id which is free now."""
        if not outcome.freed:
            return
        for peer in self.peers:
            for path, known in peer.files.items():
                if known.refused & outcome.freed:
                    peer.queue.setdefault(path, 0.0)

    def _write(self, path: str, store: Callable[[], Outcome]) -> Outcome | None:
        """Write, or ask for another parse where the database could not."""
        try:
            return store()
        except (OperationalError, InterfaceError) as error:
            log.warning("store_failed file=%s error=%s", path, error)
            connections.close_all()
        except DatabaseError as error:  # two processors at once, or a value of the file that no column takes
            log.warning("store_refused file=%s error=%s", path, error)
            self.tries[path] = self.tries.get(path, 0) + 1
            if self.tries[path] > 2:
                reason = f"what the file defines cannot be stored: {str(error).splitlines()[0]}"
                parsed = Parsed(path, os.path.join(self.root, path), errors=[error_of(reason)], bundle=self.bundle)
                return sync.store(parsed, now=timezone.now(), present=self.dag_files, on_changed=self.on_changed)
        if path in self.dag_files:
            self.queue[path] = time.monotonic() + RETRY_SECONDS
        return None
