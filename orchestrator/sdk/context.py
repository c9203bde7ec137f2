"""The context of the running task, and what is being defined right now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Context = dict
"""What ``execute`` is given: Airflow's context keys."""

CONTEXT_KEYS = frozenset(
    {
        *("conn", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash", "exception"),
        *(
            "expanded_ti_count",
            "inlet_events",
            "inlets",
            "logical_date",
            "macros",
            "map_index_template",
            "outlet_events",
        ),
        *("outlets", "params", "partition_key", "prev_data_interval_end_success", "prev_data_interval_start_success"),
        *("prev_end_date_success", "prev_start_date_success", "reason", "run_id", "start_date", "task"),
        *("task_instance", "task_instance_key_str", "task_reschedule_count", "templates_dict", "test_mode", "ti"),
        *("triggering_asset_events", "try_number", "ts", "ts_nodash", "ts_nodash_with_tz", "var"),
    }
)
"""The names of Airflow 3's context: a function that names one as a parameter gets it."""

_current: list[Any] = []


def get_current_context() -> Any:
    """Return the running task's context.

    Raises:
        RuntimeError: no task is running here.
    """
    if not _current:
        raise RuntimeError("Current context was requested but no context was found! Are you running within a task?")
    return _current[-1]


class running:
    """``with running(context):`` makes it the current one."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self.context = context

    def __enter__(self) -> Mapping[str, Any]:
        _current.append(self.context)
        return self.context

    def __exit__(self, *error: object) -> None:
        _current.pop()


class Defining:
    """The stacks of ``with DAG`` and ``with TaskGroup`` that are open while a file is imported."""

    dags: list[Any] = []
    groups: list[Any] = []
    setups: list[Any] = []


class CurrentDag:
    """``DagContext``: the DAG whose ``with`` block is open."""

    get_current = get_current_dag = staticmethod(lambda: current_dag())


def current_dag() -> Any:
    return Defining.dags[-1] if Defining.dags else None


def current_group() -> Any:
    return Defining.groups[-1] if Defining.groups else None
