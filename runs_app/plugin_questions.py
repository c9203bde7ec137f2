"""What the engine cannot know of authors' own classes, asked of a process that has loaded their plugins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dags_app import plugin_calls
from orchestrator.core.deadlines import Alert

from .models import AssetEvent, DagRun

MAPPING, REFERENCE = "map_partition", "deadline_reference"
GIVEN = ("dag_id", "run_id", "run_type")
MOMENTS = ("logical_date", "queued_at", "run_after")


def ask_mapping(dag_id: str, event: AssetEvent, mapper: dict[str, Any], date: datetime | None, now: datetime) -> None:
    """Ask after the caller's transaction which keys of a DAG an event belongs to."""
    asked = {"dag": dag_id, "event": event.pk, "key": event.partition_key, "mapper": mapper}
    plugin_calls.ask(MAPPING, {**asked, "date": date.isoformat() if date is not None else None}, now)


def ask_reference(run: DagRun, alert: Alert, now: datetime) -> None:
    """Ask after the caller's transaction what a deadline of a run counts from."""
    values = {name: getattr(run, name) for name in GIVEN}
    moments = {name: getattr(run, name) for name in MOMENTS}
    values |= {name: moment.isoformat() if moment is not None else None for name, moment in moments.items()}
    reference = dict(alert.document["reference"])
    plugin_calls.ask(REFERENCE, {"run": run.pk, "key": alert.key, "reference": reference, "values": values}, now)
