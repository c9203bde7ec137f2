"""What Airflow 1 and 2 told tasks, and Airflow 3 no longer does: many files still ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.sdk.comms import ask


def _next(context: Any) -> Any:
    """The logical date that follows in the DAG's schedule; the run's own where there is no schedule."""
    interval = context.get("data_interval_start"), context.get("data_interval_end")
    return context.dag.following_schedule(context["logical_date"], *interval) or context["logical_date"]


def _previous(context: Any) -> Any:
    return context.dag.previous_schedule(context["logical_date"]) or context["logical_date"]


def _previous_success(context: Any) -> Any:
    from .task_instance import moment

    run = ask("previous_run", state="success")
    return moment(run["logical_date"]) if run else None


def _days(days: int, form: str) -> Callable[[Any], Any]:
    return lambda context: context["logical_date"].add(days=days).strftime(form)


DAY, NODASH = "%Y-%m-%d", "%Y%m%d"
OLDER: dict[str, Callable[[Any], Any]] = {
    "execution_date": lambda context: context["logical_date"],
    "latest_date": lambda context: context["ds"],
    "end_date": lambda context: context["ds"],
    "END_DATE": lambda context: context["ds"],
    "tables": lambda context: context["params"].get("tables"),
    "yesterday_ds": _days(-1, DAY),
    "yesterday_ds_nodash": _days(-1, NODASH),
    "tomorrow_ds": _days(1, DAY),
    "tomorrow_ds_nodash": _days(1, NODASH),
    "next_execution_date": _next,
    "next_ds": lambda context: _next(context).strftime(DAY),
    "next_ds_nodash": lambda context: _next(context).strftime(NODASH),
    "prev_execution_date": _previous,
    "prev_ds": lambda context: _previous(context).strftime(DAY),
    "prev_ds_nodash": lambda context: _previous(context).strftime(NODASH),
    "prev_execution_date_success": _previous_success,
}
"""Keys of the context of a run that has a logical date."""


def with_dates(assignment: dict[str, Any]) -> dict[str, Any]:
    """A run without a logical date has that of its start: in Airflow 1 and 2 there was none without."""
    run = assignment["run"]
    if run.get("logical_date"):
        return assignment
    date = run["run_after"]
    start, end = (run.get(f"data_interval_{each}") or date for each in ("start", "end"))
    return {**assignment, "run": {**run, "logical_date": date, "data_interval_start": start, "data_interval_end": end}}


class OlderTaskInstance:
    """What the task instance of Airflow 1 and 2 had beside."""

    task: Any
    dag_id: str
    run_id: str
    task_id: Any
    map_index: int
    try_number: int
    job_id = None

    @property
    def pid(self) -> int:
        import os

        return os.getpid()

    @property
    def log_url(self) -> str:
        """The address of its page, at this try's log."""
        import os
        from urllib.parse import quote

        root = os.environ.get("AIRFLOW__API__BASE_URL", "http://localhost:8080").rstrip("/")
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        place = f"dags/{quote(self.dag_id)}/runs/{quote(self.run_id)}/tasks/{quote(self.task_id or '')}{mapped}"
        return f"{root}/{place}?try_number={self.try_number}"

    mark_success_url = log_url

    @property
    def log(self) -> Any:
        import logging

        return logging.getLogger("airflow.task")

    @property
    def operator(self) -> Any:
        return self.task.task_type if self.task is not None else None

    @property
    def priority_weight(self) -> Any:
        return self.task.priority_weight if self.task is not None else 1

    @property
    def executor_config(self) -> Any:
        return getattr(self.task, "executor_config", None) or {}

    @property
    def unixname(self) -> str:
        import getpass

        return getpass.getuser()

    def get_previous_ti(self, state: Any = None, session: Any = None) -> OtherInstance | None:
        """The instance of the same task in the run before."""
        run = self.get_previous_dagrun(state)  # type: ignore[attr-defined]
        return None if run is None else run.get_task_instance(self.task_id, map_index=self.map_index)

    @property
    def previous_ti(self) -> OtherInstance | None:
        return self.get_previous_ti()

    @property
    def previous_ti_success(self) -> OtherInstance | None:
        return self.get_previous_ti("success")

    @property
    def prev_attempted_tries(self) -> int:
        return self.try_number - 1

    @property
    def next_try_number(self) -> int:
        return self.try_number + 1

    def current_state(self, session: Any = None) -> Any:
        return self.state  # type: ignore[attr-defined]

    def render_templates(self, context: Any = None, jinja_env: Any = None) -> Any:
        """Render the task's fields, which is done already for the task that runs: what its code changed since is new."""
        self.task.render_template_fields(context or self.get_template_context(), jinja_env)  # type: ignore[attr-defined]
        return self.task


class OtherInstance:
    """Another task instance of the run, as far as a task is told of it: its id and state."""

    def __init__(self, dag_id: str, run_id: str, task_id: str, map_index: int, state: Any) -> None:
        self.dag_id, self.run_id, self.task_id = dag_id, run_id, task_id
        self.map_index, self.state = map_index, state

    def current_state(self, session: Any = None) -> Any:
        return self.state

    def __repr__(self) -> str:
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id} [{self.state}]>"


class OlderDagRun:
    """What the run of Airflow 1 and 2 had beside."""

    dag_id: str
    run_id: str
    run_type: Any

    @property
    def external_trigger(self) -> bool:
        return self.run_type == "manual"

    @property
    def is_backfill(self) -> bool:
        return self.run_type == "backfill"

    def get_state(self) -> Any:
        return self.state  # type: ignore[attr-defined]

    def get_task_instances(self, state: Any = None, session: Any = None) -> list[OtherInstance]:
        """The run's task instances, those in a state or in one of several."""
        wanted = None if state is None else [state] if isinstance(state, str) or state is None else list(state)
        found = []
        for name, is_now in (
            (ask("task_states", dag_id=self.dag_id, run_ids=[self.run_id]) or {}).get(self.run_id, {}).items()
        ):
            task_id, _, index = name.rpartition("_")
            is_mapped = index.isdigit() and name not in self._task_ids()
            one = OtherInstance(self.dag_id, self.run_id, *((task_id, int(index)) if is_mapped else (name, -1)), is_now)
            if wanted is None or one.state in [getattr(each, "value", each) for each in wanted]:
                found.append(one)
        return found

    def get_task_instance(self, task_id: str, session: Any = None, *, map_index: int = -1) -> OtherInstance | None:
        return next(
            (each for each in self.get_task_instances() if (each.task_id, each.map_index) == (task_id, map_index)), None
        )

    def _task_ids(self) -> Any:
        from orchestrator.sdk.context import get_current_context

        try:
            return get_current_context()["dag"].task_dict
        except RuntimeError:
            return {}
