"""What comes back from a process that parses a file: its questions, its answer, or the report of its crash."""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from . import protocol
from .parse import LARGEST, LENGTH, MARK

Json = Any
Answer = Callable[[str, dict[str, Json]], Json]
"""Answers a question; what it raises is told to who asked."""


def read(fd: int, asks: socket.socket, answer: Answer | None, deadline: float) -> tuple[bytes, bool]:
    """Read until the answer is whole or the other side is closed; False where the deadline came first.

    Answers what is asked meanwhile. Closes both.
    """
    data, reader = bytearray(), protocol.Reader()
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        if answer is not None:
            selector.register(asks, selectors.EVENT_READ)
        try:
            while True:
                left = deadline - time.monotonic()
                ready = selector.select(left) if left > 0 else []
                if not ready:
                    return bytes(data), False
                for key, _ in ready:
                    if key.fileobj is asks:
                        if not (answer is not None and _reply(asks, reader, answer)):
                            selector.unregister(asks)
                        continue
                    part = os.read(fd, 1 << 16)
                    data += part
                    if not part or len(data) > LARGEST + (1 << 20) or _is_whole(data):
                        return bytes(data), True
        finally:
            os.close(fd)
            asks.close()


def _is_whole(data: bytearray) -> bool:
    start = data.find(MARK, 0, 1 << 17)
    head = start + len(MARK) + LENGTH.size
    return start >= 0 and len(data) >= head and len(data) >= head + LENGTH.unpack_from(data, head - LENGTH.size)[0]


def _reply(asks: socket.socket, reader: protocol.Reader, answer: Answer) -> bool:
    """Answer what is there; False where nobody asks any more."""
    try:
        data = asks.recv(1 << 16)
        if not data:
            return False
        for question in reader.feed(data):
            value, error = None, None
            try:
                value = answer(str(question["what"]), dict(question["args"]))
            except Exception as problem:  # whatever went wrong here, the file's code shall hear of it
                error = str(problem) or type(problem).__name__
            protocol.send(asks, {"id": question["id"], "value": value, "error": error})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return True


def result(data: bytes) -> dict[str, list[Any]] | None:
    """Return the answer as lists of what they must hold, None where there is no whole one.

    The file's code ran in the process that wrote it, so nothing of it is taken on trust.
    """
    start = data.find(MARK, 0, 1 << 17)
    if start < 0:
        return None
    try:
        found = json.loads(data[start + len(MARK) + LENGTH.size :])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    errors = [_checked(each) for each in _list(found, "errors", dict)]
    kinds = {"dags": dict, "modules": str, "reads": str, "plugins": dict, "schedules": dict, "answers": dict}
    return {"errors": errors, **{name: _list(found, name, kind) for name, kind in kinds.items()}}


def _list(found: dict[str, Any], name: str, kind: type) -> list[Any]:
    values = found.get(name)
    return [each for each in values if isinstance(each, kind)] if isinstance(values, list) else []


def _checked(error: dict[str, Any]) -> dict[str, Any]:
    line = error.get("line")
    message = str(error.get("message") or "the file cannot be imported")
    return {
        "message": message,
        "line": line if isinstance(line, int) and 0 < line < 1 << 31 else None,
        "stack_trace": str(error.get("stack_trace") or message),
    }


def crash(message: str, report: bytes, path: str) -> dict[str, Any]:
    """An import error from what the interpreter wrote while it died or hung: where in the file it was."""
    text = report[:20000].decode("utf-8", "replace").replace("\0", "")
    lines = re.findall(rf'File "{re.escape(path)}", line (\d+)', text)
    return {"message": message, "line": int(lines[-1]) if lines else None, "stack_trace": f"{message}\n{text}".strip()}
