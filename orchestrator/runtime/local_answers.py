"""What the tasks of a local run may ask for: what the run itself holds from memory, all else from the caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from orchestrator.sdk import comms
from orchestrator.sdk.xcom import load

Json = Any
NOT_SET: Any = object()


class Memory:
    """The XComs and states of a run. ``run`` is a :class:`orchestrator.runtime.local.LocalRun`."""

    def __init__(self, run: Any, provider: Callable[[str, dict[str, Json]], Json] | None) -> None:
        self.run, self.provider = run, provider
        self.xcoms: dict[tuple[str, int, str], tuple[Json, Json]] = {}
        self.variables: dict[str, str | None] = {}
        self.questions: dict[tuple[str | None, int], Json] = {}  # to people, by who asks
        self.asset_stores: dict[tuple[str | None, str | None], dict[str, Json]] = {}
        self.stores: dict[tuple[str | None, int], dict[str, Json]] = {}
        self.asking: tuple[str | None, int] = (None, -1)
        self.lock = threading.Lock()  # triggers ask from threads

    def ask(self, what: str, args: dict[str, Json]) -> Json:
        with self.lock:
            own = getattr(self, f"_{what}", None)
            answer = own(**args) if own is not None else NOT_SET
            return self._elsewhere(what, args) if answer is NOT_SET else answer

    def _elsewhere(self, what: str, args: dict[str, Json]) -> Json:
        if self.provider is not None:
            return self.provider(what, args)
        if what in {"connection", "variable", "previous_run", "run_state", "dag_state", "dag_run"}:
            return None
        if what in {"dag_runs_count", "ti_count"}:
            return 0
        if what in {"asset_events", "triggering_asset_events", "find_runs"}:
            return []
        raise comms.CommsError(f"{what} needs a server: this run has none")

    def values(self) -> dict[tuple[str, int, str], Any]:
        """Every XCom as its task pushed it."""
        return {key: load(value) for key, (value, _) in self.xcoms.items()}

    # ---- one method a question; NOT_SET: not ours to answer

    def _xcom(
        self,
        task_ids: list[str],
        key: str | None,
        map_indexes: Json = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        include_prior_dates: bool = False,
        within: Json = None,
    ) -> Json:
        if self._of_another(dag_id, run_id):
            return NOT_SET
        wanted = [map_indexes] if isinstance(map_indexes, int) else map_indexes
        found = []
        for task_id in task_ids:
            for (_, at, _), (value, _) in sorted(self._of(task_id, key), key=lambda each: each[0]):
                if (wanted is None or at in wanted) and (within is None or within[0] <= at <= within[1]):
                    found.append({"task_id": task_id, "map_index": at, "value": value})
        return found

    def _latest_xcom(
        self, key: str | None, dag_id: str | None = None, run_id: str | None = None, include_prior_dates: bool = False
    ) -> Json:
        if self._of_another(dag_id, run_id):
            return NOT_SET
        found = [value for (_, _, name), (value, _) in self.xcoms.items() if key in (None, name)]
        return {"value": found[-1]} if found else None

    def _of_another(self, dag_id: str | None, run_id: str | None) -> bool:
        """A link asks with the whole key of its task instance, which is this run's."""
        ours = self.run.run_json
        return dag_id not in (None, ours["dag_id"]) or run_id not in (None, ours["run_id"])

    def _of(self, task_id: str, key: str | None) -> list[Any]:
        return [each for each in self.xcoms.items() if each[0][0] == task_id and key in (None, each[0][2])]

    def _xcom_length(self, task_id: str, key: str, within: Json = None) -> int:
        return len(self._mapped(task_id, key, within))

    def _mapped(self, task_id: str, key: str, within: Json) -> list[Any]:
        first, last = within or (0, float("inf"))
        return [each for each in self._of(task_id, key) if first <= each[0][1] <= last]

    def _xcom_range(self, task_id: str, key: str, offset: int, count: int, within: Json = None) -> list[Json]:
        found = sorted(self._mapped(task_id, key, within), key=lambda each: each[0])
        return [value for _, (value, _) in found[offset : offset + count]]

    def _push_xcom(self, key: str, value: Json, length: Json) -> None:
        task_id, index = self.asking
        self.xcoms[task_id or "", index, key] = (value, length)

    def _ask_people(self, **question: Json) -> int:
        self.questions[self.asking] = question
        return 0

    def _answer_link(self, user: str, answer: Json = None) -> str:
        return f"a link for {user}: in a local run there is no server that it could lead to"

    def _map_length(self, task_id: str) -> int:
        return sum(1 for index in self.run.rows.get(task_id, {}) if index >= 0)

    def _variable(self, key: str) -> Json:
        if key not in self.variables:
            return NOT_SET
        value = self.variables[key]
        return None if value is None else {"value": value}

    def _set_variable(self, key: str, value: str, description: str | None = None) -> None:
        self.variables[key] = value

    def _delete_variable(self, key: str) -> bool:
        had = self._variable(key)
        self.variables[key] = None
        return bool(had if had is not NOT_SET else self._elsewhere("variable", {"key": key}))

    def _asset_store_get(self, key: str, name: Json = None, uri: Json = None) -> Json:
        found = self.asset_stores.get((name, uri), {})
        return {"value": found[key]} if key in found else None

    def _asset_store_set(self, key: str, value: Json, name: Json = None, uri: Json = None) -> None:
        self.asset_stores.setdefault((name, uri), {})[key] = value

    def _asset_store_delete(self, key: str, name: Json = None, uri: Json = None) -> None:
        self.asset_stores.get((name, uri), {}).pop(key, None)

    def _asset_store_clear(self, name: Json = None, uri: Json = None) -> None:
        self.asset_stores.pop((name, uri), None)

    def _task_store_get(self, key: str) -> Json:
        found = self.stores.get(self.asking, {})
        return {"value": found[key]} if key in found else None

    def _task_store_set(self, key: str, value: Json, **retention: Json) -> None:
        self.stores.setdefault(self.asking, {})[key] = value

    def _task_store_delete(self, key: str) -> None:
        self.stores.get(self.asking, {}).pop(key, None)

    def _task_store_clear(self, all_map_indices: bool = False) -> None:
        for each in [each for each in self.stores if each[0] == self.asking[0]] if all_map_indices else [self.asking]:
            self.stores.pop(each, None)

    def _asset(self, name: Json = None, uri: Json = None) -> Json:
        """An asset of the DAG's own; one that another file defines is taken for what it is called."""
        for each in self.run.spec.assets:
            if name in (None, each["name"]) and uri in (None, each["uri"]):
                return {"extra": {}, **{key: each[key] for key in ("name", "uri", "group", "extra") if key in each}}
        if self.provider is not None:
            return NOT_SET
        return {"name": name or uri, "uri": uri or name, "group": "asset", "extra": {}}

    def _inactive_assets(self, assets: Json) -> Json:
        return []

    def _run_state(self, dag_id: str, run_id: str) -> Json:
        return "running" if self._is_own(dag_id) and run_id == self.run.run_json["run_id"] else NOT_SET

    def _task_states(
        self, dag_id: str, task_ids: Json = None, task_group_id: str | None = None, map_index: Json = None, **runs: Json
    ) -> Json:
        if not self._is_own(dag_id):
            return NOT_SET
        rows = [row for found in self.run.rows.values() for row in found.values()]
        if task_group_id is not None:
            task_ids = [each.task_id for each in self.run.dag.groups[task_group_id]]
        chosen = [row for row in rows if task_ids is None or row.task_id in task_ids]
        chosen = [row for row in chosen if map_index is None or row.map_index == map_index]
        states = {f"{row.task_id}_{row.map_index}" if row.map_index >= 0 else row.task_id: row.state for row in chosen}
        return {self.run.run_json["run_id"]: states}

    def _is_own(self, dag_id: str) -> bool:
        return dag_id == self.run.dag.dag_id
