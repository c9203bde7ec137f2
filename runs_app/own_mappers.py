"""Partition mappers and windows of authors' own: an event is mapped in a process that has loaded their plugins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from dags_app.models import Asset, Dag, PluginCall

from . import advance, asset_runs, notify, partitions
from .locking import retrying
from .models import AssetEvent

MOST_EXPECTED = 10_000


def answered(call_pk: int, asked: Mapping[str, Any], value: Any, error: str | None, now: datetime) -> None:
    """Add the event to its keys, and make the runs that are complete by that; once, however often the answer comes."""
    if _answered(call_pk, asked, value, error, now):
        advance.tell(asset_runs.make({asked["dag"]}, now))


@retrying()
def _answered(call_pk: int, asked: Mapping[str, Any], value: Any, error: str | None, now: datetime) -> bool:
    with transaction.atomic():
        if not PluginCall.objects.filter(pk=call_pk).delete()[0]:
            return False
        event = AssetEvent.objects.filter(pk=asked["event"]).first()
        dag = Dag.objects.filter(pk=asked["dag"], is_stale=False, version__isnull=False).first()
        if event is None or dag is None or not dag.is_partitioned:
            return False
        timetable = partitions.timetable_of(dag)
        name, uri = Asset.objects.values_list("name", "uri").get(pk=event.asset_id)
        date = _moment(asked["date"])
        if timetable.mapper_for(name, uri).to_json() != asked["mapper"]:  # the schedule was changed meanwhile
            return partitions.receive(dag.pk, event, date, now)
        try:
            if error is not None:
                raise ValueError(error)
            keys, carried = _read(value)
        except (KeyError, TypeError, ValueError) as problem:
            text = f"partition_key {event.partition_key!r} of asset {name!r}: {problem}"
            partitions.complain(dag.pk, event, "failed to map partition_key", text, now)
            return False
        partitions.add_parts(dag.pk, event, keys, carried, partitions.fingerprint_of(timetable), now)
        notify.dag_changed(dag.pk)
        return bool(keys)


def _read(value: Any) -> tuple[list[Any], datetime | None]:
    """Read an answer with distrust: user code had a hand in it.

    Raises:
        KeyError, TypeError, ValueError: it is no answer.
    """
    found = []
    for each in value["keys"]:
        expected = each["expected"]
        if not isinstance(each["key"], str) or not 0 < len(each["key"]) <= 250:
            raise ValueError(f"{each['key']!r:.300} is no key of 1 to 250 characters")
        if expected is not None and (
            len(expected) > MOST_EXPECTED or not all(isinstance(one, str) for one in expected)
        ):
            raise ValueError(f"a window may have at most {MOST_EXPECTED} members, and they must be texts")
        found.append(partitions.Mapped(each["key"], expected, _moment(each["date"])))
    return found, _moment(value["carried"])


def _moment(text: str | None) -> datetime | None:
    found = datetime.fromisoformat(text) if text else None
    if found is not None and found.tzinfo is None:
        raise ValueError(f"{text} is no time with a zone")
    return found
