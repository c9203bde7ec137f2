"""Children of the fork server as their parent has them: an assignment, messages, two pipes of output, and an exit."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import protocol

Reply = Callable[[str, dict[str, Any]], tuple[Any, str | None]]
"""Answers a question: the value, or else what went wrong."""
WHILE_IMPORTED = ("connection", "variable", "mask_secret")
"""What a file may ask before any task of it runs."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended."""

    code: int | None
    signal: str | None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None

    def __str__(self) -> str:
        if self.signal == "SIGKILL":
            return "killed by SIGKILL (out of memory, or somebody ended it)"
        return f"killed by {self.signal}" if self.signal else f"exit code {self.code}"


class BrokenVersion(RuntimeError):
    """The DAG file of a version cannot be imported here; the message says why."""


class Child:
    """One child with its assignment: a socket for messages and two pipes of output."""

    def __init__(self, server: VersionServer, pid: int, fds: list[int]) -> None:
        self.server, self.pid = server, pid
        self.sock = socket.socket(fileno=fds[0])
        self.out_fd, self.err_fd = fds[1], fds[2]
        self.reader = protocol.Reader()

    def fileno(self) -> int:
        return self.sock.fileno()

    def assign(self, assignment: dict[str, Any]) -> None:
        protocol.send(self.sock, assignment)

    def read(self) -> list[dict[str, Any]]:
        """Messages that are here now.

        Raises:
            EOFError: the child closed its side.
        """
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        messages = self.reader.feed(data)
        for message in messages:
            if message["type"] == "result" and message.get("imported"):
                self.server.ask(*map(protocol.WORTH_KEEPING.index, message["imported"]))
        return messages

    def answer(self, number: int, value: Any = None, error: str | None = None) -> None:
        try:
            protocol.send(self.sock, {"id": number, "value": value, "error": error})
        except OSError:  # it died while it waited; its end is seen elsewhere
            pass

    def signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def kill(self, grace: float = 0.0) -> None:
        """Stop the child and all that it started: SIGTERM, and after ``grace`` seconds SIGKILL."""
        if grace > 0:
            self.signal(signal.SIGTERM)
            self.wait(grace)
        self.signal(signal.SIGKILL)

    def wait(self, timeout: float) -> Exit | None:
        """Wait for the exit that the version server reports; None where it does not come in time."""
        deadline = time.monotonic() + timeout
        while self.pid not in self.server.exits:
            left = deadline - time.monotonic()
            if left <= 0 or not self.server.pump(left):
                break
        return self.server.exits.pop(self.pid, None)

    def close(self) -> None:
        self.sock.close()
        for fd in (self.out_fd, self.err_fd):
            if fd >= 0:
                os.close(fd)
        self.out_fd = self.err_fd = -1
        self.server.given.discard(self)


class VersionServer:
    """The connection to one version server."""

    def __init__(self, sock: socket.socket, key: tuple[str, str]) -> None:
        self.sock, self.key = sock, key
        self.reader = protocol.Reader()
        self.fds: list[int] = []
        self.spares: list[Child] = []
        self.given: set[Child] = set()
        self.exits: dict[int, Exit] = {}
        self.error: str | None = None
        self.alive = True
        self.reply: Reply | None = None
        self.asked: list[tuple[str, dict[str, Any], tuple[Any, str | None]]] = []

    def is_fresh(self, reply: Reply | None) -> bool:
        """Whether what the file read of variables and connections while it was imported is still so.

        Airflow imports the file for each task, so that each sees what holds then. Asking again also tells the attempt
        which secrets its log must not show.
        """
        if not self.asked or reply is None:
            return True
        told = [reply(what, args) == before for what, args, before in self.asked]  # all of them: see above
        return all(told)

    def _tell(self, message: dict[str, Any]) -> None:
        """Answer what the file asks while it is imported."""
        what, args = str(message["what"]), dict(message["args"])
        if what not in WHILE_IMPORTED:
            told: tuple[Any, str | None] = (None, None)  # what it sets there was set when it was parsed
        elif self.reply is None:
            told = (None, f"{what} can only be asked for while a task runs")
        else:
            told = self.reply(what, args)
            if (what, args, told) not in self.asked:
                self.asked.append((what, args, told))
        if message["id"] is not None:
            self.sock.settimeout(5)
            protocol.send(self.sock, {"id": message["id"], "value": told[0], "error": told[1]})

    def pump(self, timeout: float) -> bool:
        """Take in what the server says; False where nothing came in time or it is gone."""
        if not self.alive:
            return False
        self.sock.settimeout(max(0.0001, timeout))
        try:
            data, fds, _, _ = socket.recv_fds(self.sock, 65536, 32)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            data, fds = b"", []
        if not data:
            self.alive = False
            return False
        self.fds += fds
        for message in self.reader.feed(data):
            kind = message["type"]
            if kind == "spare":
                self.spares.append(Child(self, message["pid"], [self.fds.pop(0) for _ in range(3)]))
            elif kind == "exit":
                names = ("code", "signal", "cpu_seconds", "peak_bytes")
                self.exits[message["pid"]] = Exit(*(message[name] for name in names))
                if len(self.exits) > 64:
                    self.exits.pop(next(iter(self.exits)))
            elif kind == "broken":
                self.error = message["error"]
            elif kind == "ask":
                self._tell(message)
        return True

    def take(self, timeout: float) -> Child:
        deadline = time.monotonic() + timeout
        while not self.spares:
            left = deadline - time.monotonic()
            if left <= 0 or not self.pump(left):
                if self.error:
                    raise BrokenVersion(self.error)
                raise ConnectionError(f"the fork server of {self.key[1]} gave no child")
        child = self.spares.pop(0)
        self.given.add(child)
        return child

    def ask(self, *what: int) -> None:
        """Ask for a spare, or for modules (by their places in the list) to be there in the spares to come."""
        self.sock.settimeout(5)
        self.sock.sendall(bytes(what))

    def close(self) -> None:
        for child in [*self.spares, *self.given]:
            child.close()
        self.spares.clear()
        self.sock.close()
        self.alive = False
