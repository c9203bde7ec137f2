"""Packages that bring operators and hooks: ours, and Airflow's provider packages that are installed beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import metadata

from django.utils.translation import gettext_lazy

PREFIX = "apache-airflow-providers-"


@dataclass(frozen=True, slots=True)
class Provider:
    """One package. ``summary`` is its own."""

    name: str
    version: str
    summary: str


@cache
def installed() -> tuple[Provider, ...]:
    """Return what is installed where this server runs; it changes only with a restart."""
    found = {
        str(each.metadata["Name"]): Provider(
            str(each.metadata["Name"]), each.version, str(each.metadata.get("Summary") or "")
        )
        for each in metadata.distributions()
        if str(each.metadata["Name"] or "").lower().startswith(PREFIX)
    }
    try:
        own = Provider(
            "orchestrator",
            metadata.version("orchestrator"),
            gettext_lazy("The standard, SMTP and common operators, sensors, triggers and hooks."),
        )
    except metadata.PackageNotFoundError:
        own = Provider("orchestrator", "", gettext_lazy("Run from its source."))
    return (own, *(found[name] for name in sorted(found)))
