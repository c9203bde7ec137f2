"""Loading plugins into a process that runs user code: from a folder, and from installed packages.

A plugin that cannot be loaded stops nothing: DAGs go on without it, and what is wrong is reported.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from orchestrator.core import own
from orchestrator.sdk import listeners, plugins
from orchestrator.sdk.plugins import LISTS, UNUSED, AirflowPlugin, brought

IN_VERSION = "__plugins__"
"""The folder of a version's files that holds the plugins as they were when it was made."""
GROUP = "airflow.plugins"
HIDDEN = ("__pycache__", "node_modules")

_entry_points: list[tuple[str, str]] | None = None


def files_of(folder: str) -> Iterator[str]:
    """The files of a plugins folder, relative to it and sorted; what is hidden is left out."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in HIDDEN)
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith((".pyc", "~")):
                yield os.path.relpath(os.path.join(at, name), folder)


def load(folder: str | None) -> list[dict[str, str]]:
    """Load every plugin into this process; return what went wrong as ``{"source", "error"}``.

    Modules get the names by which DAG files import them, so that both have the same classes.
    """
    plugins.active.clear()
    errors: list[dict[str, str]] = []
    if folder and os.path.isdir(folder):
        if folder not in sys.path:
            sys.path.append(folder)
        for path in files_of(folder):
            if path.endswith(".py") and _may_hold_plugins(os.path.join(folder, path)):
                _take(path, lambda path=path: _module_plugins(folder, path), errors)
    for name, value in entry_points():
        _take(f"{name} = {value}", lambda value=value: [_named(value)], errors)
    listeners.forget()
    own.register([*brought("partition_mappers"), *brought("windows"), *brought("deadline_references")])
    for plugin in plugins.active:
        if plugin.macros:
            _add_macros(plugin)
    return errors


def report(errors: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    """What the plugins of this process bring, as JSON, with the errors of those that could not be loaded."""
    found = []
    for plugin in plugins.active:
        lists = {each: [_name_of(value) for value in getattr(plugin, each, ())] for each in (*LISTS, *UNUSED)}
        if hooks := sorted({hook for each in plugin.listeners for hook, _ in listeners.heard_by(each)}):
            lists["hooks"] = hooks
        found.append({"name": plugin.name, "source": plugin.source, "error": "", **lists})
    return [*found, *({"name": None, **each} for each in errors)]


def _may_hold_plugins(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"Plugin" in file.read(1 << 20)
    except OSError:
        return False


def _take(source: str, find: Any, errors: list[dict[str, str]]) -> None:
    try:
        for plugin in find():
            plugin.validate()
            if plugin in plugins.active:
                continue
            same = [each for each in plugins.active if each.name == plugin.name]
            if same:
                raise plugins.AirflowPluginException(
                    f"a plugin of the name {plugin.name!r} is there already, from {same[0].source}"
                )
            plugin.source = source
            plugin.on_load()
            plugins.active.append(plugin)
    except BaseException as error:  # also one that exits: it must not take the DAG's process along
        if isinstance(error, KeyboardInterrupt):
            raise
        text = "".join(traceback.format_exception_only(error)).strip()
        errors.append({"source": source, "error": text[:4000]})


def _module_plugins(folder: str, path: str) -> list[type[AirflowPlugin]]:
    parts = path[: -len(".py")].split(os.sep)
    if parts[-1] == "__init__":
        parts.pop()
    module = importlib.import_module(".".join(parts))
    found = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, AirflowPlugin)]
    return [each for each in found if each is not AirflowPlugin and each.__module__ == module.__name__]


def _named(value: str) -> type[AirflowPlugin]:
    module, _, name = value.partition(":")
    found = getattr(importlib.import_module(module.strip()), name.strip())
    if not (isinstance(found, type) and issubclass(found, AirflowPlugin)):
        raise plugins.AirflowPluginException(f"{value} is no AirflowPlugin")
    return found


def _add_macros(plugin: type[AirflowPlugin]) -> None:
    """``macros.<plugin>.<function>`` in templates."""
    from . import macros

    setattr(macros, str(plugin.name), SimpleNamespace(**{each.__name__: each for each in plugin.macros}))


def _name_of(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("name") or value)
    if isinstance(value, str):
        return value
    kind = value if isinstance(value, type) or hasattr(value, "__name__") else type(value)
    module = getattr(kind, "__module__", None)
    name = getattr(kind, "__qualname__", None) or kind.__name__
    return f"{module}.{name}" if module else name


def entry_points() -> list[tuple[str, str]]:
    """The installed packages' plugins, as name and ``module:class``; read once a process.

    As text: ``importlib.metadata`` would draw e-mail and zip files into every attempt's process.
    """
    global _entry_points
    if _entry_points is None:
        _entry_points = [each for folder in sys.path for each in _entry_points_in(folder or ".")]
    return _entry_points


def _entry_points_in(folder: str) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if not name.endswith((".dist-info", ".egg-info")):
            continue
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError):
            continue
        if GROUP in text:
            yield from _of_group(text)


def _of_group(text: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()
