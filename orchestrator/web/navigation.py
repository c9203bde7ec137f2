"""What the bar at the top leads to, grouped as in Airflow: each reader sees what she may open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
    Menu("", [Entry("home", "Home"), Entry("dags", "DAGs"), Entry("assets", "Assets")]),
    Menu(
        "Browse",
        [
            Entry("dag-runs", "DAG runs", "read"),
            Entry("task-instances", "Task instances", "read"),
            Entry("timeline", "Timeline", "read"),
            Entry("required", "Required actions", "read"),
            Entry("failures", "Failures by kind", "read"),
            Entry("deadlines", "Deadlines", "read"),
            Entry("xcoms", "XComs", "read"),
            Entry("import-errors", "Import errors", "read"),
            Entry("events", "Audit log", "read_audit"),
            Entry("jobs", "Jobs", "read_processes"),
        ],
    ),
    Menu(
        "Admin",
        [
            Entry("variables", "Variables", "read_variables"),
            Entry("connections", "Connections", "read_connections"),
            Entry("pools", "Pools", "read_pools"),
            Entry("workers", "Workers and queues", "read_processes"),
            Entry("providers", "Providers", "read_providers"),
            Entry("plugins", "Plugins", "read_plugins"),
            Entry("configs", "Settings", "read_config"),
            Entry("admin:index", "Django admin", "read_audit"),
        ],
    ),
    Menu(
        "Security",
        [Entry("users", "Users", "admin"), Entry("roles", "Roles", "admin"), Entry("tokens", "API tokens", "read")],
    ),
)


def bar(user: Any) -> list[Menu]:
    """Return the menus of a user, without what she may not open."""
    found = [Menu(menu.label, [each for each in menu.entries if _may(user, each)]) for menu in BAR]
    return [menu for menu in found if menu.entries]


def _may(user: Any, entry: Entry) -> bool:
    return not entry.verb or access.can(user, entry.verb)
