"""Hears of changes below the DAG folder at once; what it misses, the periodic look finds."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

import watchfiles

log = logging.getLogger(__name__)

STEP_MS = 20
"""Changes are told once nothing more came for so long."""
DEBOUNCE_MS = 100
"""At the latest they are told after so long."""
RETRY_SECONDS = 1.0
OUTPUTS = (".log", ".pid", ".db", ".db-wal", ".db-shm", ".db-journal")
"""Of an Airflow that still runs in the same home."""
NOISE = (f"{os.sep}.git{os.sep}", f"{os.sep}__pycache__{os.sep}")


class Watch(threading.Thread):
    """Calls ``on_change`` for changes under ``root``; ``works`` says whether it can be relied on now."""

    def __init__(self, root: str, on_change: Callable[[], None]) -> None:
        super().__init__(name="dags-watch", daemon=True)
        self.root, self.on_change = root, on_change
        self.works = False
        self._stopped = threading.Event()
        self._again = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._again.clear()
            try:
                self._watch()
            except Exception as error:  # no folder, no inotify watches left: the periodic look goes on, more often
                if self.works:
                    log.warning("watch_failed folder=%s error=%s", self.root, error)
            self.works = False
            self._stopped.wait(RETRY_SECONDS)

    def _watch(self) -> None:
        if not os.path.isdir(self.root):
            raise FileNotFoundError(self.root)
        place = _identity(self.root)
        changes = watchfiles.watch(
            self.root,
            watch_filter=lambda change, path: not path.endswith(OUTPUTS) and not any(each in path for each in NOISE),
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=self._again,
            rust_timeout=1000,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        self.works = True
        self.on_change()  # what changed before the watch stood
        for found in changes:
            if self._stopped.is_set() or _identity(self.root) != place:
                return  # the folder was replaced: what is watched is the old one
            if found:
                self.on_change()

    def stop(self) -> None:
        self._stopped.set()
        self._again.set()
        self.join(5)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
