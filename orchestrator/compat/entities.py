"""What tasks read and write, as Airflow 1 and 2 described it in ``inlets`` and ``outlets``: ``airflow.lineage.entities``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AUTO = "auto"
PIPELINE_INLETS = "pipeline_inlets"
PIPELINE_OUTLETS = "pipeline_outlets"


@dataclass
class File:
    """A file."""

    url: str
    type_hint: str | None = None


@dataclass
class User:
    """A person."""

    email: str
    first_name: str | None = None
    last_name: str | None = None


@dataclass
class Tag:
    """A label."""

    tag_name: str


@dataclass
class Column:
    """A column of a table."""

    name: str
    description: str | None = None
    data_type: str = ""
    tags: list[Tag] = field(default_factory=list)


@dataclass
class Table:
    """A table of a database."""

    database: str
    cluster: str
    name: str
    tags: list[Tag] = field(default_factory=list)
    description: str | None = None
    columns: list[Column] = field(default_factory=list)
    owners: list[User] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    type_hint: str | None = None
