"""Airflow 1 put what plugins bring into packages of its own: ``airflow.operators.<plugin>``, and ``airflow.operators`` too."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

LISTS = {
    "airflow.operators": ("operators", "sensors"),
    "airflow.sensors": ("sensors",),
    "airflow.hooks": ("hooks",),
}
"""Package -> the lists of a plugin whose members it had."""


def brought(package: str, plugin: str | None = None) -> dict[str, Any]:
    """What plugins, or the one of that name, bring into a package, by name."""
    if package not in LISTS:
        return {}
    from orchestrator.sdk import plugins

    return {
        member.__name__: member
        for each in plugins.active
        if plugin in (None, each.name)
        for kind in LISTS[package]
        for member in getattr(each, kind, None) or ()
        if hasattr(member, "__name__")
    }


class PluginModules:
    """Makes such a module, where a plugin of that name brings something of the kind."""

    def find_spec(self, name: str) -> ModuleSpec | None:
        package, _, plugin = name.rpartition(".")
        return ModuleSpec(name, self) if brought(package, plugin) else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        package, _, plugin = module.__name__.rpartition(".")
        vars(module).update(brought(package, plugin))
