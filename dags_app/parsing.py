"""One DAG file parsed in a process of its own: what it defines, and which files of the folder it depends on."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connections

from orchestrator.logs.mask import Masker, is_secret_name, secret_values
from orchestrator.runtime.client import ForkServer
from orchestrator.sdk import era

from . import lookup, plugins, secrets, sync, trees
from .folder import Look, Names, Print
from .sync import Parsed, error_of
from .trees import Tree, TreeTooLarge

log = logging.getLogger(__name__)

MISSING_MODULE = ("ModuleNotFoundError", "ImportError")


@dataclass(slots=True)
class Finished:
    """A parse that ended."""

    parsed: Parsed
    needs: dict[str, Print | None] = field(default_factory=dict)  # as they were when the parse began
    lacks_module: bool = False  # a file that is added may mend it
    hit_limit: bool = False


def parse(
    server: ForkServer,
    root: str,
    path: str,
    look: Look,
    names: Names,
    answers: Answers | None = None,
    lasts: dict[str, list[str]] | None = None,
    ranges: dict[str, dict[str, Any]] | None = None,
    brought: Mapping[str, bytes] | None = None,
) -> Finished:
    """Parse one file; whatever it does, what comes back is its DAGs or its errors.

    ``answers``: who tells the file's code of variables and connections; by default the stores do. ``brought``: files
    that every version of the bundle has.
    """
    answers, plugin_folder = answers or Answers(writes=True), plugins.current()
    result = server.parse(
        root,
        path,
        timeout=settings.ORCH.parse_timeout,
        memory_bytes=settings.ORCH.parse_memory_bytes,
        answer=answers.answer,
        plugins=plugin_folder.folder,
        lasts=lasts,
        ranges=ranges,
    )
    parsed = Parsed(path, os.path.join(root, path), result.seconds)
    parsed.schedules = {str(each.get("dag_id")): each for each in result.schedules}
    parsed.documents, refused = sync.read_documents(result.dags)
    parsed.errors = answers.masked([*result.errors, *refused])
    finished = Finished(parsed, hit_limit=result.limit)
    needed = {path, *result.modules, *result.reads, *era.places(path)}
    if parsed.documents or not parsed.errors:
        try:
            parsed.tree = trees.collect(
                root,
                path,
                imported=result.modules,
                opened=result.reads,
                specs=[each.spec for each in parsed.documents],
                names=names.by_base,
            )
            needed |= parsed.tree.contents.keys()
            parsed.tree = Tree({**parsed.tree.contents, **plugin_folder.contents, **(brought or {})})
        except TreeTooLarge as error:
            parsed.errors.append(error_of(str(error)))
    finished.lacks_module = any(each["message"].startswith(MISSING_MODULE) for each in parsed.errors)
    finished.needs = {each: look.prints[each] if each in look.prints else print_of(root, each) for each in needed}
    return finished


def print_of(root: str, path: str) -> Print | None:
    """What tells that a file changed; None where it is not there."""
    try:
        status = os.stat(os.path.join(root, path))
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


class Answers:
    """Answers what code asks for while its file is imported: variables and connections, and nothing else.

    ``writes``: variables that the file sets are stored, as in Airflow; else they are kept for this parse, which only looks.
    """

    def __init__(self, *, writes: bool = False) -> None:
        self.secrets: set[str] = set()
        self.writes = writes
        self.written: dict[str, str | None] = {}

    def answer(self, what: str, args: Mapping[str, Any]) -> Any:
        try:
            if what == "variable":
                return self._variable(str(args["key"]))
            if what == "connection":
                found = lookup.of_parses.connection(str(args["conn_id"]))
                self.secrets |= secrets.sensitive_values(found) if found else set()
                return found
            if what == "set_variable":
                return self._set(str(args["key"]), str(args["value"]), args.get("description"))
            if what == "delete_variable":
                return self._set(str(args["key"]), None)
        finally:
            connections.close_all()  # the thread that waits for this parse may wait for others without any question
        raise LookupError(f"{what} can only be asked for while a task runs")

    def _variable(self, key: str) -> dict[str, str] | None:
        value = self.written[key] if key in self.written else lookup.of_parses.variable(key)
        if value is None:
            return None
        self.secrets.update([value] if is_secret_name(key) else secret_values(value))
        return {"value": value}

    def _set(self, key: str, value: str | None, description: str | None = None) -> bool:
        """Write a variable, or delete it; one that has the value already is left alone, since files are parsed often."""
        before = self._variable(key)
        self.written[key] = value
        if self.writes and value is None:
            secrets.delete_variable(key)
        elif self.writes and value is not None and before != {"value": value}:
            secrets.set_variable(key, value, description)
        return before is not None

    def masked(self, errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Import errors without the secrets that the file was told: whoever sees the DAG may see its errors."""
        if not self.secrets:
            return errors
        mask = Masker(self.secrets).mask
        return [{**each, "message": mask(each["message"]), "stack_trace": mask(each["stack_trace"])} for each in errors]
