"""The trigger form beside its params: dates, interval and partition, what a link fills in, and earlier configurations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from dags_app.models import Dag
from orchestrator import access
from orchestrator.core import timetables
from orchestrator.core.spec import DagSpec
from orchestrator.logs.mask import mask_fields
from runs_app import actions
from runs_app.models import DagRun

from . import params, zones

LOOKED_THROUGH = 200
"""So many of the newest runs are looked through for configurations: of a DAG that never has one, all would be read."""
MOST_RECENT = 10


@dataclass(frozen=True)
class Recent:
    """A configuration that a run had."""

    run: DagRun
    text: str


def recent(request: HttpRequest, dag: Dag) -> list[Recent]:
    """The last ten configurations that differ, of the runs one may see; what is secret in them is masked."""
    runs = access.visible_runs(request.user).filter(dag=dag).order_by("-run_after", "-pk")
    found: dict[str, Recent] = {}
    for run in runs.only("run_id", "dag_id", "conf", "run_after", "state")[:LOOKED_THROUGH]:
        key = json.dumps(run.conf, sort_keys=True) if run.conf else ""
        if key and key not in found:
            found[key] = Recent(run, json.dumps(mask_fields(run.conf), ensure_ascii=False))
        if len(found) == MOST_RECENT:
            break
    return list(found.values())


def takes_keys(spec: DagSpec) -> bool:
    """Whether runs of the DAG are for partitions that one can name."""
    return bool(getattr(timetables.from_json(dict(spec.timetable)), "takes_keys", False))


def values_of(posted: QueryDict) -> tuple[dict[str, Any], str]:
    """Read what ``trigger_dag`` takes beside configuration, id and note; return it and what is wrong."""
    date, wrong = _logical_date(posted)
    interval, also_wrong = _interval(posted)
    key = posted.get("partition_key", "").replace("\0", "").strip()[:250] or None
    return {"logical_date": date, "interval": interval, "partition_key": key}, wrong or also_wrong


def _logical_date(posted: QueryDict) -> tuple[Any, str]:
    choice, text = posted.get("when", "now"), posted.get("logical_date", "").strip()
    if choice == "none":
        return None, ""
    if choice != "date":
        return actions.UNSET, ""
    try:
        return _moment(text), ""
    except ValueError:
        return None, gettext("The logical date cannot be read: give a date and a time.")


def _interval(posted: QueryDict) -> tuple[tuple[datetime, datetime] | None, str]:
    texts = [posted.get(name, "").strip() for name in ("interval_start", "interval_end")]
    if not any(texts):
        return None, ""
    try:
        start, end = (_moment(text) for text in texts)
    except ValueError:
        return None, gettext(
            "The data interval cannot be read: give a date and a time for its start and its end, or neither."
        )
    if start > end:
        return None, gettext("The data interval ends before it starts.")
    return (start, end), ""


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def prefilled(request: HttpRequest, fields: list[params.Field], conf: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Fill ``fields`` from a run's configuration and from the address of a link; return (the JSON, the other values).

    A link may have ``conf`` as JSON, ``param.NAME`` for one value, and the form's other fields by their names; nonsense
    fills in nothing, since a link is a proposal that somebody looks at before it is sent.
    """
    given = request.GET
    whole = {**conf, **_object(given.get("conf", ""))}
    for each in fields:
        if each.name in whole:
            params.fill(each, whole[each.name])
        if each.key in given and each.kind != "const":
            params.fill(each, _typed(each, given.getlist(each.key)))
    return json.dumps(whole, indent=2, ensure_ascii=False), _others(given)


def _others(given: QueryDict) -> dict[str, str]:
    found = {name: given[name] for name in ("run_id", "note", "partition_key") if given.get(name)}
    for name in ("logical_date", "interval_start", "interval_end"):
        try:
            found[name] = f"{zones.read(given.get(name, ''), UTC).astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
        except ValueError:
            continue
    if "logical_date" in found:
        found["when"] = "date"
    elif given.get("when") == "none":
        found["when"] = "none"
    return {**found, "unpause": "on"} if found else {}


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _typed(each: params.Field, texts: list[str]) -> Any:
    """A value as it stands in an address: text where the field takes text, else JSON where it is JSON."""
    if each.kind == "yesno":
        return texts[-1].lower() in {"true", "1", "on", "yes"}
    found = [_read(each, text) for text in texts]
    return found if each.kind == "many" or (each.kind == "lines" and not isinstance(found[-1], list)) else found[-1]


def _read(each: params.Field, text: str) -> Any:
    offered = {value for value, _ in each.options}
    if each.kind in {"choice", "many"} and json.dumps(text) in offered:
        return text
    if each.kind not in {"choice", "many", "json", "mixed", "number", "lines"}:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
