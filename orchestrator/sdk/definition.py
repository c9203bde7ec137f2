"""DAG, and the ``@dag`` decorator."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from . import era
from .context import Defining
from .exceptions import DagError, DuplicateTaskIdFound
from .older_dag import OlderDag
from .operator import as_list, check_id
from .taskgroup import TaskGroup

_UNSET: Any = object()


class DAG(OlderDag):
    """A directed acyclic graph of tasks, and when it runs. ``with DAG(...):`` collects what is defined inside."""

    def __init__(
        self,
        dag_id: str,
        *,
        description: str | None = None,
        schedule: Any = _UNSET,
        schedule_interval: Any = _UNSET,
        timetable: Any = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        template_searchpath: str | Iterable[str] | None = None,
        template_undefined: Any = None,
        user_defined_macros: dict[str, Any] | None = None,
        user_defined_filters: dict[str, Any] | None = None,
        default_args: Mapping[str, Any] | None = None,
        max_active_tasks: int | None = None,
        concurrency: int | None = None,
        max_active_runs: int | None = None,
        overlap_policy: str = "queue",
        max_consecutive_failed_dag_runs: int | None = None,
        dagrun_timeout: timedelta | None = None,
        sla_miss_callback: Any = None,
        full_filepath: Any = None,
        default_view: Any = None,
        orientation: Any = None,
        catchup: bool | None = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        deadline: Any = None,
        doc_md: str | None = None,
        params: Mapping[str, Any] | None = None,
        access_control: Mapping[str, Any] | None = None,
        is_paused_upon_creation: bool | None = None,
        jinja_environment_kwargs: dict[str, Any] | None = None,
        render_template_as_native_obj: bool = False,
        tags: Collection[str] | None = None,
        owner_links: Mapping[str, str] | None = None,
        auto_register: bool = True,
        fail_fast: bool = False,
        fail_stop: bool = False,
        dag_display_name: str | None = None,
        disable_bundle_versioning: bool = False,
        rerun_with_latest_version: bool | None = None,
        allowed_run_types: Any = None,
        manual_run_dates: str | None = None,
    ) -> None:
        self.dag_id = check_id("dag_id", dag_id)
        self.description = description
        if not isinstance(default_args or {}, Mapping):
            raise TypeError(f"DAG {dag_id!r}: default_args must be a dict, not {default_args!r}")
        self.default_args = dict(default_args or {})
        given = [each for each in (schedule, schedule_interval) if each is not _UNSET] + (
            [timetable] if timetable is not None else []
        )
        if len(given) > 1:
            raise DagError(f"DAG {dag_id!r}: give only one of schedule, schedule_interval and timetable")
        self.era = era.current()
        self.schedule = given[0] if given else self.era.unsaid_schedule
        self.start_date = start_date if start_date is not None else self.default_args.get("start_date")
        self.end_date = end_date if end_date is not None else self.default_args.get("end_date")
        self.timezone_name = zone_of(self.start_date)
        self.template_searchpath = (
            [template_searchpath] if isinstance(template_searchpath, str) else list(template_searchpath or [])
        )
        self.template_undefined = template_undefined
        self.user_defined_macros = user_defined_macros or {}
        self.user_defined_filters = user_defined_filters or {}
        limit = concurrency if concurrency is not None else max_active_tasks
        self.max_active_tasks = 16 if limit is None else limit
        self.max_active_runs = 16 if max_active_runs is None else max_active_runs
        self.max_consecutive_failed_dag_runs = max_consecutive_failed_dag_runs or 0
        self.overlap_policy = overlap_policy
        self.manual_run_dates = manual_run_dates
        self.dagrun_timeout = dagrun_timeout
        self.catchup = self.era.catchup if catchup is None else catchup
        self.on_success_callback = as_list(on_success_callback)
        self.on_failure_callback = as_list(on_failure_callback)
        self.deadlines = as_list(deadline)
        self.doc_md = doc_md.strip() if isinstance(doc_md, str) else doc_md
        self.params = dict(params or {})
        if isinstance(self.default_args.get("params"), Mapping):
            self.params |= self.default_args.pop("params")
        self.access_control = access_control
        self.is_paused_upon_creation = is_paused_upon_creation
        self.jinja_environment_kwargs = jinja_environment_kwargs or {}
        self.render_template_as_native_obj = render_template_as_native_obj
        self.tags = set(tags or [])
        self.owner_links = dict(owner_links or {})
        self.auto_register = auto_register
        self.fail_fast = fail_fast or fail_stop
        self.dag_display_name = dag_display_name or dag_id
        self.rerun_with_latest_version = rerun_with_latest_version
        self.allowed_run_types = allowed_run_types
        self.edge_labels: dict[str, dict[str, str]] = {}
        self.task_dict: dict[str, Any] = {}
        self.groups: dict[str, TaskGroup] = {}
        self.task_group = TaskGroup(None, dag=self)
        self.subdags: dict[str, str] = {}  # ids of DAGs that became groups of this one -> id of the group
        self.taken_into: TaskGroup | None = None
        self.fileloc = _caller_file()
        self._check()

    def _check(self) -> None:
        for tag in self.tags:
            if not isinstance(tag, str) or len(tag) > 100:
                raise DagError(f"DAG {self.dag_id!r}: tag {tag!r} must be a text of at most 100 characters")
        for name in ("start_date", "end_date"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, datetime):
                raise TypeError(f"DAG {self.dag_id!r}: {name} must be a datetime, not {type(value).__name__}")
        for name in ("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs"):
            if not isinstance(getattr(self, name), int):
                raise TypeError(f"DAG {self.dag_id!r}: {name} must be an integer, not {getattr(self, name)!r}")
        for name in ("description", "doc_md", "dag_display_name"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise TypeError(f"DAG {self.dag_id!r}: {name} must be a text, not {getattr(self, name)!r}")
        self._check_owner_links()
        self.start_date, self.end_date = in_utc(self.start_date), in_utc(self.end_date)
        if self.dagrun_timeout is not None and not isinstance(self.dagrun_timeout, timedelta):
            raise TypeError(f"DAG {self.dag_id!r}: dagrun_timeout must be a timedelta")

    def _check_owner_links(self) -> None:
        if not self.owner_links:
            return
        from urllib.parse import urlsplit

        for owner, link in self.owner_links.items():
            parts = urlsplit(str(link))
            if not (parts.path if parts.scheme == "mailto" else parts.scheme and parts.netloc):
                raise DagError(
                    f"DAG {self.dag_id!r}: owner_links has {link!r} for {owner!r}, which is no link: give one such as "
                    "https://example.org/team or mailto:team@example.org"
                )

    # ---- defining

    def __enter__(self) -> DAG:
        Defining.dags.append(self)
        Defining.groups.append(self.task_group)
        return self

    def __exit__(self, *error: object) -> None:
        Defining.dags.pop()
        Defining.groups.pop()
        if self.auto_register and error[0] is None:
            from . import registry

            registry.add(self)

    def add_task(self, task: Any) -> None:
        """Take a task in under its id; called by every operator that is made for this DAG."""
        if task.task_id in self.task_dict and self.task_dict[task.task_id] is not task:
            raise DuplicateTaskIdFound(f"Task id '{task.task_id}' has already been added to the DAG {self.dag_id!r}")
        if task.task_id in self.groups:
            raise DuplicateTaskIdFound(f"Task id '{task.task_id}' is a task group of the DAG {self.dag_id!r} already")
        self.task_dict[task.task_id] = task
        if task.task_group is None:  # made outside of any DAG, and given to this one by hand
            task.dag, task.task_group = self, self.task_group
        task.task_group.add(task)
        # A task's dates never reach beyond its DAG's.
        task.start_date = _inner(in_utc(task.start_date), self.start_date, max)
        task.end_date = _inner(in_utc(task.end_date), self.end_date, min)

    def adopt(self, task: Any) -> None:
        """Take in a task that was made outside of any DAG."""
        task.task_group = None
        self.add_task(task)

    def task_ids_and_groups(self) -> set[str]:
        return self.task_dict.keys() | self.groups.keys()

    # ---- reading

    @property
    def tasks(self) -> list[Any]:
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        return list(self.task_dict)

    def has_task(self, task_id: str) -> bool:
        return task_id in self.task_dict

    def get_task(self, task_id: str) -> Any:
        if task_id not in self.task_dict:
            raise DagError(f"Task {task_id} not found in DAG {self.dag_id!r}")
        return self.task_dict[task_id]

    @property
    def roots(self) -> list[Any]:
        return [task for task in self.tasks if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[Any]:
        return [task for task in self.tasks if not task.downstream_task_ids]

    @property
    def task_group_dict(self) -> dict[str, TaskGroup]:
        return self.groups

    @property
    def timetable(self) -> Any:
        from orchestrator.core.timetables import from_schedule

        if hasattr(self.schedule, "next_dagrun_info"):
            from .timetables import OwnTimetable

            return OwnTimetable(self.schedule)
        return from_schedule(self.era.schedule(self.schedule, self.timezone_name), self.timezone_name)

    @property
    def timezone(self) -> Any:
        """The time zone of the start date."""
        import pendulum

        return pendulum.timezone(self.timezone_name)

    @property
    def folder(self) -> str:
        return self.fileloc.rpartition("/")[0]

    def get_template_env(self, *, force_sandboxed: bool = False) -> Any:
        from .templating import environment

        return environment(self, None)

    def to_spec(self) -> Any:
        """Return the DAG as data (:class:`orchestrator.core.spec.DagSpec`); the only way out of the authoring side.

        Raises:
            DagError: a cycle, a bad schedule, or something else that cannot be run.
        """
        from .spec_of import dag_spec

        return dag_spec(self)

    def test(self, **kwargs: Any) -> Any:
        """Run the whole DAG in this process, without servers; see :func:`orchestrator.runtime.local.test_dag`."""
        import importlib

        # By name: what runs DAGs is above what describes them, and this one call goes up.
        return importlib.import_module("orchestrator.runtime.local").test_dag(self, **kwargs)

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"


def zone_of(date: Any) -> str:
    """The name of a time's zone; UTC where it has none, or only an offset."""
    zone = getattr(date, "tzinfo", None)
    name = getattr(zone, "key", None) or getattr(zone, "name", None)
    return name if isinstance(name, str) and name[:1] not in "+-" else "UTC"


def in_utc(date: Any) -> Any:
    """An aware time in UTC, of its own kind (pendulum's stay pendulum's); a naive one is taken as UTC."""
    if date is None:
        return None
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).astimezone(UTC)


def _inner(own: Any, outer: Any, pick: Callable[..., Any]) -> Any:
    return pick(own, outer) if own is not None and outer is not None else own if own is not None else outer


def _caller_file() -> str:
    """The file that makes the DAG: the first frame outside of this package."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(("orchestrator.sdk", "orchestrator.compat")):
            return frame.f_code.co_filename
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _mark_result(returned: Any) -> None:
    """What a task returned, returned in turn by the function of a ``@dag``, is the DAG's result; all else says nothing."""
    from .xcom_arg import RETURN_KEY, PlainXComArg

    if isinstance(returned, PlainXComArg) and returned.key == RETURN_KEY:
        returned.operator.returns_dag_result = True


def dag(dag_id: str | Callable[..., Any] = "", **kwargs: Any) -> Any:
    """``@dag(schedule=...)`` makes a function that, when called, defines a DAG named after it."""
    if callable(dag_id):
        return dag()(dag_id)

    def decorate(function: Callable[..., Any]) -> Callable[..., DAG]:
        @functools.wraps(function)
        def factory(*args: Any, **given: Any) -> DAG:
            import inspect

            from .params import DagParam, Param

            bound = inspect.signature(function).bind(*args, **given)
            bound.apply_defaults()
            settings = {"doc_md": function.__doc__, **kwargs}
            made = DAG(dag_id or function.__name__, **settings)
            with made:
                arguments = {}
                for name, value in bound.arguments.items():
                    if name not in made.params:
                        made.params[name] = value if isinstance(value, Param) else Param(value)
                    arguments[name] = DagParam(made, name, value)
                _mark_result(function(**arguments))
            return made

        factory.is_dag_factory = True  # type: ignore[attr-defined]
        return factory

    return decorate
