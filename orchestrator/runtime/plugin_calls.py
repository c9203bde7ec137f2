"""What plugins are told and asked outside of any task, in a process of its own: what happened, and what only they know."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.sdk import listeners

Json = dict[str, Any]
MOST_TEXT = 20_000
"""Characters of what one call printed that are kept."""


def serve(calls: list[Json]) -> list[Json]:
    """Make each call; return ``{"value", "error", "output"}`` for each, in order."""
    return [_serve(each) for each in calls]


def _serve(call: Json) -> Json:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    value, error = None, None
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            kind = str(call["kind"])
            value = ANSWERS[kind](call["payload"]) if kind in ANSWERS else tell(kind, call["payload"])
    except (Exception, SystemExit) as problem:
        error = "".join(traceback.format_exception_only(problem)).strip()[:4000]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return {"value": value, "error": error, "output": said.getvalue()[:MOST_TEXT]}


def tell(hook: str, payload: Json) -> int:
    """Call the listeners of a hook; return how many went wrong."""
    return listeners.call(hook, **{name: MAKE.get(name, _as_it_is)(value) for name, value in payload.items()})


@dataclass(frozen=True)
class Component:
    """The part of the installation that starts or stops."""

    job_type: str
    hostname: str = ""
    pid: int = 0


@dataclass(frozen=True)
class AssetEvent:
    """An event of an asset as listeners get it."""

    asset: Any
    extra: Json = field(default_factory=dict)
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int | None = None
    source_aliases: list[Any] = field(default_factory=list)
    partition_key: str | None = None


def _as_it_is(value: Any) -> Any:
    return value


def _asset(about: Mapping[str, Any]) -> Any:
    from orchestrator.sdk.assets import Asset

    return Asset(about["name"], about["uri"], group=about.get("group"), extra=about.get("extra"))


def _alias(about: Mapping[str, Any]) -> Any:
    from orchestrator.sdk.assets import AssetAlias

    return AssetAlias(about["name"], group=about.get("group") or "asset")


def _event(about: Mapping[str, Any]) -> AssetEvent:
    aliases = [_alias(each) for each in about.get("source_aliases", ())]
    return AssetEvent(**{**about, "asset": _asset(about["asset"]), "source_aliases": aliases})


MAKE: dict[str, Callable[[Any], Any]] = {
    "asset": _asset,
    "asset_alias": _alias,
    "asset_event": _event,
    "component": lambda about: Component(**about),
}
"""What an argument of a hook is made of."""


def _map_partition(asked: Json) -> Json:
    """Which keys of the consumer a key belongs to, and of each what else it waits for and when it begins."""
    from orchestrator.core.partitions import mapper_from_json

    mapper: Any = mapper_from_json(asked["mapper"])
    date = asked["date"]
    carried = mapper.carry_partition_date(datetime.fromisoformat(date) if date else None)
    keys = []
    for key in mapper.keys_for(asked["key"]):
        expected = sorted(mapper.to_upstream(key)) if mapper.is_rollup else None
        keys.append({"key": key, "expected": expected, "date": _text(mapper.to_partition_date(key))})
    return {"keys": keys, "carried": _text(carried)}


def _deadline_reference(asked: Json) -> str | None:
    from orchestrator.sdk.deadlines import reference_time

    return _text(reference_time(asked["reference"], asked["values"]))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


ANSWERS: dict[str, Callable[[Json], Any]] = {"map_partition": _map_partition, "deadline_reference": _deadline_reference}
"""Questions by their kind; everything else is a hook."""
