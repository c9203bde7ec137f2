"""The task instance that runs, and its run, as their code sees them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from orchestrator.core.ids import opaque_id
from orchestrator.sdk.comms import ask
from orchestrator.sdk.pages import page_of
from orchestrator.sdk.params import NOTSET
from orchestrator.sdk.xcom import dump, length_of, load
from orchestrator.sdk.xcom_arg import RETURN_KEY

from .older import OlderDagRun, OlderTaskInstance

Json = dict[str, Any]


def moment(text: str | None) -> Any:
    """A time of an assignment as the pendulum object that DAG files expect."""
    if text is None:
        return None
    import pendulum

    return pendulum.instance(datetime.fromisoformat(text)).in_timezone("UTC")


class RuntimeDagRun(OlderDagRun):
    """The run, as a task sees it."""

    start_date = end_date = data_interval_start = data_interval_end = logical_date = None
    partition_key = partition_date = version_number = None

    def __init__(self, run: Json) -> None:
        for name, value in run.items():
            is_time = name.endswith(("_date", "_after", "_at", "_start", "_end"))
            setattr(self, name, moment(value) if is_time and isinstance(value, str) else value)
        self.conf = run.get("conf") or {}
        self.execution_date = getattr(self, "logical_date", None)

    def get_previous_dagrun(self, state: Any = None, session: Any = None) -> RuntimeDagRun | None:
        """The run before the one that the task is in; of others a task is not told.

        Raises:
            AirflowException: this is another run.
        """
        from orchestrator.sdk.context import get_current_context
        from orchestrator.sdk.exceptions import AirflowException

        ti = get_current_context()["ti"]
        if (self.dag_id, self.run_id) != (ti.dag_id, ti.run_id):  # type: ignore[attr-defined]
            raise AirflowException(f"get_previous_dagrun of {self}: a task can ask for the run before its own only")
        return ti.get_previous_dagrun(state)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id}>"  # type: ignore[attr-defined]


class TaskInstanceKey(NamedTuple):
    """What names one try of a task instance."""

    dag_id: str
    task_id: str | None
    run_id: str
    try_number: int
    map_index: int


class RuntimeTaskInstance(OlderTaskInstance):
    """The task instance that runs, as its code sees it."""

    _ended: tuple[str, datetime] | None = None  # the state it came to, and when

    def __init__(self, assignment: Json, task: Any) -> None:
        self.assignment, self.task = assignment, task
        self.dag_id, self.run_id = assignment["dag_id"], assignment["run"]["run_id"]
        self.task_id, self.map_index = assignment.get("task_id"), assignment.get("map_index", -1)
        self.try_number, self.max_tries = assignment.get("try_number", 0), assignment.get("max_tries", 0)
        own = (self.map_index,) if self.map_index >= 0 else ()
        self.map_path: tuple[int, ...] = tuple(
            assignment.get("map_path") or own
        )  # its position at each level of mapping
        self.token = assignment.get("token")
        self.hostname, self.pool, self.queue = (assignment.get(name) for name in ("hostname", "pool", "queue"))
        self.reschedule_count = assignment.get("reschedule_count") or 0
        self.skip_note: Json | None = None

    def has_ended(self, state: str) -> None:
        """From here on its code is told that it ended: its callbacks run."""
        self._ended = state, datetime.now(UTC)

    @property
    def id(self) -> Any:
        """The UUID by which the API knows it; that of nothing where no database does, in ``dags test``."""
        from uuid import UUID

        return UUID(opaque_id(self.assignment.get("instance_id") or 0))

    @property
    def state(self) -> str:
        return self._ended[0] if self._ended else "running"

    @property
    def start_date(self) -> Any:
        return moment(self.assignment["started_at"])

    @property
    def end_date(self) -> Any:
        return moment(self._ended[1].isoformat()) if self._ended else None

    @property
    def duration(self) -> float | None:
        return (self.end_date - self.start_date).total_seconds() if self._ended else None

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
    def log_url(self) -> str:
        """Where this try's log is read."""
        return f"{self._page}?try_number={self.try_number}"

    @property
    def mark_success_url(self) -> str:
        """The page that asks whether to mark it as success."""
        return f"{self._page}/mark?state=success"

    @property
    def _page(self) -> str:
        return page_of(self.dag_id, self.run_id, str(self.task_id), self.map_index)

    @property
    def key(self) -> TaskInstanceKey:
        return TaskInstanceKey(self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    def tell_rendered(self) -> None:
        """Tell the supervisor the templated fields as they are now; the attempt puts its own way of doing so here."""

    def get_template_context(self) -> Any:
        from orchestrator.sdk.context import get_current_context

        return get_current_context()

    def xcom_push(self, key: str, value: Any, **ignored: Any) -> None:
        data = dump(value, most=self.assignment.get("xcom_max_bytes") or 1 << 20, ti=self, key=key)
        length: Any = length_of(value)
        patterns = self.assignment.get("measure") if key == RETURN_KEY else None
        if patterns:
            from orchestrator.core.mapping import measure

            length = {"": length, **measure(value, patterns)}
        ask("push_xcom", key=key, value=data, length=length)

    async def axcom_push(self, key: str, value: Any, **ignored: Any) -> None:
        self.xcom_push(key, value)

    def pull_entries(self, task_ids: list[str], key: Any, map_indexes: Any, **where: Any) -> list[tuple[str, int, Any]]:
        found = ask("xcom", task_ids=task_ids, key=key, map_indexes=map_indexes, **where)
        return [(each["task_id"], each["map_index"], load(each["value"])) for each in found]

    def xcom_pull(
        self,
        task_ids: Any = None,
        dag_id: str | None = None,
        key: Any = RETURN_KEY,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOTSET,
        default: Any = None,
        run_id: str | None = None,
        session: Any = None,
    ) -> Any:
        """Return one value, or a list of values, as Airflow does.

        One task id: its value; where it is mapped and several instances pushed, the list of them; None where
        nothing was pushed. No id: its own; in files of Airflow 1 and 2 else what any task pushed last. Several ids: one list, with None for a task that pushed nothing. ``map_indexes`` names
        instances (None: the task that is not mapped); only there ``default`` stands for what was not pushed.
        """
        one = task_ids is None or isinstance(task_ids, str)
        ids = [self.task_id] if task_ids is None else [task_ids] if isinstance(task_ids, str) else list(task_ids)
        dag = getattr(self.task, "dag", None)
        if dag is not None and dag.subdags:
            from orchestrator.sdk.subdags import of_subdags

            ids, dag_id = of_subdags(self.task, ids, dag_id)
        where: Json = {}
        if dag_id not in (None, self.dag_id):
            where["dag_id"] = dag_id
        if run_id not in (None, self.run_id):
            where["run_id"] = run_id
        if include_prior_dates:
            where["include_prior_dates"] = True
        wanted = _map_indexes(map_indexes)
        found: dict[str, dict[int, Any]] = {task_id or "": {} for task_id in ids}
        for task_id, map_index, value in self.pull_entries(ids, key, wanted, **where):
            found[task_id][map_index] = value
        is_any = task_ids is None and wanted is None and dag is not None and dag.era.pulls_any
        if is_any and not found[self.task_id or ""]:
            last = ask("latest_xcom", key=key, **where)
            return load(last["value"]) if last else default
        if wanted is None:
            values = [value for task_id in ids for value in found[task_id].values() or [None]]
            return values[0] if one and len(values) == 1 else values
        values = [found[task_id].get(index, default) for task_id in ids for index in wanted]
        return values[0] if one and (map_indexes is None or isinstance(map_indexes, int)) else values

    async def axcom_pull(self, *args: Any, **kwargs: Any) -> Any:
        return self.xcom_pull(*args, **kwargs)

    # ---- other runs and tasks

    def get_first_reschedule_date(self, context: Any) -> Any:
        """When a sensor that gave its slot back began; None: it has not given it back yet."""
        return self.first_started_at if self.reschedule_count else None

    def get_previous_dagrun(self, state: Any = None, session: Any = None) -> RuntimeDagRun | None:
        found = ask("previous_run", state=None if state is None else str(getattr(state, "value", state)))
        return None if found is None else RuntimeDagRun(found)

    def get_previous_start_date(self, state: Any = None) -> Any:
        found = self.get_previous_dagrun(state)
        return None if found is None else found.start_date

    @staticmethod
    def get_ti_count(
        dag_id: str,
        map_index: int | None = None,
        task_ids: Iterable[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: Iterable[datetime] | None = None,
        run_ids: Iterable[str] | None = None,
        states: Iterable[Any] | None = None,
    ) -> int:
        """How many task instances there are of these tasks, runs and states."""
        where = _chosen(task_ids=task_ids, run_ids=run_ids, logical_dates=logical_dates, states=states)
        return int(ask("ti_count", dag_id=dag_id, map_index=map_index, task_group_id=task_group_id, **where))

    @staticmethod
    def get_task_states(
        dag_id: str,
        map_index: int | None = None,
        task_ids: Iterable[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: Iterable[datetime] | None = None,
        run_ids: Iterable[str] | None = None,
    ) -> dict[str, dict[str, str]]:
        """Run id -> task id (with ``_index`` where it is mapped) -> state."""
        where = _chosen(task_ids=task_ids, run_ids=run_ids, logical_dates=logical_dates)
        return ask("task_states", dag_id=dag_id, map_index=map_index, task_group_id=task_group_id, **where)

    @staticmethod
    def get_dr_count(
        dag_id: str,
        logical_dates: Iterable[datetime] | None = None,
        run_ids: Iterable[str] | None = None,
        states: Iterable[Any] | None = None,
    ) -> int:
        """How many runs there are of these dates, ids and states."""
        where = _chosen(run_ids=run_ids, logical_dates=logical_dates, states=states)
        return int(ask("dag_runs_count", dag_id=dag_id, **where))

    @staticmethod
    def get_dagrun_state(dag_id: str, run_id: str) -> str | None:
        return ask("run_state", dag_id=dag_id, run_id=run_id)

    def __repr__(self) -> str:
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id} [running]>"


def _map_indexes(given: Any) -> list[int] | None:
    """Which instances are asked for; None: all there are.

    Raises:
        TypeError: something else than an index, several, or None.
    """
    if given is NOTSET:
        return None
    if given is None or isinstance(given, int):
        return [-1 if given is None else given]
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(
            f"Invalid type for map_indexes: expected int, iterable of ints, or None, got {type(given).__name__}"
        )
    return list(given)


def _chosen(**where: Any) -> Json:
    """What is asked for, as JSON: dates as ISO text, states as their values."""
    found: Json = {}
    for name, values in where.items():
        if values is not None:
            found[name] = [
                each.isoformat() if isinstance(each, datetime) else str(getattr(each, "value", each)) for each in values
            ]
    return found
