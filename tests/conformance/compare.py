"""Comparing answers: every place where two pieces of JSON differ, one line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MISSING = object()
LONGEST = 400


def differences(expected: Any, got: Any) -> list[str]:
    """Return a line for each place where ``got`` is not what was expected; true is not 1 here."""
    return list(_walk(expected, got, ""))


def _walk(expected: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in {**expected, **got}:
            yield from _walk(expected.get(key, MISSING), got.get(key, MISSING), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for number, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _walk(one, other, f"{path}/{number}")
    elif _text(expected) != _text(got):
        yield f"{path or '/'}: expected {_text(expected)}, got {_text(got)}"


def _text(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, sort_keys=True, default=repr)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def by_instance(answer: Any) -> Any:
    """An answer with its task instances by name instead of in a list, their order beside them."""
    if not isinstance(answer, dict):
        return answer
    found = {key: by_instance(value) for key, value in answer.items()}
    instances = answer.get("task_instances")
    if isinstance(instances, list):
        names = [f"{each['task_id']}[{each['map_index']}]" for each in instances]
        keep = ("task_id", "map_index")
        rows = [{key: value for key, value in each.items() if key not in keep} for each in instances]
        found |= {"task_instances": dict(zip(names, rows, strict=True)), "order": names}
    return found


def refused_alike(expected: Any, got: Any) -> tuple[Any, Any]:
    """Both answers, where what Airflow loads but cannot store is refused here at once: either way there is no DAG."""
    if "serialization_error" in expected and "import_error" in got:
        return {"refused": True}, {"refused": True}
    return expected, got
