"""The pages one can go to by name, and the keys one can press: one table each, that search, help and tests read."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class Place:
    """One page. ``verb`` is the right without which it is not offered."""

    name: str
    address: str  # the name of its route
    words: str = ""  # what else it is looked for by
    verb: str = "read"


PLACES = (
    Place("DAGs", "dags", "list workflows"),
    Place(gettext_lazy("Home"), "home", "dashboard health start"),
    Place(gettext_lazy("DAG runs"), "dag-runs", "browse dagruns"),
    Place(gettext_lazy("Task instances"), "task-instances", "browse tasks"),
    Place(gettext_lazy("Timeline"), "timeline", "gantt past planned schedule"),
    Place("XComs", "xcoms", "browse values"),
    Place(gettext_lazy("Deadlines"), "deadlines", "sla missed late"),
    Place(gettext_lazy("Assets"), "assets", "datasets data"),
    Place(gettext_lazy("Required actions"), "required", "approvals human answer hitl"),
    Place(gettext_lazy("Import errors"), "import-errors", "broken files"),
    Place(gettext_lazy("Failures"), "failures", "errors fingerprints groups"),
    Place(gettext_lazy("Audit log"), "events", "who did what events", "read_audit"),
    Place(gettext_lazy("Variables"), "variables", "admin", "read_variables"),
    Place(gettext_lazy("Connections"), "connections", "admin secrets", "read_connections"),
    Place(gettext_lazy("Pools"), "pools", "admin slots", "read_pools"),
    Place(gettext_lazy("Workers and queues"), "workers", "admin processes", "read_processes"),
    Place(gettext_lazy("Jobs"), "jobs", "admin processes", "read_processes"),
    Place(gettext_lazy("Webhooks"), "webhooks", "admin notify push", "edit_webhooks"),
    Place(gettext_lazy("Bundles"), "bundles", "admin git folders environments", "read_bundles"),
    Place(gettext_lazy("Plugins"), "plugins", "admin", "read_plugins"),
    Place(gettext_lazy("Providers"), "providers", "admin packages", "read_plugins"),
    Place(gettext_lazy("Settings"), "configs", "admin configuration", "admin"),
    Place(gettext_lazy("Users"), "users", "security accounts roles", "admin"),
    Place(gettext_lazy("Roles"), "roles", "security rights", "admin"),
    Place(gettext_lazy("Teams"), "teams", "security rights groups", "admin"),
    Place(gettext_lazy("Tokens"), "tokens", "security api access"),
    Place(gettext_lazy("REST API reference"), "api-docs", "docs openapi swagger redoc"),
    Place(gettext_lazy("Undo"), "undo", "take back last action"),
    Place(gettext_lazy("Change password"), "password", "account"),
    Place(gettext_lazy("Administration"), "admin:index", "django admin", "edit_pools"),
)


def address_of(place: Place) -> str | None:
    """Return where the page is; None where this installation has none of it."""
    try:
        return reverse(place.address)
    except NoReverseMatch:
        return None


@dataclass(frozen=True)
class Key:
    """One shortcut: ``keys`` as they stand on the sheet, of which each is pressed alone or all of a pair in turn."""

    keys: tuple[str, ...]
    does: str


SHORTCUTS: tuple[tuple[str, tuple[Key, ...]], ...] = (
    (
        gettext_lazy("Everywhere"),
        (
            Key(("Ctrl K", "/"), gettext_lazy("Search DAGs, runs, tasks, assets, pages and actions")),
            Key(("?",), gettext_lazy("This sheet")),
            Key(("Esc",), gettext_lazy("Close what is open")),
        ),
    ),
    (
        "DAG",
        (
            Key(("g",), gettext_lazy("Grid or graph")),
            Key(("t",), gettext_lazy("Trigger")),
        ),
    ),
    (
        gettext_lazy("Run and task"),
        (
            Key(("Shift C",), gettext_lazy("Clear")),
            Key(("Shift S",), gettext_lazy("Mark success")),
            Key(("Shift F",), gettext_lazy("Mark failed")),
        ),
    ),
    (
        gettext_lazy("Grid"),
        (
            Key(("←", "↑", "→", "↓"), gettext_lazy("Walk")),
            Key(("Shift ← ↑ → ↓",), gettext_lazy("Go to the end")),
            Key(("Enter",), gettext_lazy("Open")),
            Key(("Space",), gettext_lazy("Open or close a group or a mapped task")),
            Key(("x", "Ctrl click"), gettext_lazy("Pick a cell, to act on all that are picked")),
            Key(("Shift X", "Shift click"), gettext_lazy("Pick all from the last picked to here")),
        ),
    ),
    (
        gettext_lazy("Graph"),
        (
            Key(("Ctrl Shift F",), gettext_lazy("Show only what is near one task")),
            Key(("←", "↑", "→", "↓"), gettext_lazy("To the next task")),
        ),
    ),
    (
        gettext_lazy("Log"),
        (
            Key(("/", "Ctrl F"), gettext_lazy("Find in the whole log")),
            Key(("Enter", "Shift Enter"), gettext_lazy("Next and previous match")),
            Key(("w",), gettext_lazy("Wrap")),
            Key(("t",), gettext_lazy("Times")),
            Key(("s",), gettext_lazy("Sources")),
            Key(("e",), gettext_lazy("Fold or unfold all groups")),
            Key(("f",), gettext_lazy("Full screen")),
            Key(("d",), gettext_lazy("Download")),
        ),
    ),
    (gettext_lazy("Code"), (Key(("w",), gettext_lazy("Wrap")),)),
    (
        gettext_lazy("Lists"),
        (Key(("Shift click",), gettext_lazy("Tick all from the last tick to here")),),
    ),
)
