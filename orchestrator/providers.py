"""Packages that bring operators and hooks: ours, and Airflow's provider packages that are installed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

from django.utils.translation import gettext_lazy

from .sdk import provider_info

PREFIX = "apache-airflow-providers-"


@dataclass(frozen=True, slots=True)
class Provider:
    """One package. ``summary`` is its own."""

    name: str
    version: str
    summary: str
    info: Mapping[str, Any] = field(default_factory=dict)
    """All that it says of itself."""

    @property
    def title(self) -> str:
        """What it is called where its package's name stands beside: the summary of most says that name once more."""
        return str(self.info.get("name") or self.summary)

    @property
    def connection_types(self) -> tuple[str, ...]:
        return tuple(each["connection-type"] for each in self.info.get("connection-types") or ())

    @property
    def decorators(self) -> tuple[str, ...]:
        return tuple(f"@task.{each['name']}" for each in self.info.get("task-decorators") or ())

    @property
    def documentation_url(self) -> str | None:
        if not self.name.startswith(PREFIX):
            return None
        return f"https://airflow.apache.org/docs/{self.name}/{self.version}/"


@cache
def installed() -> tuple[Provider, ...]:
    """Return what is installed where this server runs; it changes only with a restart."""
    said = {each["package-name"]: each for each in provider_info.infos()}
    found = {
        str(each.metadata["Name"]): Provider(
            str(each.metadata["Name"]),
            each.version,
            str(each.metadata.get("Summary") or ""),
            said.get(str(each.metadata["Name"]), {}),
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


STANDARD = ("description", "host", "login", "password", "port", "schema")


def connection_types() -> list[dict[str, Any]]:
    """Return each connection type of an installed package as Airflow's own pages are told of it, by name."""
    return [_connection_type(name, *provider_info.hooks()[name]) for name in sorted(provider_info.hooks())]


def _connection_type(name: str, info: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    looks = said.get("ui-field-behaviour") or {}
    titles, hints = looks.get("relabeling") or {}, looks.get("placeholders") or {}
    return {
        "connection_type": name,
        "hook_name": said.get("hook-name") or name,
        "hook_class_name": said.get("hook-class-name"),
        "package_name": info["package-name"],
        "standard_fields": {
            each: {
                "hidden": each in (looks.get("hidden-fields") or ()),
                "title": titles.get(each),
                "placeholder": hints.get(each),
            }
            for each in STANDARD
        },
        "extra_fields": dict(said.get("conn-fields") or {}),
    }
