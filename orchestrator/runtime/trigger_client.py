"""The triggerer's side of one process that triggers run in."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from . import loader, protocol
from .children import Exit
from .environment import child_environment

Json = dict[str, Any]
SEND_SECONDS = 5.0
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
"""A process that takes nothing in for so long is ended."""


class TriggerProcess:
    """One process of :mod:`orchestrator.runtime.triggers`. ``place`` is (folder, DAG file) of a version, or ("", "")."""

    def __init__(self, place: tuple[str, str], python: str | None = None) -> None:
        self.place = place
        self.sock, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [python or sys.executable, "-m", "orchestrator.runtime.triggers", str(theirs.fileno()), *place],
            pass_fds=[theirs.fileno()],
            env=child_environment(python or sys.executable),
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.sock.settimeout(SEND_SECONDS)
        self.reader = protocol.Reader()

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, message: Json) -> None:
        """Send a message; what a process that just died does not get, its successor does."""
        try:
            protocol.send(self.sock, message)
        except OSError:  # dead; or frozen with half a message, which nothing can follow
            self.kill()

    def kill(self) -> None:
        self.process.kill()

    def read(self) -> list[Json]:
        """Messages that are here now.

        Raises:
            EOFError: the process ended.
        """
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, TimeoutError):
            data = b""
        if not data:
            raise EOFError
        return self.reader.feed(data)

    def end(self, grace: float = 0.0) -> Exit:
        """Wait ``grace`` seconds for the process to end by itself, then kill it; return how it ended."""
        try:
            code = self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.sock.close()
        return Exit(code if code >= 0 else None, signal.Signals(-code).name if code < 0 else None)


def dotted_paths(kwargs: Mapping[str, Any] | None) -> list[str]:
    """Arguments that may name a function to call, as Kafka's triggers are given theirs."""
    return [each for each in (kwargs or {}).values() if isinstance(each, str) and DOTTED.fullmatch(each)]


def place_for(paths: Iterable[str], root: str, file: str, apart: bool = False) -> tuple[str, str]:
    """Where what a trigger needs must be imported from: its DAG version's folder, or ("", "") where any process of ours can.

    ``apart``: the version has packages of its own, so that only what is ours is the same everywhere.

    Nothing is imported: the folder is asked whether it has a module of that name.
    """
    tops = {path.partition(".")[0] for path in paths}
    if apart and tops != {"orchestrator"}:
        return root, file
    if any(top.startswith(loader.DAG_FILE_PREFIX) for top in tops):
        return root, file
    if file.endswith(".zip"):  # which of its modules it is takes a look into it
        return root, file
    for folder in loader.import_folders(root, file):
        for top in tops:
            path = os.path.join(folder, top)
            if os.path.isfile(path + ".py") or os.path.isdir(path):
                return root, file
    return "", ""
