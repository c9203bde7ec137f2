"""Whether a child still does anything, and what it takes: read from /proc by the slot, beside each heartbeat.

A sign of life is processor time, a thread that went on after waiting (whatever it reads from a socket wakes one), output,
or a message to the slot. A child that shows none for long is asked where it stands, by a signal whose handler is C code
that Python's fault handler brought in before any user code ran: it answers from a deadlock, too.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.runtime.protocol import DUMP_SIGNAL

MOST_PROCESSES = 200
MOST_THREADS = 64
LONGEST_STACK = 20_000
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = 1 / os.sysconf("SC_CLK_TCK")
OWN_WAIT = "/orchestrator/sdk/clock.py"
"""What sleeps here is a sensor between two looks."""


@dataclass(slots=True)
class Usage:
    """What a process and those below it have used."""

    cpu_seconds: float = 0.0
    wakes: int = 0
    resident: int = 0
    processes: dict[int, str] = field(default_factory=dict)


def usage(pid: int) -> Usage:
    """Add up a process and its descendants; what has ended meanwhile is left out."""
    found, waiting = Usage(), [pid]
    while waiting and len(found.processes) < MOST_PROCESSES:
        each = waiting.pop()
        try:
            waiting += _add(found, each)
        except (OSError, IndexError, ValueError):
            continue
    return found


def _add(found: Usage, pid: int) -> list[int]:
    """Count one process in; return its children."""
    folder = f"/proc/{pid}"
    head, _, rest = _read(f"{folder}/stat").rpartition(")")
    fields = rest.split()
    found.cpu_seconds += sum(map(int, fields[11:15])) * TICK  # its own, and of children it has waited for
    found.resident += int(_read(f"{folder}/statm").split()[1]) * PAGE
    found.processes[pid] = f"{head.partition('(')[2]} ({fields[0]})"
    children: list[int] = []
    for thread in os.listdir(f"{folder}/task")[:MOST_THREADS]:
        status = _read(f"{folder}/task/{thread}/status")
        found.wakes += int(status.rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])
        children += map(int, _read(f"{folder}/task/{thread}/children").split())
    return children


def _read(path: str) -> str:
    return Path(path).read_text(errors="replace")


def can_dump(pid: int) -> bool:
    """Whether the process still has our handler: one that became another program would die of the signal."""
    try:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", _read(f"/proc/{pid}/status"), re.MULTILINE)
    except OSError:
        return False
    return caught is not None and bool(int(caught[1], 16) >> (DUMP_SIGNAL - 1) & 1)


class Vitals:
    """One attempt's signs of life. ``look`` is called with each heartbeat, ``heard`` says when it last spoke."""

    def __init__(self, pid: int, after: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.pid, self.after, self.clock = pid, after, clock
        self.last: Usage | None = None
        self.alive_at = clock()
        self.peak_bytes = 0
        self.cpu_seconds = 0.0
        self.processes: dict[int, str] = {}

    def look(self, heard_at: float) -> float:
        """Take a sample; return how many seconds there has been no sign of life (0 = there is one, or nobody asks)."""
        now, before = self.clock(), self.last
        self.last = each = usage(self.pid)
        self.peak_bytes = max(self.peak_bytes, each.resident)
        self.cpu_seconds = max(self.cpu_seconds, each.cpu_seconds)
        if not each.processes or self.after <= 0:
            return 0.0
        moved = before is not None and (
            each.cpu_seconds > before.cpu_seconds or each.wakes != before.wakes or each.processes != before.processes
        )
        if moved:
            self.alive_at = now
        self.alive_at = max(self.alive_at, heard_at)
        silent = now - self.alive_at
        return silent if silent >= self.after else 0.0

    def forget(self) -> None:
        """What it did to answer us is no sign of life."""
        self.last = None


def where(stack: str) -> str:
    """Return the place that the thread which got the signal stands at: ``recv_into (ssl.py:1166)``."""
    block = stack.partition("Current thread")[2] or stack
    found = re.search(r'File "([^"]*)", line (\d+) in (\S+)', block)
    return f"{found[3]} ({os.path.basename(found[1])}:{found[2]})" if found else ""


def waits_by_design(stack: str) -> bool:
    """Whether it is a sensor between two looks."""
    found = re.search(r'File "([^"]*)"', stack.partition("Current thread")[2] or stack)
    return found is not None and found[1].endswith(OWN_WAIT)
