"""Frames between a child and its supervisor: four bytes of length, then JSON."""

from __future__ import annotations

import json
import signal
import socket
import struct
from typing import Any

HEAD = struct.Struct("!I")
LARGEST = 64 * 1024 * 1024

SPARE = 255
"""A byte that asks a version server for one more spare child; smaller ones are places in the list below."""

DUMP_SIGNAL = signal.SIGRTMIN + 9
"""Has a child write the stacks of its threads to stderr. Not one that user code takes for itself (SIGUSR1, SIGUSR2)."""

WORTH_KEEPING = ("jinja2.sandbox", "jinja2.nativetypes", "pendulum", "orchestrator.runtime.macros", "asyncio")
"""Large modules of which most DAGs need none: the first attempt that does tells, and the next ones are forked with it."""


def pack(message: dict[str, Any]) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return HEAD.pack(len(body)) + body


def send(sock: socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    data = pack(message)
    if fds:
        sent = socket.send_fds(sock, [data], fds)
        data = data[sent:]
    if data:
        sock.sendall(data)


class Reader:
    """Takes bytes as they come and gives whole messages."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        self.buffer += data
        found = []
        while len(self.buffer) >= HEAD.size:
            (size,) = HEAD.unpack_from(self.buffer)
            if size > LARGEST:
                raise ValueError(f"a message of {size} bytes is larger than {LARGEST}")
            if len(self.buffer) < HEAD.size + size:
                break
            body = bytes(self.buffer[HEAD.size : HEAD.size + size])
            del self.buffer[: HEAD.size + size]
            found.append(json.loads(body))
        return found


def receive(sock: socket.socket) -> dict[str, Any]:
    """Read exactly one message.

    Raises:
        EOFError: the other side is gone.
    """
    (size,) = HEAD.unpack(_exactly(sock, HEAD.size))
    if size > LARGEST:
        raise ValueError(f"a message of {size} bytes is larger than {LARGEST}")
    return json.loads(_exactly(sock, size).decode("utf-8", "surrogatepass"))


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
