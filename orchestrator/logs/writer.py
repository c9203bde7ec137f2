"""Writing the log of one attempt: lines as JSON, secrets masked, appended in batches.

A line is ``{"timestamp", "level", "event", "logger"}``; what user code printed has the logger
``task.stdout`` or ``task.stderr``, what the engine itself says ``orchestrator``: no output of a task
can pass for the latter. A full disk loses lines, never the task: how many bytes is said once there is room.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .store import LogStore

LONGEST_LINE = 256 * 1024
FLUSH_BYTES = 256 * 1024
TRACE = "Traceback (most recent call last):"


class LogWriter:
    """Collects lines and appends them when told to; ``mask`` takes secrets out of a text."""

    def __init__(self, store: LogStore, key: str, mask: Callable[[str], str]) -> None:
        self.store, self.key, self.mask = store, key, mask
        self.waiting: list[bytes] = []
        self.size = 0
        self.lost = 0
        self.trace = False
        self.partial = {"stdout": bytearray(), "stderr": bytearray()}

    def record(self, message: dict[str, Any]) -> None:
        """Take a structured record of the child's ``logging``."""
        self.line(
            str(message.get("event", "")),
            level=str(message.get("level", "info")),
            logger=str(message.get("logger", "root")),
            at=message.get("timestamp"),
        )

    def output(self, name: str, data: bytes, at: float | None = None) -> None:
        """Take what came out of ``stdout`` or ``stderr`` at a time; an unfinished line waits for its end."""
        buffer = self.partial[name]
        buffer += data
        *lines, rest = buffer.split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines.append(rest)
            rest = bytearray()
        self.partial[name] = bytearray(rest)
        for each in lines:
            text = bytes(each).decode("utf-8", "replace").rstrip("\r")
            level = "error" if name == "stderr" and self._in_trace(text) else "info"
            self.line(text, level=level, logger=f"task.{name}", at=at)

    def _in_trace(self, text: str) -> bool:
        """Whether a line belongs to a traceback: its head, what is indented below, and the exception that ends it."""
        if text.startswith(TRACE):
            self.trace = True
            return True
        was = self.trace
        self.trace = was and (text[:1] in ("", " "))
        return was

    def system(self, text: str, level: str = "info") -> None:
        """Say something ourselves."""
        self.line(text, level=level, logger="orchestrator")

    def line(self, text: str, *, level: str = "info", logger: str, at: float | None = None) -> None:
        text = self.mask(text)
        if len(text) > LONGEST_LINE:
            text = f"{text[:LONGEST_LINE]}... ({len(text)} characters)"
        moment = datetime.fromtimestamp(time.time() if at is None else at, UTC).isoformat(timespec="microseconds")
        body = {"timestamp": moment, "level": level, "event": text, "logger": logger}
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        self.waiting.append(data)
        self.size += len(data)

    def flush(self) -> bool:
        """Append what waits; False where there was nothing, or no room for it."""
        if not self.waiting:
            return False
        data = b"".join(self.waiting)
        self.waiting.clear()
        self.size = 0
        if self.lost:
            said = {"timestamp": datetime.now(UTC).isoformat(), "level": "warning"}
            text = f"{self.lost} bytes of this log were lost: they could not be written"
            data = json.dumps({**said, "event": text, "logger": "orchestrator"}).encode() + b"\n" + data
        try:
            self.store.append(self.key, data)
        except OSError:
            self.lost += len(data)
            return False
        self.lost = 0
        return True

    def close(self) -> bool:
        """Append everything, unfinished lines too."""
        for name, rest in self.partial.items():
            if rest:
                self.output(name, b"\n")
        return self.flush()
