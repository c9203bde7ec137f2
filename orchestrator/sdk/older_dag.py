"""What a DAG of Airflow 1 and 2 could be asked, and Airflow 3's no longer can."""

from __future__ import annotations

from datetime import datetime
from typing import Any


class OlderDag:
    """Methods of :class:`orchestrator.sdk.DAG` for files of the older eras."""

    dag_id: str
    schedule: Any
    max_active_tasks: int
    task_dict: dict[str, Any]
    fileloc: str
    default_args: dict[str, Any]

    def following_schedule(self, dttm: datetime, start: Any = None, end: Any = None) -> Any:
        """The logical date that follows one in the schedule; None without a schedule."""
        from orchestrator.core.timetables import DataInterval, Restriction

        last = DataInterval(*(datetime.fromisoformat((each or dttm).isoformat()) for each in (start, end)))
        timetable = self.timetable  # type: ignore[attr-defined]
        found = timetable.next_run(last=last, restriction=Restriction(None, None, True), now=last.end)
        return _moment(found.logical_date) if found is not None else None

    def previous_schedule(self, dttm: datetime) -> Any:
        """The logical date before one in the schedule; None where the schedule is neither cron text nor a delta."""
        timetable = self.timetable  # type: ignore[attr-defined]
        if hasattr(timetable, "cron"):
            return _moment(timetable.cron.before(datetime.fromisoformat(dttm.isoformat())))
        return _moment(dttm - timetable.delta) if hasattr(timetable, "delta") else None

    @property
    def schedule_interval(self) -> Any:
        return self.schedule

    normalized_schedule_interval = schedule_interval

    @property
    def concurrency(self) -> int:
        return self.max_active_tasks

    @property
    def filepath(self) -> str:
        return self.fileloc

    full_filepath = filepath

    @property
    def owner(self) -> str:
        """The owners of its tasks."""
        return ", ".join(sorted({task.owner for task in self.task_dict.values()}))

    @property
    def safe_dag_id(self) -> str:
        return self.dag_id.replace(".", "__dot__")

    @property
    def task_count(self) -> int:
        return len(self.task_dict)  # type: ignore[attr-defined]

    def __rshift__(self, other: Any) -> Any:
        """``dag >> task`` of Airflow 1: the task is the DAG's."""
        for task in other if isinstance(other, (list, tuple)) else [other]:
            if task.dag is not self:
                self.adopt(task)  # type: ignore[attr-defined]
        return other

    def add_tasks(self, tasks: Any) -> None:
        for task in tasks:
            self.adopt(task)  # type: ignore[attr-defined]

    def set_dependency(self, upstream_task_id: str, downstream_task_id: str) -> None:
        """Draw an arrow between two tasks by their ids."""
        self.get_task(upstream_task_id).set_downstream(self.get_task(downstream_task_id))  # type: ignore[attr-defined]

    def topological_sort(self, *ignored: Any, **also: Any) -> tuple[Any, ...]:
        """Its tasks, each after those above it."""
        left, found = dict(self.task_dict), []
        while left:
            now = [task for task in left.values() if not task.upstream_task_ids & left.keys()]
            if not now:
                break
            found += now
            for task in now:
                del left[task.task_id]
        return tuple(found)

    def cli(self) -> None:
        """Tell whoever runs the file as a program what there is instead."""
        print(f"Run `manage.py dags test {self.dag_id}` instead")


def _moment(date: datetime) -> Any:
    import pendulum

    return pendulum.instance(date).in_timezone("UTC")
