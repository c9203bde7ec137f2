"""The context a task runs in: Airflow's keys, worked out when they are first read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.sdk.comms import ask
from orchestrator.sdk.connections import Connection, Variable
from orchestrator.sdk.xcom_json import decode

from .older import OLDER
from .task_instance import RuntimeDagRun, RuntimeTaskInstance, moment

Json = dict[str, Any]


class TaskContext(dict[str, Any]):
    """A dict whose values are made on first use; without a logical date the keys made of it are not there."""

    def __init__(self, assignment: Json, dag: Any, task: Any) -> None:
        super().__init__()
        self.assignment = assignment
        self.run = assignment["run"]
        self.dag, self.ti = dag, RuntimeTaskInstance(assignment, task)
        self.lazy = _table(self.run)

    def become(self, task: Any) -> None:
        """Go on as one instance of a mapped task."""
        self.ti.task = task
        self["task"] = task

    def _params(self) -> Json:
        from orchestrator.core.params import ParamError, merged
        from orchestrator.sdk.exceptions import ParamValidationError
        from orchestrator.sdk.params import param_json

        task = self.ti.task
        own = dict(self.dag.params) | (dict(task.params) if task is not None else {})
        try:
            values = merged({name: param_json(each) for name, each in own.items()}, self.assignment["run"].get("conf"))
        except ParamError as error:
            raise ParamValidationError(str(error)) from error
        return {name: decode(value) for name, value in values.items()}

    def __missing__(self, key: str) -> Any:
        if key not in self.lazy:
            raise KeyError(key)
        self[key] = value = self.lazy[key](self)
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


def date_of(run: Json) -> str | None:
    """The date that ``ds`` and the like are made of: the logical date, or what takes its place in manual runs."""
    return run.get("key_date") or run.get("logical_date")


def _table(run: Json) -> Mapping[str, Callable[[TaskContext], Any]]:
    if not date_of(run):
        return ALWAYS
    return WITH_INTERVAL if run.get("data_interval_start") else WITH_DATE


def _previous(context: TaskContext) -> Json:
    """Dates of the newest successful run before this one; without a logical date there is no before, as in Airflow."""
    run = ask("previous_run", state="success") if date_of(context.run) else None
    if run is None:
        return {}
    return {
        "prev_data_interval_start_success": run["data_interval_start"],
        "prev_data_interval_end_success": run["data_interval_end"],
        "prev_start_date_success": run["start_date"],
        "prev_end_date_success": run["end_date"],
    }


def _previous_key(name: str) -> Callable[[TaskContext], Any]:
    return lambda context: moment(_previous(context).get(name))


def _outlet_events(context: TaskContext) -> Any:
    from orchestrator.sdk.asset_events import OutletEvents

    # In files of Airflow 2 a name or URI names an outlet, too.
    return OutletEvents(context.ti.task.outlets if context.dag.era.pulls_any else ())


def _inlet_events(context: TaskContext) -> Any:
    from orchestrator.sdk.asset_events import InletEvents

    return InletEvents(context.ti.task.inlets, by_name=context.dag.era.pulls_any)


def _triggering_asset_events(context: TaskContext) -> Any:
    from orchestrator.sdk.asset_events import TriggeringAssetEvents

    # Only such a run was made for events: no other needs to ask.
    is_for_events = context.run.get("run_type") == "asset_triggered"
    return TriggeringAssetEvents(ask("triggering_asset_events") if is_for_events else ())


def _triggering_dataset_events(context: TaskContext) -> dict[str, Any]:
    """The same as Airflow 2 had it: a plain dict, by URI."""
    return {asset.uri: found for asset, found in context["triggering_asset_events"].items() if hasattr(asset, "uri")}


def _expanded_count(context: TaskContext) -> Any:
    return ask("map_length", task_id=context.ti.task_id) if context.ti.map_index >= 0 else None


# Tables, not closures of each context: an attempt's process copies a page of memory for most objects it makes.
ALWAYS: dict[str, Callable[[TaskContext], Any]] = {
    "dag": lambda context: context.dag,
    "task": lambda context: context.ti.task,
    "ti": lambda context: context.ti,
    "task_instance": lambda context: context.ti,
    "task_instance_key_str": lambda context: (
        f"{context.ti.dag_id}__{context.ti.task_id}__{context.get('ds_nodash') or context.ti.run_id}"
    ),
    "dag_run": lambda context: RuntimeDagRun(context.run),
    "run_id": lambda context: context.run["run_id"],
    "run_after": lambda context: moment(context.run["run_after"]),
    "task_state_store": lambda context: _task_store(),
    "asset_state_store": lambda context: _asset_stores(context),
    "partition_key": lambda context: context.run.get("partition_key"),
    "partition_date": lambda context: moment(context.run.get("partition_date")),
    "params": lambda context: context._params(),
    "conf": lambda context: _configuration(),
    "var": lambda context: {"value": _Variables(False), "json": _Variables(True)},
    "conn": lambda context: _Connections(),
    "macros": lambda context: _macros(),
    "test_mode": lambda context: False,
    "try_number": lambda context: context.ti.try_number,
    "map_index_template": lambda context: context.ti.task.map_index_template,
    "inlets": lambda context: context.ti.task.inlets,
    "outlets": lambda context: context.ti.task.outlets,
    "inlet_events": _inlet_events,
    "outlet_events": _outlet_events,
    "templates_dict": lambda context: None,
    "task_reschedule_count": lambda context: context.assignment.get("reschedule_count") or 0,
    "expanded_ti_count": _expanded_count,
    "triggering_asset_events": _triggering_asset_events,
    "triggering_dataset_events": _triggering_dataset_events,
    "prev_start_date_success": _previous_key("prev_start_date_success"),
    "prev_end_date_success": _previous_key("prev_end_date_success"),
}
WITH_DATE = ALWAYS | {
    "logical_date": lambda context: moment(date_of(context.run)),
    "ds": lambda context: context["logical_date"].strftime("%Y-%m-%d"),
    "ds_nodash": lambda context: context["logical_date"].strftime("%Y%m%d"),
    "ts": lambda context: context["logical_date"].isoformat(),
    "ts_nodash": lambda context: context["logical_date"].strftime("%Y%m%dT%H%M%S"),
    "ts_nodash_with_tz": lambda context: context["logical_date"].isoformat().replace("-", "").replace(":", ""),
    "prev_data_interval_start_success": _previous_key("prev_data_interval_start_success"),
    "prev_data_interval_end_success": _previous_key("prev_data_interval_end_success"),
    **OLDER,
}
WITH_INTERVAL = WITH_DATE | {
    "data_interval_start": lambda context: moment(context.run["data_interval_start"]),
    "data_interval_end": lambda context: moment(context.run["data_interval_end"]),
}


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


def _asset_stores(context: TaskContext) -> Any:
    from orchestrator.sdk.state_store import AssetStateStores

    task = context.ti.task
    found = AssetStateStores(task.inlets, task.outlets)
    if not found:
        raise KeyError("asset_state_store: the task names no asset in its inlets or outlets")
    return found


def _task_store() -> Any:
    from orchestrator.sdk.state_store import TaskStateStore

    return TaskStateStore()


def _macros() -> Any:
    from . import macros

    return macros


def _configuration() -> Any:
    from orchestrator.compat.configuration import conf

    return conf
