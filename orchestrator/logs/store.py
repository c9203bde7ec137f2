"""Where log lines are kept: appended as written, read by byte offset."""

from __future__ import annotations

import os
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

    def size(self, key: str) -> int:
        return self.read(key, 0, 0)[2]

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)
