"""The process table of this machine, as Linux shows it under /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Running:
    """One process; ``started`` (ticks since boot) tells a pid from its next user."""

    pid: int
    parent: int
    state: str
    started: int
    cpu_seconds: float

    def command(self) -> str:
        try:
            return (
                Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            )
        except OSError:
            return ""


def look_up(pid: int) -> Running | None:
    """Return what runs under ``pid``; None where nothing does (a zombie is nothing)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Running(pid, int(fields[1]), fields[0], int(fields[19]), ticks / TICKS)


def tree(root: int) -> list[Running]:
    """Return a process and all that descend from it, parents first."""
    children: dict[int, list[Running]] = {}
    for name in os.listdir("/proc"):
        found = look_up(int(name)) if name.isdigit() else None
        if found is not None:
            children.setdefault(found.parent, []).append(found)
    first = look_up(root)
    found_all = [first] if first is not None else []
    for each in found_all:
        found_all += children.get(each.pid, [])
    return found_all


def send(targets: Iterable[Running], number: int = signal.SIGKILL) -> None:
    """Signal each that is still the process it was."""
    for each in targets:
        now = look_up(each.pid)
        if now is not None and now.started == each.started:
            try:
                os.kill(each.pid, number)
            except ProcessLookupError:
                pass


def listens(pid: int, port: int) -> bool:
    """Whether a process holds the socket that listens on a TCP port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == port}
    try:
        with os.scandir(f"/proc/{pid}/fd") as opened:
            return any(os.readlink(each.path) in sockets for each in opened)
    except OSError:
        return False


def pss_bytes(pid: int) -> int:
    """Return a process's proportional share of memory; 0 where it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
