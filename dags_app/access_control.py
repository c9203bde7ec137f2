"""What a DAG file says of who may see and act on its DAGs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_roles(access_control: Any) -> dict[str, str] | None:
    """Return team -> role of what a DAG's ``access_control`` says, in any of Airflow's notations."""
    if not isinstance(access_control, Mapping):
        return None
    found = {}
    for name, given in access_control.items():
        actions = _actions(given)
        if actions & {"can_edit", "can_create", "can_delete"}:
            found[str(name)] = "user"
        elif actions:
            found[str(name)] = "viewer"
    return found or None


def _actions(given: Any) -> set[str]:
    if isinstance(given, Mapping):
        return set().union(*(_actions(each) for each in given.values()))
    return {str(each) for each in given} if isinstance(given, (list, tuple, set)) else {str(given)}
