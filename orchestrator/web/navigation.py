"""What the bar at the top leads to, grouped as in Airflow: each reader sees what she may open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy

from orchestrator import access


@dataclass(frozen=True, slots=True)
class Entry:
    """One page. ``name`` is its URL name and what a view calls ``nav``; ``verb`` what it needs, "" = a role."""

    name: str
    label: str
    verb: str = ""


@dataclass(slots=True)
class Menu:
    """Several pages under one word; a page of its own where ``label`` is empty."""

    label: str
    entries: list[Entry] = field(default_factory=list)


BAR = (
    Menu("", [Entry("home", gettext_lazy("Home")), Entry("dags", "DAGs"), Entry("assets", gettext_lazy("Assets"))]),
    Menu(
        gettext_lazy("Browse"),
        [
            Entry("dag-runs", gettext_lazy("DAG runs"), "read"),
            Entry("task-instances", gettext_lazy("Task instances"), "read"),
            Entry("timeline", gettext_lazy("Timeline"), "read"),
            Entry("required", gettext_lazy("Required actions"), "read"),
            Entry("failures", gettext_lazy("Failures by kind"), "read"),
            Entry("deadlines", gettext_lazy("Deadlines"), "read"),
            Entry("xcoms", "XComs", "read"),
            Entry("import-errors", gettext_lazy("Import errors"), "read"),
            Entry("events", gettext_lazy("Audit log"), "read_audit"),
            Entry("jobs", gettext_lazy("Jobs"), "read_processes"),
        ],
    ),
    Menu(
        gettext_lazy("Admin"),
        [
            Entry("variables", gettext_lazy("Variables"), "read_variables"),
            Entry("connections", gettext_lazy("Connections"), "read_connections"),
            Entry("pools", gettext_lazy("Pools"), "read_pools"),
            Entry("workers", gettext_lazy("Workers and queues"), "read_processes"),
            Entry("bundles", gettext_lazy("Bundles"), "read_bundles"),
            Entry("providers", gettext_lazy("Providers"), "read_providers"),
            Entry("webhooks", gettext_lazy("Webhooks"), "edit_webhooks"),
            Entry("plugins", gettext_lazy("Plugins"), "read_plugins"),
            Entry("configs", gettext_lazy("Settings"), "read_config"),
            Entry("admin:index", gettext_lazy("Django admin"), "read_audit"),
        ],
    ),
    Menu(
        gettext_lazy("Security"),
        [
            Entry("users", gettext_lazy("Users"), "admin"),
            Entry("roles", gettext_lazy("Roles"), "admin"),
            Entry("teams", gettext_lazy("Teams"), "admin"),
            Entry("tokens", gettext_lazy("API tokens"), "read"),
        ],
    ),
    Menu(gettext_lazy("Docs"), [Entry("api-docs", gettext_lazy("REST API reference"))]),
)


def bar(user: Any) -> list[Menu]:
    """Return the menus of a user, without what she may not open."""
    found = [Menu(menu.label, [each for each in menu.entries if _may(user, each)]) for menu in BAR]
    return [menu for menu in found if menu.entries]


def _may(user: Any, entry: Entry) -> bool:
    return not entry.verb or access.can_somewhere(user, entry.verb)
