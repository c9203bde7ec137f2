"""The assets of a DAG as plain data. Without importing them: a DAG that names none does not pay for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .exceptions import DagError

Json = dict[str, Any]


class AssetsOf:
    """Collects what a DAG's tasks and schedule say of assets."""

    def __init__(self, dag: Any, timetable: Any) -> None:
        self.dag = dag
        self.found: dict[tuple[str, str], Json] = {}
        if (condition := getattr(timetable, "asset_condition", None)) is not None:
            for each in _flat(condition):
                self._collect(each)

    def of_task(self, task: Any, field: str) -> tuple[Json, ...]:
        """Return a task's inlets or outlets; what is no asset among them says nothing to us."""
        things = [each for each in getattr(task, field) if hasattr(each, "as_expression")]
        leaves = [leaf for each in things for leaf in _flat(each)]
        for leaf in leaves:
            self._collect(leaf)
        return tuple(leaf.as_expression() for leaf in leaves)

    def definitions(self) -> tuple[Json, ...]:
        return tuple(self.found[key] for key in sorted(self.found))

    def _collect(self, thing: Any) -> None:
        if not hasattr(thing, "watchers"):
            return
        about: Json = {"name": thing.name, "uri": thing.uri, "group": thing.group}
        try:
            json.dumps(thing.extra, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DagError(f"DAG {self.dag.dag_id!r}: the extra of {thing!r} is no JSON: {error}") from error
        if thing.extra:
            about["extra"] = thing.extra
        if thing.watchers:
            about["watchers"] = [_watcher(each) for each in thing.watchers]
        known = self.found.setdefault((thing.name, thing.uri), about)
        if thing.group == thing.asset_type:
            about["group"] = known["group"]
        # Whoever names it with less (``Asset("name")`` in a schedule) does not take away what another says.
        self.found[thing.name, thing.uri] = {**known, **about}


def _flat(thing: Any) -> Iterable[Any]:
    objects = getattr(thing, "objects", None)
    if objects is None and isinstance(thing, (list, tuple, set, frozenset)):
        objects = thing
    if objects is None:
        return [thing]
    return [leaf for each in objects for leaf in _flat(each)]


def _watcher(watcher: Any) -> Json:
    from .xcom_json import encode

    classpath, kwargs = watcher.trigger.serialize()
    return {"name": watcher.name, "classpath": classpath, "kwargs": encode(kwargs)}
