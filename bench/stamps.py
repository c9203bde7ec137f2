"""Times that the measured tasks write themselves: one line each, appended to one file.

``CLOCK_MONOTONIC`` is the same for all processes of a machine, so lines of different processes compare.
"""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import wait_for

SOURCE = """
import os
import time


def stamp(name):
    began, wall = time.monotonic(), time.time()
    run = os.environ.get("AIRFLOW_CTX_DAG_RUN_ID", "-")
    file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{{name}} {{run}} {{wall!r}} {{began!r}} {{time.monotonic()!r}}\\n".encode())
    os.close(file)
"""
"""What a DAG file starts with: the same function that the raw Celery tasks call."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One task: its name, its run, and when it began and ended, in seconds."""

    name: str
    run: str
    wall: float
    began: float
    ended: float


def stamp(path: str, name: str) -> None:
    """Write one line, from this process."""
    began, wall = time.monotonic(), time.time()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{name} - {wall!r} {began!r} {time.monotonic()!r}\n".encode())
    os.close(file)


class Stamps:
    """The file that one bench's tasks write to, read from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch(mode=0o600)
        self.offset = 0

    def skip(self) -> None:
        """Forget what is there."""
        self.offset = self.path.stat().st_size

    def wait(self, count: int, limit: float) -> list[Stamp]:
        """Wait for ``count`` lines and return them in the order in which they began."""
        lines: list[bytes] = []

        def come() -> bool:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            lines.extend(whole.splitlines())
            self.offset += len(whole)
            return len(lines) >= count

        wait_for(come, limit, f"{count} tasks writing their times")
        found = []
        for line in lines:
            name, run, *times = line.decode().rsplit(" ", 4)
            found.append(Stamp(name, run, *map(float, times)))
        return sorted(found, key=lambda each: each.began)


def gaps(found: list[Stamp]) -> list[float]:
    """Return the seconds from each end to the next start."""
    return [after.began - before.ended for before, after in itertools.pairwise(found)]
