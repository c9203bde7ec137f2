"""The source files that one DAG file needs to run, as content."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orchestrator.core.spec import DagSpec

LARGEST = 20 * 1024 * 1024
"""Bytes that the files of one tree may have together; they are stored with every version that differs."""
WORD = re.compile(rb"[\w./-]+")
"""What the name of a file in a source is made of. One class of characters: it takes linear time on any source."""
FILLED_IN = re.compile(rb"%(?:\(\w{1,40}\))?[sd](?=/)")
"""A folder that is put in before a name, as in ``"%s/sql/load.sql" % HERE``: it is no part of the name."""
LONGEST_NAME = 1000


class TreeTooLarge(ValueError):
    """The files are too large to be stored with the DAG; the message names the largest."""


@dataclass(frozen=True)
class Tree:
    """Contents by path relative to the DAG folder, with ``/``."""

    contents: Mapping[str, bytes]

    @cached_property
    def manifest(self) -> dict[str, str]:
        return {path: hashlib.sha256(data).hexdigest() for path, data in sorted(self.contents.items())}

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()


def collect(
    root: str,
    file: str,
    *,
    imported: Iterable[str],
    opened: Iterable[str],
    specs: Sequence[DagSpec],
    names: Mapping[str, Collection[str]],
) -> Tree:
    """Read the file, what it imports and opens, its templates, and the files that one of these names.

    ``names``: base name -> paths, of the files in the folder that a source may name (scripts, queries, data).
    A file that cannot be read is left out: whoever needs it says so when it runs.

    Raises:
        TreeTooLarge: together they have more than :data:`LARGEST` bytes.
    """
    contents: dict[str, bytes] = {}
    sources = {file, *imported}
    pending = [*sources, *opened, *_templates(root, sources, specs)]
    while pending:
        path = _inside(pending.pop())
        if path is None or path in contents:
            continue
        data = read(root, path, LARGEST)
        if data is None:
            continue
        contents[path] = data
        if sum(map(len, contents.values())) > LARGEST:
            raise _too_large(file, contents)
        if path in sources or not path.endswith((".py", ".csv", ".json", ".parquet")):
            pending += _named(data, file, names)
    return Tree(contents)


def read(root: str, path: str, limit: int) -> bytes | None:
    """Return the content of a regular file, None where it cannot be read.

    Raises:
        TreeTooLarge: it has more than ``limit`` bytes.
    """
    try:
        # A pipe that somebody put there must not stop us for ever.
        descriptor = os.open(os.path.join(root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        if found.st_size > limit:
            raise TreeTooLarge(f"{path} has {found.st_size} bytes; {_LIMIT}")
        try:
            return file.read(limit)
        except OSError:
            return None


_LIMIT = (
    f"the files that a DAG needs are stored with it and may have {LARGEST} bytes: keep data outside of the DAGs folder"
)


def _too_large(file: str, contents: Mapping[str, bytes]) -> TreeTooLarge:
    largest = max(contents, key=lambda path: len(contents[path]))
    total = sum(map(len, contents.values()))
    return TreeTooLarge(
        f"{file} needs files of more than {total} bytes (the largest is {largest} with {len(contents[largest])}); {_LIMIT}"
    )


def _inside(path: str) -> str | None:
    """A path made plain, None where it leads out of the folder."""
    plain = os.path.normpath(path)
    return None if os.path.isabs(plain) or plain.split(os.sep)[0] == ".." else plain


def _below(root: str, folder: str) -> str:
    """A folder that is named from the top of the disk, as one of the root where it lies in it."""
    for each in (os.path.abspath(root), os.path.realpath(root)):
        if folder == each or folder.startswith(each + os.sep):
            return os.path.relpath(folder, each)
    return folder


def _templates(root: str, sources: Iterable[str], specs: Sequence[DagSpec]) -> list[str]:
    """Where the template files that tasks name may lie: beside the sources, or in a search path beside them."""
    found = []
    for spec in specs:
        names = {name for task in spec.tasks.values() for name in task.template_files}
        if names:
            folders = {os.path.dirname(each) for each in sources}
            folders |= {os.path.join(folder, each) for folder in folders for each in spec.template_searchpath}
            folders |= {_below(root, each) for each in spec.template_searchpath}
            found += [os.path.join(folder, name) for folder in folders for name in names]
    return found


def _named(data: bytes, file: str, names: Mapping[str, Collection[str]]) -> set[str]:
    """The files of the folder that a source names; those near the DAG file where there are several."""
    found: set[str] = set()
    folder = os.path.dirname(file) + os.sep if os.path.dirname(file) else ""
    for word in set(WORD.findall(FILLED_IN.sub(b"", data))):
        if b"." not in word or len(word) > LONGEST_NAME:
            continue
        text = word.decode("utf-8", "replace").strip("./")
        candidates = names.get(text.rpartition("/")[2])
        if not candidates:
            continue
        fitting = {each for each in candidates if f"/{each}".endswith(f"/{text}") or f"/{text}".endswith(f"/{each}")}
        found |= {each for each in fitting if each.startswith(folder)} or fitting
    return found
