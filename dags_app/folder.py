"""One look at a DAG folder: its files, and which of them are DAG files."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from . import ignore

log = logging.getLogger(__name__)

Print = tuple[int, int, int, int]
"""What tells that a file was written or replaced: modified and changed at (ns), size, inode."""

NO_DAGS_AT_TOP = frozenset({"plugins", "include", "config"})
"""Folders of an Airflow project beside its DAGs: imported from, never searched for DAGs."""
SKIPPED = frozenset({"__pycache__", "node_modules"})
BESIDE_DAGS = ("plugins", "include", "config", "airflow.cfg", "airflow_settings.yaml", "requirements.txt", "Dockerfile")
"""What tells a whole Airflow project from a folder of DAG files that happens to have a folder named dags."""
LOGS = "logs"
ENDINGS = (".py", ".zip")
OUTPUTS = (".db", ".sqlite", ".sqlite3", ".log", ".pid", ".lock", ".tmp", ".pyc")
"""Endings of files that programs write while they run: naming one is not reading it as a source."""
LONGEST_PATH = 1000
MOST_FILES = 100_000
LARGEST_SOURCE = 5 * 1024 * 1024
SAFE_MODE = re.compile(rb"airflow|orchestrator", re.IGNORECASE)


@dataclass(slots=True)
class Look:
    """What the folder holds, by path relative to it."""

    prints: dict[str, Print] = field(default_factory=dict)  # every file
    candidates: set[str] = field(default_factory=set)  # those that may be DAG files by their place and name
    unseen: set[str] = field(default_factory=set)  # folders that could not be read ("" = not all was looked at)

    def may_hold(self, path: str) -> bool:
        """Whether a file that was not found may be there all the same."""
        return any(not folder or path.startswith(folder + "/") for folder in self.unseen)


def is_project(root: str) -> bool:
    """Whether this is the folder of a whole project, or an Airflow home: its DAG files are those in its ``dags``."""
    there = os.path.join(root, "dags")
    return os.path.isdir(there) and any(os.path.exists(os.path.join(root, each)) for each in BESIDE_DAGS)


class Folder:
    """The DAG folder, looked at again and again; contents are read only where a file is new or changed."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._judged: dict[str, tuple[Print, str | None]] = {}
        self._told: set[str] = set()
        self._is_project = False

    def look(self) -> Look | None:
        """Return what is there now, None where the folder itself cannot be read: then nothing is known of its files."""
        try:
            os.scandir(self.root).close()
        except OSError as error:
            log.warning("dags_folder_unreadable folder=%s error=%s", self.root, error)
            return None
        found = Look()
        self._is_project = is_project(self.root)
        for path, is_candidate, status in self._walk("", (), set(), found.unseen):
            found.prints[path] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            if is_candidate:
                found.candidates.add(path)
            if len(found.prints) >= MOST_FILES:
                self._tell_once("dags_folder_too_large", self.root, f"only {MOST_FILES} files are looked at")
                found.unseen.add("")
                break
        return found

    def _walk(
        self,
        folder: str,
        rules: tuple[ignore.Rule, ...],
        above: set[tuple[int, int]],
        unseen: set[str],
        searched: bool = True,
    ) -> Iterator[tuple[str, bool, os.stat_result]]:
        """Yield (path, may be a DAG file, status) of every file; a link that leads back to a folder above ends there."""
        place = os.path.join(self.root, folder) if folder else self.root
        try:
            here = os.stat(place)
            key = (here.st_dev, here.st_ino)
            if key in above:
                return
            entries = sorted(os.scandir(place), key=lambda each: each.name)
        except OSError as error:  # gone meanwhile, a loop of links, or there but not to be read now
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                self._tell_once("folder_unreadable", folder or ".", str(error))
                unseen.add(folder)
            return
        rules += tuple(self._rules(folder))
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith("."):
                continue
            if not _is_storable(path):
                self._tell_once("file_skipped", repr(path), "its path is not UTF-8, or too long")
                continue
            try:
                status = entry.stat()
            except OSError:  # a link to nothing
                continue
            if stat.S_ISDIR(status.st_mode):
                if entry.name in SKIPPED or os.path.exists(os.path.join(self.root, path, "pyvenv.cfg")):
                    continue
                if folder == "" and self._is_project and entry.name == LOGS:
                    continue
                wanted = searched and (folder != "" or self._may_hold_dags(entry.name))
                wanted = wanted and not ignore.is_ignored(rules, path, True)
                yield from self._walk(path, rules, above | {key}, unseen, wanted)
            elif stat.S_ISREG(status.st_mode):
                is_candidate = searched and path.endswith(ENDINGS) and (folder != "" or not self._is_project)
                is_candidate = is_candidate and not ignore.is_ignored(rules, path, False)
                yield path, is_candidate, status

    def _may_hold_dags(self, top: str) -> bool:
        """Whether DAG files are searched for in a folder at the top."""
        return top == "dags" if self._is_project else top not in NO_DAGS_AT_TOP

    def _rules(self, folder: str) -> list[ignore.Rule]:
        try:
            with open(os.path.join(self.root, folder, ignore.FILE_NAME), encoding="utf-8", errors="replace") as file:
                return ignore.read_rules(file.read(1 << 20), folder, ignore.syntax())
        except OSError:
            return []

    def judge(self, path: str, print_: Print) -> str | None:
        """Return "dag" for a file that speaks of DAGs and Airflow, None for another, else why it cannot be told."""
        known = self._judged.get(path)
        if known is None or known[0] != print_:
            known = self._judged[path] = (print_, self._judge(path, print_[2]))
        return known[1]

    def _judge(self, path: str, size: int) -> str | None:
        if size > LARGEST_SOURCE:
            return f"the file has {size} bytes; a DAG file may have at most {LARGEST_SOURCE}"
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                data = file.read(LARGEST_SOURCE)
        except OSError as error:
            return f"the file cannot be read: {error.strerror or error}"
        if path.endswith(".zip"):
            return self._judge_archive(path)
        return "dag" if _speaks_of_dags(data) else None

    def _judge_archive(self, path: str) -> str | None:
        """A zip is a DAG file if one of the modules at its top is."""
        try:
            with zipfile.ZipFile(os.path.join(self.root, path)) as archive:
                for each in archive.infolist():
                    is_top = "/" not in each.filename and each.filename.endswith(".py")
                    if is_top and each.file_size <= LARGEST_SOURCE and _speaks_of_dags(archive.read(each)):
                        return "dag"
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
            return f"the archive cannot be read: {error}"
        return None

    def _tell_once(self, event: str, place: str, reason: str) -> None:
        if f"{event} {place}" not in self._told:
            self._told.add(f"{event} {place}")
            log.warning("%s place=%s reason=%s", event, place, reason)

    def forget(self, path: str) -> None:
        self._judged.pop(path, None)


def _speaks_of_dags(source: bytes) -> bool:
    return b"dag" in source.lower() and SAFE_MODE.search(source) is not None


def _is_storable(path: str) -> bool:
    """Whether a database can hold the path: text in UTF-8, and not longer than its column."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return len(path) <= LONGEST_PATH


class Names:
    """The files of a look that a source may name, by base name; made when the first is asked for."""

    def __init__(self, look: Look, dag_files: Container[str]) -> None:
        self._look, self._dag_files = look, dag_files

    @cached_property
    def by_base(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._look.prints:
            # Another DAG file is named in comments and links, not run from here.
            if path not in self._dag_files and not path.endswith(OUTPUTS):
                found.setdefault(path.rpartition("/")[2], []).append(path)
        return found
