"""Where log lines are kept: appended as written, read by byte offset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def key_for(run_pk: int, instance_pk: int, token: int) -> str:
    """Name the log of one attempt; from ids only, so that no text of a user becomes a path."""
    return f"{int(run_pk)}/{int(instance_pk)}/{int(token)}.jsonl"


class LogStore:
    """Files below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, key: str) -> Path:
        return self.root / key

    def append(self, key: str, data: bytes) -> int:
        """Append and return the offset behind it.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        path = self.path(key)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            return os.lseek(descriptor, 0, os.SEEK_END)
        finally:
            os.close(descriptor)

    def read(self, key: str, offset: int, limit: int) -> tuple[bytes, int, int]:
        """Return (bytes from ``offset`` on, the offset behind them, the size of the log)."""
        try:
            with open(self.path(key), "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(min(offset, size))
                data = file.read(limit)
                return data, min(offset, size) + len(data), size
        except FileNotFoundError:
            return b"", offset, 0

    def read_lines(self, key: str, offset: int, limit: int) -> tuple[bytes, int]:
        """Return whole lines from byte ``offset`` on, and the offset behind the last of them.

        At most about ``limit`` bytes; a line longer than that comes alone. Nothing and the same offset = no more yet.
        """
        data, _, size = self.read(key, offset, limit)
        end = data.rfind(b"\n") + 1
        while not end and offset + len(data) < size:
            more, _, size = self.read(key, offset + len(data), len(data))
            if not more:
                break
            data += more
            end = data.rfind(b"\n") + 1
        return data[:end], offset + end

    def last_lines(
        self, keys: Sequence[str], count: int, limit: int, before: int | None = None
    ) -> tuple[list[bytes], int]:
        """Return the last lines of some files in a row (up to byte ``before`` of all), and the byte they begin at.

        Reads ``limit`` bytes at most; a line that is longer is left out.
        """
        sizes = [self.size(key) for key in keys]
        end = sum(sizes) if before is None else min(before, sum(sizes))
        start = max(end - limit, 0)
        data = self._between(keys, sizes, start, end)
        if start > 0:  # it begins within a line
            cut = data.find(b"\n") + 1
            data, start = data[cut:], start + cut
        lines = data.split(b"\n")[:-1]
        left_out = lines[:-count]
        return lines[-count:], start + sum(len(line) + 1 for line in left_out)

    def _between(self, keys: Sequence[str], sizes: Sequence[int], start: int, end: int) -> bytes:
        found, base = b"", 0
        for key, size in zip(keys, sizes, strict=True):
            low, high = max(start - base, 0), min(end - base, size)
            if low < high:
                found += self.read(key, low, high - low)[0]
            base += size
        return found

    def size(self, key: str) -> int:
        try:
            return os.stat(self.path(key)).st_size
        except FileNotFoundError:
            return 0

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)
