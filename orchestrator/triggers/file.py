"""Waiting for a file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from .base import BaseEventTrigger, BaseTrigger, TriggerEvent


class FileTrigger(BaseTrigger):
    """Fires when a file matches ``filepath`` (a path or a pattern), or a folder of that name holds one.

    ``poke_interval`` is in seconds; ``recursive`` lets ``**`` in the pattern stand for any depth.
    """

    def __init__(self, filepath: str, recursive: bool = False, poke_interval: float = 5.0, **kwargs: Any) -> None:
        super().__init__()
        self.filepath, self.recursive, self.poke_interval = filepath, recursive, poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        kwargs = {"filepath": self.filepath, "recursive": self.recursive, "poke_interval": self.poke_interval}
        return f"{__name__}.FileTrigger", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        while True:
            # A network folder may take seconds to answer: not in the loop that everybody shares.
            path = await asyncio.to_thread(find_file, self.filepath, self.recursive)
            if path is not None:
                self.log.info("Found %s", path)
                yield TriggerEvent(True)
                return
            await asyncio.sleep(self.poke_interval)


class FileDeleteTrigger(BaseEventTrigger):
    """Fires when the file ``filepath`` is there, and deletes it."""

    def __init__(self, filepath: str, poke_interval: float = 5.0, **kwargs: Any) -> None:
        super().__init__()
        self.filepath, self.poke_interval = filepath, poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.FileDeleteTrigger", {"filepath": self.filepath, "poke_interval": self.poke_interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        while True:
            if await asyncio.to_thread(_take_file, self.filepath):
                self.log.info("Found and deleted %s", self.filepath)
                yield TriggerEvent(True)
                return
            await asyncio.sleep(self.poke_interval)


class DirectoryFileDeleteTrigger(FileDeleteTrigger):
    """Fires when the file ``filename`` is in ``directory``, and deletes it."""

    def __init__(self, directory: str, filename: str, poke_interval: float = 5.0, **kwargs: Any) -> None:
        super().__init__(os.path.join(directory, filename), poke_interval)
        self.directory, self.filename = directory, filename

    def serialize(self) -> tuple[str, dict[str, Any]]:
        kwargs = {"directory": self.directory, "filename": self.filename, "poke_interval": self.poke_interval}
        return f"{__name__}.DirectoryFileDeleteTrigger", kwargs


def find_file(pattern: str, recursive: bool = False) -> str | None:
    """Return a file that ``pattern`` stands for, or one inside a folder that it stands for; None where there is none."""
    from glob import iglob

    for path in iglob(pattern, recursive=recursive):
        if os.path.isfile(path):
            return path
        for folder, _, files in os.walk(path):
            if files:
                return os.path.join(folder, files[0])
    return None


def _take_file(path: str) -> bool:
    try:
        os.remove(path)
    except (FileNotFoundError, IsADirectoryError):
        return False
    return True
