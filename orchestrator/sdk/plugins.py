"""Plugins: classes that add macros, timetables, weight rules, links and listeners to every DAG."""

from __future__ import annotations

from typing import Any

from .exceptions import AirflowException


class AirflowPluginException(AirflowException):
    """A plugin that cannot be used; the message says which and why."""


LISTS = (
    *("macros", "timetables", "priority_weight_strategies", "listeners"),
    *("global_operator_extra_links", "operator_extra_links"),
    *("partition_mappers", "windows", "deadline_references", "hook_lineage_readers"),
)
"""What a plugin may bring, and what is done with it here."""
UNUSED = (
    *("admin_views", "flask_blueprints", "menu_links", "appbuilder_views", "appbuilder_menu_items"),
    *("fastapi_apps", "fastapi_root_middlewares", "external_views", "react_apps"),
)
"""What a plugin may bring for Airflow's own web server; accepted, listed, and of no effect here."""


class AirflowPlugin:
    """Base of plugins. Subclasses set ``name`` and the lists they fill."""

    name: str | None = None
    source: str | None = None
    macros: list[Any] = []
    timetables: list[Any] = []
    priority_weight_strategies: list[Any] = []
    listeners: list[Any] = []
    global_operator_extra_links: list[Any] = []
    operator_extra_links: list[Any] = []
    partition_mappers: list[Any] = []
    windows: list[Any] = []
    deadline_references: list[Any] = []
    hook_lineage_readers: list[Any] = []

    @classmethod
    def validate(cls) -> None:
        """Raises:
        AirflowPluginException: it has no name, or a list that is none.
        """
        if not isinstance(cls.name, str) or not cls.name.strip():
            raise AirflowPluginException(f"the plugin {cls.__name__} needs a name")
        for each in (*LISTS, *UNUSED):
            if not isinstance(getattr(cls, each, []), (list, tuple)):
                raise AirflowPluginException(f"the plugin {cls.name!r}: {each} must be a list")

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Called once in each process that loads the plugin."""


active: list[type[AirflowPlugin]] = []
"""The plugins of this process, in the order they were loaded."""


def brought(what: str) -> list[Any]:
    """All that the plugins bring of one kind."""
    return [each for plugin in active for each in getattr(plugin, what, ())]


def links_for(task: Any) -> list[Any]:
    """A task's links: those of its class, and those that plugins add to every class or to its own.

    Where two have one name, the plugin's stands for the class's own.
    """
    own = list(task.operator_extra_links)
    added = [
        each
        for each in brought("operator_extra_links")
        if any(issubclass(task.operator_class, kind) for kind in getattr(each, "operators", ()))
    ]
    by_name = {each.name: each for each in (*own, *brought("global_operator_extra_links"), *added)}
    return list(by_name.values())
