"""The context a task runs in: Airflow's keys, worked out when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from orchestrator.sdk.comms import ask
from orchestrator.sdk.connections import Connection, Variable
from orchestrator.sdk.xcom_arg import RETURN_KEY
from orchestrator.sdk.xcom_json import decode, encode

Json = dict[str, Any]


def moment(text: str | None) -> Any:
    """A time of an assignment as the pendulum object that DAG files expect."""
    if text is None:
        return None
    import pendulum

    return pendulum.instance(datetime.fromisoformat(text))


class TaskContext(dict[str, Any]):
    """A dict whose values are made on first use; without a logical date the keys made of it are not there."""

    def __init__(self, assignment: Json, dag: Any, task: Any) -> None:
        super().__init__()
        self.assignment = assignment
        ti = RuntimeTaskInstance(assignment, task)
        run = assignment["run"]
        self.lazy: dict[str, Callable[[], Any]] = {
            "dag": lambda: dag,
            "task": lambda: ti.task,
            "ti": lambda: ti,
            "task_instance": lambda: ti,
            "task_instance_key_str": lambda: f"{ti.dag_id}__{ti.task_id}__{self.get('ds_nodash', '')}",
            "dag_run": lambda: RuntimeDagRun(run),
            "run_id": lambda: run["run_id"],
            "run_after": lambda: moment(run["run_after"]),
            "params": self._params,
            "conf": dict,
            "var": lambda: {"value": _Variables(False), "json": _Variables(True)},
            "conn": _Connections,
            "macros": _macros,
            "test_mode": lambda: False,
            "try_number": lambda: ti.try_number,
            "map_index_template": lambda: ti.task.map_index_template,
            "inlets": lambda: ti.task.inlets,
            "outlets": lambda: ti.task.outlets,
            "templates_dict": lambda: None,
            "task_reschedule_count": lambda: assignment.get("reschedule_count") or 0,
            "expanded_ti_count": lambda: ask("map_length", task_id=ti.task_id) if ti.map_index >= 0 else None,
            "triggering_asset_events": dict,
        }
        for name in (
            "prev_data_interval_start_success",
            "prev_data_interval_end_success",
            "prev_start_date_success",
            "prev_end_date_success",
        ):
            self.lazy[name] = lambda name=name: moment(_previous(self).get(name))
        if run.get("logical_date"):
            self.lazy.update(_dates(self, run))
        self.dag, self.ti = dag, ti

    def become(self, task: Any) -> None:
        """Go on as one instance of a mapped task."""
        self.ti.task = task
        self["task"] = task

    def _params(self) -> Json:
        from orchestrator.core.params import merged
        from orchestrator.sdk.params import param_json

        task = self.ti.task
        own = dict(self.dag.params) | (dict(task.params) if task is not None else {})
        values = merged({name: param_json(value) for name, value in own.items()}, self.assignment["run"].get("conf"))
        return {name: decode(value) for name, value in values.items()}

    def __missing__(self, key: str) -> Any:
        if key not in self.lazy:
            raise KeyError(key)
        self[key] = value = self.lazy[key]()
        return value

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self.lazy

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def keys(self) -> Any:
        for key in self.lazy:
            if not super().__contains__(key):
                try:
                    self[key]
                except Exception:  # one key that cannot be worked out must not hide the others
                    continue
        return super().keys()

    def __iter__(self) -> Any:
        return iter(self.keys())

    def items(self) -> Any:
        self.keys()
        return super().items()

    def values(self) -> Any:
        self.keys()
        return super().values()


def _dates(context: TaskContext, run: Json) -> dict[str, Callable[[], Any]]:
    date = lambda: context["logical_date"]  # noqa: E731
    found: dict[str, Callable[[], Any]] = {
        "logical_date": lambda: moment(run["logical_date"]),
        "execution_date": date,
        "ds": lambda: date().strftime("%Y-%m-%d"),
        "ds_nodash": lambda: date().strftime("%Y%m%d"),
        "ts": lambda: date().isoformat(),
        "ts_nodash": lambda: date().strftime("%Y%m%dT%H%M%S"),
        "ts_nodash_with_tz": lambda: date().isoformat().replace("-", "").replace(":", ""),
    }
    if run.get("data_interval_start"):
        found["data_interval_start"] = lambda: moment(run["data_interval_start"])
        found["data_interval_end"] = lambda: moment(run["data_interval_end"])
    return found


def _previous(context: TaskContext) -> Json:
    """Dates of the newest successful run before this one."""
    run = ask("previous_run", state="success")
    if run is None:
        return {}
    return {
        "prev_data_interval_start_success": run["data_interval_start"],
        "prev_data_interval_end_success": run["data_interval_end"],
        "prev_start_date_success": run["start_date"],
        "prev_end_date_success": run["end_date"],
    }


class RuntimeDagRun:
    """The run, as a task sees it."""

    def __init__(self, run: Json) -> None:
        for name, value in run.items():
            is_time = name.endswith(("_date", "_after", "_at", "_start", "_end"))
            setattr(self, name, moment(value) if is_time and isinstance(value, str) else value)
        self.conf = run.get("conf") or {}
        self.execution_date = getattr(self, "logical_date", None)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id}>"  # type: ignore[attr-defined]


class RuntimeTaskInstance:
    """The task instance that runs, as its code sees it."""

    state = "running"

    def __init__(self, assignment: Json, task: Any) -> None:
        self.assignment, self.task = assignment, task
        self.dag_id, self.run_id = assignment["dag_id"], assignment["run"]["run_id"]
        self.task_id, self.map_index = assignment.get("task_id"), assignment.get("map_index", -1)
        self.try_number, self.max_tries = assignment.get("try_number", 0), assignment.get("max_tries", 0)
        self.token = assignment.get("token")
        self.hostname, self.pool, self.queue = (assignment.get(name) for name in ("hostname", "pool", "queue"))
        self.reschedule_count = assignment.get("reschedule_count") or 0
        self.skip_note: Json | None = None

    @property
    def start_date(self) -> Any:
        return moment(self.assignment["started_at"])

    @property
    def first_started_at(self) -> Any:
        return moment(self.assignment.get("first_started_at") or self.assignment["started_at"])

    @property
    def dag_run(self) -> RuntimeDagRun:
        return RuntimeDagRun(self.assignment["run"])

    def get_dagrun(self) -> RuntimeDagRun:
        return self.dag_run

    @property
    def logical_date(self) -> Any:
        return moment(self.assignment["run"].get("logical_date"))

    execution_date = logical_date

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    def get_template_context(self) -> Any:
        from orchestrator.sdk.context import get_current_context

        return get_current_context()

    def xcom_push(self, key: str, value: Any, **ignored: Any) -> None:
        import json

        data = encode(value)
        size = len(json.dumps(data))
        most = self.assignment.get("xcom_max_bytes") or 1 << 20
        if size > most:
            raise ValueError(
                f"the XCom {key!r} of {self.task_id} takes {size} bytes as JSON, at most {most} are kept: push a path to a file"
            )
        length = len(value) if isinstance(value, (list, tuple, dict)) else None
        ask("push_xcom", key=key, value=data, length=length)

    def pull_entries(self, task_ids: list[str], key: Any, map_indexes: Any, **where: Any) -> list[tuple[str, int, Any]]:
        found = ask("xcom", task_ids=task_ids, key=key, map_indexes=map_indexes, **where)
        return [(each["task_id"], each["map_index"], decode(each["value"])) for each in found]

    def xcom_pull(
        self,
        task_ids: Any = None,
        dag_id: str | None = None,
        key: Any = RETURN_KEY,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = None,
        default: Any = None,
        run_id: str | None = None,
        session: Any = None,
    ) -> Any:
        """Return one value, or a list of values, as Airflow does.

        One task id: its value; where it is mapped and several instances pushed, the list of them; None where
        nothing was pushed. Several ids: one list, with None for a task that pushed nothing. ``map_indexes`` names
        instances; only there ``default`` stands for what was not pushed.
        """
        one = task_ids is None or isinstance(task_ids, str)
        ids = [self.task_id] if task_ids is None else [task_ids] if isinstance(task_ids, str) else list(task_ids)
        where: Json = {}
        if dag_id not in (None, self.dag_id):
            where["dag_id"] = dag_id
        if run_id not in (None, self.run_id):
            where["run_id"] = run_id
        if include_prior_dates:
            where["include_prior_dates"] = True
        if map_indexes is not None and not isinstance(map_indexes, int):
            map_indexes = list(map_indexes)
        found: dict[str, dict[int, Any]] = {task_id: {} for task_id in ids}
        for task_id, map_index, value in self.pull_entries(ids, key, map_indexes, **where):
            found[task_id][map_index] = value
        if map_indexes is None:
            values = [value for task_id in ids for value in found[task_id].values() or [None]]
            return values[0] if one and len(values) == 1 else values
        wanted = [map_indexes] if isinstance(map_indexes, int) else map_indexes
        values = [found[task_id].get(index, default) for task_id in ids for index in wanted]
        return values[0] if one and isinstance(map_indexes, int) else values

    def __repr__(self) -> str:
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id} [running]>"


class _Variables:
    """``var.value.name`` and ``var.json.name`` in templates."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        return Variable.get(key, deserialize_json=self._as_json)

    __getitem__ = __getattr__

    def get(self, key: str, default: Any = None) -> Any:
        return Variable.get(key, default, deserialize_json=self._as_json)


class _Connections:
    """``conn.my_id`` in templates."""

    def __getattr__(self, conn_id: str) -> Any:
        if conn_id.startswith("_"):
            raise AttributeError(conn_id)
        return Connection.get(conn_id)

    def get(self, conn_id: str, default: Any = None) -> Any:
        try:
            return Connection.get(conn_id)
        except Exception:
            return default


def _macros() -> Any:
    from . import macros

    return macros
