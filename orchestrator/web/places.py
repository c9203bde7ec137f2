"""The pages one can go to by name, and the keys one can press: one table each, that search, help and tests read."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Place:
    """One page. ``verb`` is the right without which it is not offered."""

    name: str
    address: str  # the name of its route
    words: str = ""  # what else it is looked for by
    verb: str = "read"


PLACES = (
    Place("DAGs", "dags", "list workflows"),
    Place("Home", "home", "dashboard health start"),
    Place("DAG runs", "dag-runs", "browse dagruns"),
    Place("Task instances", "task-instances", "browse tasks"),
    Place("Timeline", "timeline", "gantt past planned schedule"),
    Place("XComs", "xcoms", "browse values"),
    Place("Deadlines", "deadlines", "sla missed late"),
    Place("Assets", "assets", "datasets data"),
    Place("Required actions", "required", "approvals human answer hitl"),
    Place("Import errors", "import-errors", "broken files"),
    Place("Failures", "failures", "errors fingerprints groups"),
    Place("Audit log", "events", "who did what events", "read_audit"),
    Place("Variables", "variables", "admin", "read_variables"),
    Place("Connections", "connections", "admin secrets", "read_connections"),
    Place("Pools", "pools", "admin slots", "read_pools"),
    Place("Workers and queues", "workers", "admin processes", "read_processes"),
    Place("Jobs", "jobs", "admin processes", "read_processes"),
    Place("Plugins", "plugins", "admin", "read_plugins"),
    Place("Providers", "providers", "admin packages", "read_plugins"),
    Place("Settings", "configs", "admin configuration", "admin"),
    Place("Users", "users", "security accounts roles", "admin"),
    Place("Roles", "roles", "security rights", "admin"),
    Place("Tokens", "tokens", "security api access"),
    Place("Undo", "undo", "take back last action"),
    Place("Change password", "password", "account"),
    Place("Administration", "admin:index", "django admin", "edit_pools"),
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
        "Everywhere",
        (
            Key(("Ctrl K", "/"), "Search DAGs, runs, tasks, assets, pages and actions"),
            Key(("?",), "This sheet"),
            Key(("Esc",), "Close what is open"),
        ),
    ),
    (
        "DAG",
        (
            Key(("g",), "Grid or graph"),
            Key(("t",), "Trigger"),
        ),
    ),
    (
        "Run and task",
        (
            Key(("Shift C",), "Clear"),
            Key(("Shift S",), "Mark success"),
            Key(("Shift F",), "Mark failed"),
        ),
    ),
    (
        "Grid",
        (
            Key(("←", "↑", "→", "↓"), "Walk"),
            Key(("Shift ← ↑ → ↓",), "Go to the end"),
            Key(("Enter",), "Open"),
            Key(("Space",), "Open or close a group or a mapped task"),
            Key(("x", "Ctrl click"), "Pick a cell, to act on all that are picked"),
            Key(("Shift X", "Shift click"), "Pick all from the last picked to here"),
        ),
    ),
    (
        "Graph",
        (
            Key(("Ctrl Shift F",), "Show only what is near one task"),
            Key(("←", "↑", "→", "↓"), "To the next task"),
        ),
    ),
    (
        "Log",
        (
            Key(("/", "Ctrl F"), "Find in the whole log"),
            Key(("Enter", "Shift Enter"), "Next and previous match"),
            Key(("w",), "Wrap"),
            Key(("t",), "Times"),
            Key(("s",), "Sources"),
            Key(("e",), "Fold or unfold all groups"),
            Key(("f",), "Full screen"),
            Key(("d",), "Download"),
        ),
    ),
    ("Code", (Key(("w",), "Wrap"),)),
    (
        "Lists",
        (Key(("Shift click",), "Tick all from the last tick to here"),),
    ),
)
