"""Which files of a DAG folder a DAG file needs: what it imports, at once or inside its functions, and what it opens."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

INDENTED_IMPORT = re.compile(rb"^[ \t]+(?:import|from)[ \t]", re.MULTILINE)
LARGEST_SOURCE = 5 * 1024 * 1024


class Opened:
    """Notes the files under ``root`` that this process opens for reading, from now on."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.found: set[str] = set()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event != "open":
            return
        path, mode, flags = args
        if not isinstance(path, (str, bytes)) or (isinstance(mode, str) and set(mode) & set("wax+")):
            return
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            return
        self.found.add(os.fsdecode(path))

    def files(self) -> list[str]:
        return relative_to(self.root, {os.path.abspath(each) for each in self.found})


def relative_to(root: str, paths: set[str]) -> list[str]:
    """Those of ``paths`` that are files under ``root``, relative to it and sorted."""
    found = set()
    for prefix in {os.path.abspath(root) + os.sep, os.path.realpath(root) + os.sep}:
        found |= {path[len(prefix) :] for path in paths if path.startswith(prefix) and os.path.isfile(path)}
    return sorted(found)


def reachable(root: str) -> list[str]:
    """The source files under ``root`` that are imported now, or would be by code that has not run yet."""
    loaded = {
        os.path.abspath(each) for module in list(sys.modules.values()) if (each := getattr(module, "__file__", None))
    }
    prefixes = tuple({os.path.abspath(root) + os.sep, os.path.realpath(root) + os.sep})
    found = {path for path in loaded if path.startswith(prefixes)}
    pending = [(path, True) for path in found]
    bases = [each for each in sys.path if (each + os.sep).startswith(prefixes)]
    while pending:
        path, ran = pending.pop()
        for other in _imported_by(path, bases, ran):
            if other not in found:
                found.add(other)
                pending.append((other, False))
    return relative_to(root, found)


def _imported_by(path: str, bases: list[str], ran: bool) -> Iterator[str]:
    """The files that the import statements of ``path`` name; of a module that ran, only the indented ones can be new."""
    try:
        with open(path, "rb") as file:
            source = file.read(LARGEST_SOURCE)
        if ran and not INDENTED_IMPORT.search(source):
            return
        import ast

        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield from _files_of(each.name, bases)
        elif isinstance(node, ast.ImportFrom):
            places, name = bases, node.module or ""
            if node.level:
                folder = os.path.dirname(path)
                for _ in range(node.level - 1):
                    folder = os.path.dirname(folder)
                places = [folder]
            for each in node.names:
                yield from _files_of(f"{name}.{each.name}" if name else each.name, places)


def _files_of(name: str, places: list[str]) -> Iterator[str]:
    """The source files that importing ``name`` runs: its packages', and its own."""
    parts = name.split(".")
    for place in places:
        for count in range(1, len(parts) + 1):
            base = os.path.join(place, *parts[:count])
            for path in (base + ".py", os.path.join(base, "__init__.py")):
                if os.path.isfile(path):
                    yield path
