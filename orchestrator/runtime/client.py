"""The parent's side of the fork server: starting it, having versions loaded, parsing files in processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from . import protocol, replies
from .children import BrokenVersion, Child, Exit, Reply, VersionServer
from .environment import child_environment


@dataclass(slots=True)
class ParseResult:
    """What a parse found; neither DAGs nor errors means the file defines none."""

    dags: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)  # files under the root that it imports, or may while a task runs
    reads: list[str] = field(default_factory=list)  # files under the root that importing it opened
    plugins: list[dict[str, Any]] = field(default_factory=list)  # where no file was named
    schedules: list[dict[str, Any]] = field(default_factory=list)  # what timetables of the author's own answered
    answers: list[dict[str, Any]] = field(default_factory=list)  # what was answered to calls of plugins
    seconds: float = 0.0
    limit: bool = False  # it had to be ended, or ended without an answer


class ForkServer:
    """The zygote process and the version servers it forked; made anew when it dies."""

    def __init__(self, *, max_versions: int = 4, load_timeout: float = 60.0, python: str = sys.executable) -> None:
        self.max_versions, self.load_timeout, self.python = max_versions, load_timeout, python
        self.servers: OrderedDict[tuple[str, str], VersionServer] = OrderedDict()
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.reader = protocol.Reader()
        self.last = 0
        self.exits: dict[int, dict[str, Any]] = {}
        self.closed = False
        self.lock = threading.RLock()  # threads that parse share the zygote's socket

    def start(self) -> None:
        """Start the zygote if it is not running."""
        if self.process is not None and self.process.poll() is None:
            return
        self._end()
        self.closed = False
        mine, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [self.python, "-m", "orchestrator.runtime.forkserver", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=child_environment(self.python),
            stdin=subprocess.DEVNULL,
            process_group=0,  # the terminal's Ctrl-C is for us, who close it in order
        )
        theirs.close()
        self.control, self.reader, self.exits = mine, protocol.Reader(), {}

    def run(self, assignment: dict[str, Any], reply: Reply | None = None) -> Child:
        """Hand an assignment to a spare child of its version, loading the version first where needed.

        ``reply`` answers what the file asks while it is imported.

        Raises:
            BrokenVersion: the file cannot be imported.
        """
        key = (assignment["root"], assignment["file"])
        for attempt in (1, 2):
            server = self._server(key, reply)
            try:
                child = server.take(self.load_timeout)
                child.assign(assignment)
                server.ask(protocol.SPARE)  # while this one works, and not before it does
                return child
            except BrokenVersion:
                self._drop(key)
                raise
            except OSError:  # the server, or its spare, was killed: once more with a fresh one
                self._drop(key)
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _server(self, key: tuple[str, str], reply: Reply | None) -> VersionServer:
        found = self.servers.get(key)
        if found is not None and found.alive:
            if found.is_fresh(reply):
                self.servers.move_to_end(key)
                return found
            self._drop(key)
        while len(self.servers) >= self.max_versions:
            self._drop(next(iter(self.servers)))
        mine, theirs = socket.socketpair()
        self._fork({"type": "version", "root": key[0], "file": key[1]}, [theirs.fileno()])
        theirs.close()
        self.servers[key] = VersionServer(mine, key)
        self.servers[key].reply = reply
        return self.servers[key]

    def _drop(self, key: tuple[str, str]) -> None:
        found = self.servers.pop(key, None)
        if found is not None:
            found.close()

    def _fork(self, request: dict[str, Any], fds: list[int]) -> int:
        """Ask the zygote for a fork; return its pid."""
        for attempt in (1, 2):
            self.start()
            assert self.control is not None
            self.last += 1
            try:
                protocol.send(self.control, {**request, "id": self.last}, fds)
                return self._answer(self.last)
            except (OSError, EOFError):
                self._end()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _answer(self, number: int) -> int:
        assert self.control is not None
        self.control.settimeout(30)
        while True:
            data = self.control.recv(65536)
            if not data:
                raise EOFError
            pid = None
            messages = self.reader.feed(data)
            self._note_exits(messages)
            for message in messages:
                if message["type"] == "forked" and message["id"] == number:
                    pid = message["pid"]
            if pid is not None:
                return pid

    def parse(
        self,
        root: str,
        file: str,
        *,
        timeout: float,
        memory_bytes: int,
        answer: replies.Answer | None = None,
        plugins: str | None = None,
        lasts: dict[str, list[str]] | None = None,
        calls: list[dict[str, Any]] | None = None,
        ranges: dict[str, dict[str, Any]] | None = None,
    ) -> ParseResult:
        """Import one file in a fresh process, ended at its limits; what comes back is data or a reason.

        ``answer(what, args)`` answers what the file's code asks for (variables, connections); ``plugins`` is the
        folder whose plugins are loaded first, ``lasts`` the interval of the newest run of DAGs with own timetables,
        ``ranges`` the dates that these are asked about. Without a file (``""``) only the plugins are loaded, and
        ``calls`` made of them. Any number of threads may parse at once.
        """
        request = {"type": "parse", "root": root, "file": file, "timeout": timeout, "memory_bytes": memory_bytes}
        request |= {"plugins": plugins, "lasts": lasts, "calls": calls or [], "ranges": ranges}
        found = self._parse(request, answer)
        if found is None and not self.closed:  # the zygote went with it: alone it shows whether this file is to blame
            alone = ForkServer(python=self.python)
            try:
                found = alone._parse(request, answer)
            finally:
                alone.close()
        if found is None:
            found = ParseResult(errors=[_error("importing the file ended the process it was started from")], limit=True)
        return found

    def _parse(self, request: dict[str, Any], answer: replies.Answer | None) -> ParseResult | None:
        """One try; None where the zygote died before the child could answer."""
        read, write = os.pipe()
        mine, theirs = socket.socketpair()
        timeout, path = request["timeout"], os.path.join(request["root"], request["file"])
        try:
            with self.lock:
                if self.closed:
                    raise ConnectionError("the fork server is closed")
                pid = self._fork(request, [write, theirs.fileno()] if answer is not None else [write])
                zygote = self.process
            began = time.monotonic()  # the file is not to blame for a zygote that had to be started first
        except BaseException:
            os.close(read)
            mine.close()
            raise
        finally:
            os.close(write)
            theirs.close()
        data, in_time = replies.read(read, mine, answer, began + timeout)
        for end in (os.killpg, os.kill):  # it, and what it left running
            try:
                end(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        seconds = time.monotonic() - began
        found = replies.result(data)
        if found is not None:
            return ParseResult(
                found["dags"],
                found["errors"],
                found["modules"],
                found["reads"],
                found["plugins"],
                found["schedules"],
                found["answers"],
                seconds,
            )
        if in_time:
            end_of_it = self._end_of(pid, zygote)
            if end_of_it is None:
                return None
            message = f"the process that imported the file ended without an answer: {end_of_it}"
        else:
            message = f"importing the file took longer than {timeout:g} s (ORCHESTRATOR_PARSE_TIMEOUT)"
        return ParseResult(errors=[replies.crash(message, data, path)], seconds=seconds, limit=True)

    def _end_of(self, pid: int, zygote: subprocess.Popen[bytes] | None) -> str | None:
        """Why a parse ended, as its parent saw it; None where the parent is gone itself."""
        with self.lock:
            deadline = time.monotonic() + 2
            while pid not in self.exits:
                if self.process is not zygote or self.control is None:
                    return None
                self.control.settimeout(max(0.001, deadline - time.monotonic()))
                try:
                    data = self.control.recv(65536)
                except TimeoutError:
                    return "no reason known"
                except OSError:
                    return None
                if not data:
                    return None
                self._note_exits(self.reader.feed(data))
            found = self.exits.pop(pid)
            return str(Exit(found["code"], found["signal"]))

    def _note_exits(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            if message["type"] == "exit":
                self.exits[message["pid"]] = message
        while len(self.exits) > 256:
            self.exits.pop(next(iter(self.exits)))

    def close(self) -> None:
        """End every process of this fork server; parses in other threads end without an answer."""
        self.closed = True
        running = self.process
        if running is not None:
            running.kill()  # who holds the lock may wait for an answer of it
        with self.lock:
            self._end()

    def _end(self) -> None:
        for key in list(self.servers):
            self._drop(key)
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class ForkServers:
    """A fork server for each interpreter: our own, and those of bundles with environments, made when they are needed."""

    def __init__(self, *, most: int = 4) -> None:
        self.most = most
        self.own = ForkServer()
        self.others: OrderedDict[str, ForkServer] = OrderedDict()

    def start(self) -> None:
        self.own.start()

    def run(self, assignment: dict[str, Any], reply: Reply | None = None) -> Child:
        """Hand an assignment to a child of its version and of its ``python`` (none = our own).

        Raises:
            BrokenVersion: the file cannot be imported.
        """
        return self._of(assignment.get("python")).run(assignment, reply)

    def _of(self, python: str | None) -> ForkServer:
        if not python:
            return self.own
        if python not in self.others:
            while len(self.others) >= self.most:
                self.others.popitem(last=False)[1].close()
            self.others[python] = ForkServer(python=python)
        self.others.move_to_end(python)
        return self.others[python]

    def close(self) -> None:
        for server in (self.own, *self.others.values()):
            server.close()


def _error(message: str) -> dict[str, Any]:
    return {"message": message, "line": None, "stack_trace": message}
