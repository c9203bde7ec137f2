"""Concurrency keys: what of a run decides which task instances may not run beside each other.

A key is a text with Jinja's ``{{ ... }}``, of which only names, attributes and items are allowed: the engine renders it
without running anybody's code, so there are no calls, filters or statements to take long or to reach anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

LONGEST = 250
EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
PATH = re.compile(r"""\s*([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[(?:'[^']*'|"[^"]*"|\d+)\])*)\s*""")
STEP = re.compile(r"""\.([A-Za-z_]\w*)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""")

NAMES = frozenset(
    {
        *("dag", "dag_run", "task", "ti", "params", "run_id", "map_index"),
        *("logical_date", "data_interval_start", "data_interval_end", "ds", "ds_nodash", "ts", "ts_nodash"),
    }
)
"""The names of Airflow's context that are known before a task runs."""

Path = tuple[str | int, ...]


class ConcurrencyKeyError(ValueError):
    """A template that is no concurrency key; the message says what is wrong with it."""


@lru_cache(maxsize=1024)
def parse(template: str) -> tuple[str | Path, ...]:
    """Return the pieces of a template: texts, and the path of each expression.

    Raises:
        ConcurrencyKeyError: it holds more than names, attributes and items.
    """
    pieces: list[str | Path] = []
    at = 0
    for found in EXPRESSION.finditer(template):
        pieces.append(_text(template[at : found.start()]))
        pieces.append(_path(found.group(1)))
        at = found.end()
    pieces.append(_text(template[at:]))
    return tuple(piece for piece in pieces if piece)


def _text(text: str) -> str:
    for mark in ("{{", "}}", "{%", "{#"):
        if mark in text:
            raise ConcurrencyKeyError(f"{mark!r} cannot stand here: only {{{{ name.attribute['item'] }}}} is allowed")
    return text


def _path(expression: str) -> Path:
    whole = PATH.fullmatch(expression)
    if whole is None:
        raise ConcurrencyKeyError(
            f"{expression.strip()!r} is more than names, attributes and items: the key is worked out before any task "
            "runs, without calls, filters or operators"
        )
    name, rest = whole.groups()
    if name not in NAMES:
        raise ConcurrencyKeyError(f"{name!r} is not known before a task runs; known are {', '.join(sorted(NAMES))}")
    steps: list[str | int] = [name]
    for attribute, single, double, number in STEP.findall(rest):
        steps.append(int(number) if number else attribute or single or double)
    return tuple(steps)


def check(template: str, params: Mapping[str, Any]) -> None:
    """Check a template, also that the DAG has the params it names.

    Raises:
        ConcurrencyKeyError: it cannot be used; the message says why.
    """
    for piece in parse(template):
        if isinstance(piece, tuple) and piece[0] == "params" and (len(piece) < 2 or piece[1] not in params):
            raise ConcurrencyKeyError(
                f"the DAG has no param {piece[1]!r}" if len(piece) > 1 else "name one of the params"
            )


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return the key; what a run does not have is an empty text, and a long key ends in its hash."""
    key = "".join(piece if isinstance(piece, str) else _shown(_look_up(piece, context)) for piece in parse(template))
    if len(key) <= LONGEST:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return key[: LONGEST - len(digest)] + digest


def _look_up(path: Path, context: Mapping[str, Any]) -> Any:
    value: Any = context
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, (list, tuple)) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, sort_keys=True, default=str)
    return str(value)


def context_of(
    *,
    dag_id: str,
    run_id: str,
    run_type: str,
    logical_date: datetime | None,
    interval: tuple[datetime | None, datetime | None],
    conf: Mapping[str, Any],
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a key may name, apart from the task instance itself (:func:`of_task`)."""
    dates: dict[str, Any] = {}
    if logical_date is not None:
        dates = {
            "ds": logical_date.strftime("%Y-%m-%d"),
            "ds_nodash": logical_date.strftime("%Y%m%d"),
            "ts": logical_date.isoformat(),
            "ts_nodash": logical_date.strftime("%Y%m%dT%H%M%S"),
        }
    run = {
        "dag_id": dag_id,
        "run_id": run_id,
        "run_type": run_type,
        "logical_date": logical_date,
        "data_interval_start": interval[0],
        "data_interval_end": interval[1],
    }
    return {
        **dates,
        **{name: value for name, value in run.items() if name in NAMES},
        "dag": {"dag_id": dag_id},
        "dag_run": {**run, "conf": conf},
        "params": params,
    }


def of_task(context: Mapping[str, Any], task_id: str, map_index: int) -> dict[str, Any]:
    """Return ``context`` with what belongs to one task instance."""
    own = {"task_id": task_id, "map_index": map_index, "run_id": context["run_id"], "dag_id": context["dag"]["dag_id"]}
    return {**context, "task": {"task_id": task_id}, "ti": own, "map_index": map_index}
