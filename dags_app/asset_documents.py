"""What a parse process says of a DAG's assets, read with distrust."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.assets import ExpressionError, leaves
from orchestrator.core.serde import SpecError
from orchestrator.core.spec import DagSpec

LONGEST = 1500
MOST_BYTES = 2500
"""Of a name and a URI together: what the key of a database's index holds."""
MOST_EXTRA = 65536
MOST = 10_000


def check_assets(spec: DagSpec) -> None:
    """Refuse what cannot be stored.

    Raises:
        SpecError: the message names the DAG and the asset.
    """
    if len(spec.assets) > MOST:
        raise SpecError(f"DAG {spec.dag_id!r} names {len(spec.assets)} assets; at most {MOST} are stored")
    defined = set()
    for each in spec.assets:
        _check_definition(spec.dag_id, each)
        defined.add((each["name"], each["uri"]))
    try:
        for kind, about in _leaves(spec):
            if kind == "asset" and (about["name"], about["uri"]) not in defined:
                raise SpecError(f"DAG {spec.dag_id!r} names the asset {about['name']!r} and does not define it")
            _check_key(spec.dag_id, about.get("name", ""), about.get("uri", ""))
    except ExpressionError as error:
        raise SpecError(f"DAG {spec.dag_id!r}: {error}") from error


def _leaves(spec: DagSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    if "assets" in spec.timetable:
        yield from leaves(spec.timetable["assets"])
    for task in spec.tasks.values():
        for each in (*task.inlets, *task.outlets):
            found = list(leaves(each))
            if len(found) != 1:
                raise ExpressionError(f"task {task.task_id!r}: {str(each)[:200]} is no asset, reference or alias")
            yield from found


def _check_definition(dag_id: str, asset: Any) -> None:
    where = f"DAG {dag_id!r}: asset {str(asset)[:200]}"
    if not isinstance(asset, Mapping) or not {"name", "uri", "group"} <= asset.keys():
        raise SpecError(f"{where} needs a name, a uri and a group")
    _check_key(dag_id, asset["name"], asset["uri"])
    if not asset["name"] or not asset["uri"] or not isinstance(asset["group"], str) or len(asset["group"]) > LONGEST:
        raise SpecError(f"{where}: name, uri and group must be texts of at most {LONGEST} characters")
    extra = asset.get("extra") or {}
    if not isinstance(extra, Mapping) or len(json.dumps(extra)) > MOST_EXTRA:
        raise SpecError(f"{where}: extra must be an object of at most {MOST_EXTRA} bytes as JSON")
    watchers = asset.get("watchers") or []
    if not isinstance(watchers, list):
        raise SpecError(f"{where}: watchers must be a list")
    for each in watchers:
        texts = [each.get("name"), each.get("classpath")] if isinstance(each, Mapping) else [None]
        if not all(isinstance(text, str) and 0 < len(text) <= 1000 for text in texts):
            raise SpecError(f"{where}: a watcher needs a name and a classpath of at most 1000 characters")
        if not isinstance(each.get("kwargs"), Mapping) or len(json.dumps(each["kwargs"])) > MOST_EXTRA:
            raise SpecError(f"{where}: the arguments of a watcher's trigger take at most {MOST_EXTRA} bytes as JSON")


def _check_key(dag_id: str, name: Any, uri: Any) -> None:
    if not isinstance(name, str) or not isinstance(uri, str) or max(len(name), len(uri)) > LONGEST:
        raise SpecError(f"DAG {dag_id!r}: an asset's name and URI must be texts of at most {LONGEST} characters")
    if len(f"{name}{uri}".encode()) > MOST_BYTES:
        raise SpecError(f"DAG {dag_id!r}: name and URI of asset {name[:50]!r}... take more than {MOST_BYTES} bytes")
