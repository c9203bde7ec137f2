"""A file that tasks append to: what really ran, told by something other than the system under test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SOURCE = '''
import json
import os
import time

from orchestrator.sdk import get_current_context


def tell(event):
    ti = get_current_context()["ti"]
    line = {{
        "event": event, "dag": ti.dag_id, "run": ti.run_id, "task": ti.task_id, "map": ti.map_index,
        "token": ti.token, "try": ti.try_number, "pid": os.getpid(), "at": time.monotonic(),
    }}
    file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (json.dumps(line) + "\\n").encode())
    os.close(file)


def work(seconds, steps=10):
    """Take a while, in the ledger from its first line to its last."""
    tell("start")
    for _ in range(steps):
        time.sleep(seconds / steps)
    tell("end")
'''
"""What a DAG file starts with."""


@dataclass(frozen=True, slots=True)
class Key:
    """One attempt, named as the ledger and the database both can."""

    dag: str
    run: str
    task: str
    map_index: int
    token: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    event: str
    key: Key
    try_number: int
    pid: int
    at: float


class Ledger:
    """Reads what was appended, remembering it all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch(mode=0o600)
        self.entries: list[Entry] = []
        self.offset = 0

    def read(self) -> list[Entry]:
        """Take in what came since and return everything."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            told = json.loads(line)
            key = Key(told["dag"], told["run"], told["task"], told["map"], told["token"])
            self.entries.append(Entry(told["event"], key, told["try"], told["pid"], told["at"]))
        return self.entries

    def open(self) -> list[Entry]:
        """Attempts that told of their start and not yet of their end."""
        ended = {each.key for each in self.read() if each.event == "end"}
        return [each for each in self.entries if each.event == "start" and each.key not in ended]

    def starts(self) -> dict[Key, list[Entry]]:
        found: dict[Key, list[Entry]] = {}
        for each in self.read():
            if each.event == "start":
                found.setdefault(each.key, []).append(each)
        return found

    def ends(self) -> set[Key]:
        return {each.key for each in self.read() if each.event == "end"}
