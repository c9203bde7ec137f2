"""A task's rendered fields, as they are told to the supervisor."""

from __future__ import annotations

from typing import Any

LONGEST_TOLD = 1 << 20
"""Characters of one field that are told; the supervisor hides what is secret in them and then cuts to size."""


def rendered_fields(task: Any) -> dict[str, Any]:
    """Return the fields that hold something, as JSON with its structure: secret names hide what they hold."""
    found = {}
    for name in task.template_fields:
        value = getattr(task, name, None)
        if value is not None and not (isinstance(value, (str, list, dict, tuple, set)) and len(value) == 0):
            found[name] = _bounded(_plain(value))
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    return str(value)


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TOLD]
    import json

    return value if len(json.dumps(value)) <= LONGEST_TOLD else str(value)[:LONGEST_TOLD]
