"""The order and the times of what a child prints and logs."""

from __future__ import annotations

import json
import os
import socket
import time
from types import SimpleNamespace
from typing import Any

from orchestrator.runtime import protocol
from orchestrator.runtime.children import Child
from runs_app.relay import Relay


def test_what_was_printed_before_a_record_is_not_later_than_it():
    ours, theirs = socket.socketpair()
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    nobody: Any = None
    child = Child(nobody, 0, [ours.detach(), out, err])
    relay = Relay(SimpleNamespace(secrets=()), "a")  # type: ignore[arg-type]
    logged_at = time.time() - 30  # a slot that comes to it half a minute later
    os.write(out_end, b"checking\n")
    protocol.send(theirs, {"type": "log", "event": "Done", "level": "info", "logger": "me", "timestamp": logged_at})
    protocol.send(theirs, {"type": "result"})
    relay.run(child, lambda: None)
    child.sock.close()
    theirs.close()
    for fd in (out, out_end, err, err_end):
        os.close(fd)
    lines = [json.loads(line) for line in relay.writer.waiting]
    assert [each["event"] for each in lines] == ["checking", "Done"]
    assert lines[0]["timestamp"] == lines[1]["timestamp"]
