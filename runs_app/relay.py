"""What goes back and forth between a child and the slot that started it: questions, log, output, the result."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from orchestrator.logs.mask import Masker
from orchestrator.logs.writer import FLUSH_BYTES, LogWriter
from orchestrator.runtime.children import Child

from . import answers, logs

FLUSH_SECONDS = 0.1
LOOK_SECONDS = 0.25
"""How often a slot that waits for its child looks up, for a stop, a cancel or a deadline."""


class Relay:
    """One child's talk. ``result`` is what it told at its end, None if it ended without."""

    def __init__(self, scope: answers.Scope, key: str, on_growth: Callable[[], None] = lambda: None) -> None:
        self.scope = scope
        self.result: dict[str, Any] | None = None
        self.ended: dict[str, Any] | None = None  # told before its callbacks, in case that they end the process
        self.rendered: dict[str, Any] | None = None
        self.masker = Masker(())
        self.writer = LogWriter(logs.store(), key, lambda text: self.masker.mask(text) if self.masker else text)
        self.on_growth = on_growth
        self.flushed_at = self.heard_at = time.monotonic()
        self.stack: bytearray | None = None  # what it answers where it was asked for its stack

    def run(self, child: Child, look: Callable[[], None]) -> None:
        """Relay until the child has told its result or is gone; ``look`` is called between."""
        poll = select.poll()
        outputs = {child.out_fd: "stdout", child.err_fd: "stderr"}
        for fd in (child.fileno(), *outputs):
            poll.register(fd, select.POLLIN)
        printed_first = partial(
            sorted, key=lambda found: found[0] == child.fileno()
        )  # what was printed before it logged
        while self.result is None:
            printed: list[tuple[str, bytes]] = []
            for fd, _ in printed_first(poll.poll(1000 * (FLUSH_SECONDS if self.writer.waiting else LOOK_SECONDS))):
                if fd in outputs:
                    data = os.read(fd, 1 << 16)
                    if data:
                        self._heard(fd, child, data)
                        printed.append((outputs[fd], data))
                    else:
                        poll.unregister(fd)
                    continue
                try:
                    messages = child.read()
                except EOFError:
                    self._printed(printed)
                    if self.ended is not None:
                        self.writer.system("its process ended while its callbacks ran", "error")
                        self.result = self.ended
                    return
                self.heard_at = time.monotonic()
                self._printed(printed, messages)
                printed = []
                for message in messages:
                    self._take(child, message)
            self._printed(printed)
            if self.writer.waiting and self.result is None:
                now = time.monotonic()
                if now - self.flushed_at > FLUSH_SECONDS or self.writer.size > FLUSH_BYTES:
                    self.flushed_at = now
                    if self.writer.flush():
                        self.on_growth()
            look()

    def _printed(self, printed: list[tuple[str, bytes]], messages: Sequence[dict[str, Any]] = ()) -> None:
        """Write what was printed before these messages were sent.

        It has no time of its own but that of its reading, which a slow slot does later than the child logged: it would
        be later than the records that follow it.
        """
        made = [each["timestamp"] for each in messages if each["type"] == "log" and each.get("timestamp")]
        at = min([time.time(), *made])
        for name, data in printed:
            self.writer.output(name, data, at)

    def _heard(self, fd: int, child: Child, data: bytes) -> None:
        """Output is a sign of life, unless it is the stack that we asked for."""
        stack = self.stack
        if stack is not None and fd == child.err_fd:
            stack += data
        else:
            self.heard_at = time.monotonic()

    def _take(self, child: Child, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "ask":
            self._answer(child, message)
        elif kind == "log":
            self.writer.record(message)
        elif kind == "rendered":
            self.rendered = message["fields"]
        elif kind == "ended":
            self.ended = message
        elif kind == "result":
            self.result = message

    def _answer(self, child: Child, message: dict[str, Any]) -> None:
        value, error = self.reply(message["what"], message["args"])
        if message["id"] is not None:
            child.answer(message["id"], value, error)

    def reply(self, what: str, args: dict[str, Any]) -> tuple[Any, str | None]:
        """What a question is answered, or why it cannot be; secrets that are told of are masked from here on."""
        known = len(self.scope.secrets)
        value, error = None, None
        try:
            value = answers.answer(self.scope, what, args)
        except answers.Refused as refused:
            error = str(refused)
        except (DatabaseError, InterfaceError) as away:
            error = f"the database cannot be reached: {away}"
        if len(self.scope.secrets) != known:
            self.masker = Masker(self.scope.secrets)
        return value, error

    def masked_fields(self) -> dict[str, Any] | None:
        """What the task's fields were rendered to: secrets hidden first, then cut, so that no cut leaves a part of one."""
        if not self.rendered:
            return None
        return {name: _cut(value) for name, value in self.masker.mask_fields(self.rendered).items()}

    def close(self, child: Child | None) -> None:
        """Take what is left of the output and write the rest of the log."""
        for name, fd in (("stdout", child.out_fd), ("stderr", child.err_fd)) if child is not None else ():
            os.set_blocking(fd, False)
            try:
                while data := os.read(fd, 1 << 16):
                    self.writer.output(name, data)
            except BlockingIOError:
                continue
        if self.writer.close():
            self.on_growth()


def _cut(value: Any) -> Any:
    """A value as it is, or the beginning of its text where it is longer than is kept."""
    most = settings.ORCH.rendered_max_length
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
