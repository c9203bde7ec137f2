"""The plugins folder: its files go into every version, and what its plugins bring is listed.

A plugin may change what any DAG is and does, so its files count as every DAG's own: a run keeps the plugins it
started with, and a worker needs no plugins folder. They are loaded only where user code runs.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from orchestrator.runtime.client import ForkServer
from orchestrator.runtime.plugins import IN_VERSION, files_of

from .models import PluginSource
from .trees import LARGEST, TreeTooLarge, read

log = logging.getLogger(__name__)

Mark = tuple[tuple[str, int, int], ...]


class PluginFolder:
    """The folder's files as content, read again when one of them changes."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.mark: Mark = ()
        self.contents: Mapping[str, bytes] = {}
        self.error = ""
        self.lock = threading.Lock()

    def look(self) -> bool:
        """Whether anything changed since the last look."""
        with self.lock:
            mark = self._mark()
            if mark == self.mark:
                return False
            self.contents, self.error = self._read(mark)
            self.mark = mark
            return True

    def _mark(self) -> Mark:
        found = []
        for path in files_of(self.folder):
            try:
                status = os.stat(os.path.join(self.folder, path))
            except OSError:  # gone between the two
                continue
            found.append((path, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _read(self, mark: Mark) -> tuple[dict[str, bytes], str]:
        contents: dict[str, bytes] = {}
        try:
            for path, _, _ in mark:
                data = read(self.folder, path, LARGEST)
                if data is not None:
                    contents[f"{IN_VERSION}/{path}"] = data
        except TreeTooLarge as error:
            return {}, f"the plugins folder cannot be stored with DAGs: {error}"
        if sum(map(len, contents.values())) > LARGEST:
            return {}, f"the files of the plugins folder have more than {LARGEST} bytes: keep data elsewhere"
        return contents, ""


_folders: dict[str, PluginFolder] = {}


def current() -> PluginFolder:
    """The folder that the settings name, as it is now."""
    path = str(settings.ORCH.plugins_folder)
    found = _folders.get(path)
    if found is None:
        found = _folders[path] = PluginFolder(path)
    found.look()
    return found


def load(server: ForkServer, folder: PluginFolder) -> list[dict[str, Any]]:
    """Load the plugins in a process of their own; return what each brings, or what is wrong."""
    result = server.parse(
        folder.folder,
        "",
        timeout=settings.ORCH.parse_timeout,
        memory_bytes=settings.ORCH.parse_memory_bytes,
        plugins=folder.folder,
    )
    found = list(result.plugins)
    found += [{"name": None, "source": folder.folder, "error": each["message"]} for each in result.errors]
    if folder.error:
        found.append({"name": None, "source": folder.folder, "error": folder.error})
    return found


@transaction.atomic
def store(found: list[dict[str, Any]], now: datetime) -> None:
    """Write what there is in place of what there was."""
    PluginSource.objects.all().delete()
    PluginSource.objects.bulk_create([_row(each, now) for each in found])
    for each in found:
        if each.get("error"):
            log.warning("plugin_broken source=%s error=%s", each.get("source"), str(each["error"]).splitlines()[0])


def _row(found: Mapping[str, Any], now: datetime) -> PluginSource:
    """User code said this, so it is made to fit."""
    name = found.get("name")
    brings = {
        str(kind): [str(each)[:500] for each in values]
        for kind, values in found.items()
        if isinstance(values, list) and kind not in {"name", "source", "error"}
    }
    return PluginSource(
        name=str(name)[:250] if name is not None else None,
        source=_text(found.get("source"))[:1000],
        brings=brings,
        error=_text(found.get("error"))[:4000],
        loaded_at=now,
    )


def _text(value: Any) -> str:
    return str(value or "").encode("utf-8", "replace").decode().replace("\0", "")
