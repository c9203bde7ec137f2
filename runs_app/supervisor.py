"""Keeping the processes of one machine alive: forked from one that has everything imported, started anew when they die."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

from orchestrator.runtime.forkserver import set_parent_death_signal

log = logging.getLogger(__name__)

QUICK_SECONDS = 10.0
"""A process that ended sooner than this is started again later and later."""
LONGEST_PAUSE_SECONDS = 10.0


@dataclass(slots=True)
class Member:
    """One process: a function to fork into, or a command line."""

    name: str
    run: Callable[[], None] | None = None
    command: Sequence[str] = ()
    stop_last: bool = False  # others need it to stop cleanly
    pid: int = 0
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0


class Supervisor:
    """Starts its members, restarts those that end, and stops all of them when told to."""

    def __init__(self, members: Sequence[Member], *, stop_seconds: float) -> None:
        self.members = list(members)
        self.stop_seconds = stop_seconds
        self.told = 0
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)

    def run(self, each_turn: Callable[[], None] = lambda: None) -> None:
        """Supervise until SIGINT or SIGTERM, then stop everything; a second signal stops it at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        try:
            while not self.told:
                self._reap()
                self._start_due()
                each_turn()
                self._wait(0.1 if any(not member.pid for member in self.members) else 1.0)
        finally:
            self.stop()

    def start(self, member: Member) -> None:
        """Start one member now."""
        member.started_at = time.monotonic()
        if member.command:
            member.pid = subprocess.Popen(
                list(member.command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_us,
            ).pid
            return
        connections.close_all()
        parent = os.getpid()
        sys.stdout.flush()
        member.pid = os.fork()
        if member.pid == 0:
            self._become(member, parent)

    def _become(self, member: Member, parent: int) -> None:
        """In the fork: be the member, and never come back."""
        code = 1
        try:
            os.setpgid(0, 0)  # the terminal's Ctrl-C is for the supervisor, which stops us in order
            set_parent_death_signal(signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self.wake_read)
            os.close(self.wake_write)
            assert member.run is not None
            _name_connections(member.name)
            member.run()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except KeyboardInterrupt:
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _start_due(self) -> None:
        now = time.monotonic()
        for member in self.members:
            if not member.pid and now >= member.start_at:
                self.start(member)

    def _reap(self) -> None:
        """Take note of members that ended, and plan their next start."""
        now = time.monotonic()
        for member in self.members:
            if not member.pid or not (status := _ended(member.pid)):
                continue
            lived = now - member.started_at
            member.failures = member.failures + 1 if lived < QUICK_SECONDS else 0
            pause = min(LONGEST_PAUSE_SECONDS, 0.1 * 2**member.failures) if member.failures else 0.0
            member.pid, member.start_at = 0, now + pause
            if not self.told:
                log.warning(
                    "process_ended role=%s status=%s lived_s=%.1f restart_in_s=%.1f", member.name, status, lived, pause
                )

    def stop(self) -> None:
        """SIGTERM everything, what others need last; SIGKILL what is left when the time is over."""
        self.told = max(self.told, 1)
        for last in (False, True):
            group = [member for member in self.members if member.pid and member.stop_last is last]
            for member in group:
                _kill(member.pid, signal.SIGTERM, whole_group=False)
            deadline = time.monotonic() + (5.0 if last else self.stop_seconds)
            while any(member.pid for member in group) and time.monotonic() < deadline and self.told < 2:
                self._reap()
                self._wait(0.1)
            for member in group:
                if member.pid:
                    _kill(member.pid, signal.SIGKILL, whole_group=True)
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(member.pid, 0)
                    member.pid = 0

    def _wait(self, seconds: float) -> None:
        """Wait, unless a signal (a member that ended among them) comes first."""
        select.select([self.wake_read], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            while os.read(self.wake_read, 4096):
                pass

    def _tell(self, *_: Any) -> None:
        self.told += 1


def _name_connections(role: str) -> None:
    """Show the role in PostgreSQL's list of connections."""
    for database in connections.settings.values():
        if "application_name" in database.get("OPTIONS", {}):
            database["OPTIONS"]["application_name"] = f"orchestrator {role}"


def _die_with_us() -> None:
    set_parent_death_signal(signal.SIGKILL)


def _ended(pid: int) -> str | None:
    """How a child ended, or None while it lives."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return "gone"
    if not found:
        return None
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _kill(pid: int, number: int, *, whole_group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if whole_group else os.kill)(pid, number)
