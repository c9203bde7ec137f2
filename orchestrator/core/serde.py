"""The JSON form of specs: a compatibility contract between versions of this program.

Fields at their default are left out, so that a stored document stays small and a new field with a
default reads old documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import datetime
from typing import Any

from .spec import SPEC_FORMAT, DagSpec, GroupSpec, InputSpec, Json, MapSpec, TaskSpec


class SpecError(ValueError):
    """A document is not a spec this program can read; the message says where and why."""


def dag_to_json(dag: DagSpec) -> dict[str, Json]:
    """Return ``dag`` as what :func:`json.dumps` takes; :func:`dag_from_json` is the way back."""
    document = _plain(dag)
    document["tasks"] = list(document.get("tasks", {}).values())
    document["groups"] = list(document.get("groups", {}).values())
    return {"format": SPEC_FORMAT, **document}


def dag_from_json(document: Mapping[str, Json]) -> DagSpec:
    """Read back what :func:`dag_to_json` made.

    Raises:
        SpecError: another format number, an unknown or missing field, an unreadable time.
    """
    if document.get("format") != SPEC_FORMAT:
        raise SpecError(f"spec format {document.get('format')!r} is not {SPEC_FORMAT}: parse the DAG file again")
    values = {key: value for key, value in document.items() if key != "format"}
    tasks = [_task(each) for each in values.pop("tasks", [])]
    groups = [_group(each) for each in values.pop("groups", [])]
    values["tasks"] = {task.task_id: task for task in tasks}
    values["groups"] = {group.group_id: group for group in groups}
    return _build(DagSpec, values, times=("start_date", "end_date"), pairs=("children",))


def _task(values: Mapping[str, Json]) -> TaskSpec:
    values = dict(values)
    if values.get("map"):
        values["map"] = _map(values["map"])
    return _build(TaskSpec, values, times=("start_date", "end_date"))


def _group(values: Mapping[str, Json]) -> GroupSpec:
    values = dict(values)
    if values.get("map"):
        values["map"] = _map(values["map"])
    return _build(GroupSpec, values, pairs=("children",))


def _map(values: Mapping[str, Json]) -> MapSpec:
    inputs = {name: _input(each) for name, each in values["inputs"].items()}
    return MapSpec(mode=values["mode"], inputs=inputs)


def _input(values: Mapping[str, Json]) -> InputSpec:
    values = dict(values)
    values["parts"] = tuple(_input(each) for each in values.get("parts", ()))
    return _build(InputSpec, values)


def _build(kind: type, values: Mapping[str, Json], *, times: tuple[str, ...] = (), pairs: tuple[str, ...] = ()) -> Any:
    known = {each.name: each for each in fields(kind)}
    unknown = values.keys() - known.keys()
    if unknown:
        raise SpecError(f"{kind.__name__} has no field {sorted(unknown)[0]!r}")
    ready = dict(values)
    for name, value in ready.items():
        if name in pairs:
            ready[name] = tuple((str(what), str(which)) for what, which in value)
        elif name in times and value is not None:
            ready[name] = _time(kind, name, value)
        elif isinstance(value, list) and isinstance(_default(known[name]), tuple):
            ready[name] = tuple(value)
    try:
        return kind(**ready)
    except TypeError as error:
        raise SpecError(f"{kind.__name__}: {error}") from error


def _time(kind: type, name: str, value: Json) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise SpecError(f"{kind.__name__}.{name}: {value!r} is not a time") from error


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        found = {}
        for each in fields(value):
            got = getattr(value, each.name)
            if got != _default(each):
                found[each.name] = _plain(got)
        return found
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _default(each: Field[Any]) -> Any:
    if each.default is not MISSING:
        return each.default
    if each.default_factory is not MISSING:
        return each.default_factory()
    return MISSING
