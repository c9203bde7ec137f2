"""A DAG as plain data: what the parser hands over, the database stores and the engine decides by.

A spec is made by :meth:`orchestrator.sdk.DAG.to_spec` in the parse process, travels as JSON
(:mod:`orchestrator.core.serde`), is stored with the DAG's version and never changes afterwards.
Durations are seconds (float), times are aware UTC datetimes, ids are full ids (with group prefixes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

Json = Any
"""What :mod:`json` can carry without loss: None, bool, int, float, str, lists and dicts with text keys."""

SPEC_FORMAT = 1
"""Number of the JSON form; a stored spec of another number is refused with a clear error."""


MANUAL_RUN_DATES = ("airflow", "scheduled")
"""What the dates of a manual run are: as in Airflow its logical date, or as in a scheduled run its data interval's start."""
OVERLAP_POLICIES = ("queue", "drop", "cancel_oldest")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How long a mapped argument is, without its values.

    ``kind`` is one of ``literal`` (``length`` known), ``xcom`` (the length of what ``task_id`` pushed
    under ``key``), ``map`` (as long as its one ``part``), ``zip`` (the shortest part, or with ``fill``
    the longest), ``concat`` (the sum of its parts) or ``arg`` (argument ``name`` of the mapped ``group``
    around: one element of that group's own input). A literal has ``parts`` where elements of it are mapped
    over: its elements, or those of a dict by ``name``.
    """

    kind: str
    length: int | None = None
    task_id: str | None = None
    key: str = "return_value"
    name: str | None = None
    group: str | None = None
    parts: tuple[InputSpec, ...] = ()
    fill: bool = False


@dataclass(frozen=True, slots=True)
class MapSpec:
    """What a mapped task or group expands over.

    ``mode`` is ``expand`` (the cross product of ``inputs``, last input fastest) or ``expand_kwargs``
    (one input named ``""``, one instance an element).
    """

    mode: str
    inputs: Mapping[str, InputSpec]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task. What the engine needs are fields; what only pages and the API show is in ``display``."""

    task_id: str
    upstream: tuple[str, ...] = ()  # direct upstream task ids, sorted
    group_id: str | None = None  # innermost task group
    trigger_rule: str = "all_success"
    operator: str = "BaseOperator"  # class name
    inline: str | None = None  # decided in the engine, no process: "empty" | "latest_only"
    skips: str | None = None  # what its result may skip: "branch" | "short_circuit"
    ignore_downstream_trigger_rules: bool = True  # of a short circuit
    map: MapSpec | None = None
    map_index_template: str | None = None
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False  # of a teardown: its failure fails the run
    depends_on_past: bool = False
    wait_for_downstream: bool = False
    ignore_first_depends_on_past: bool = False
    retries: int = 0
    retry_delay: float = 300.0
    retry_backoff: float = 0.0  # multiplier; 0 = none
    max_retry_delay: float | None = None
    execution_timeout: float | None = None
    pool: str = "default_pool"
    pool_slots: int = 1
    priority_weight: int = 1  # its own
    weight_rule: str = "downstream"
    effective_weight: int = 1  # what its task instances get; worked out once when the spec is made
    try_weights: tuple[int, ...] = ()  # of its first, second ... try, where a rule of the author's own says so
    queue: str = "default"
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    concurrency_key: str | None = None  # template of :mod:`orchestrator.core.concurrency_key`
    concurrency_limit: int = 1  # so many task instances with the same key run at once
    start_date: datetime | None = None
    end_date: datetime | None = None
    reschedules: bool = False  # a sensor in mode "reschedule"
    callbacks: tuple[str, ...] = ()  # which of execute, success, failure, retry, skipped it has
    deadlines: tuple[Mapping[str, Json], ...] = ()  # {"name", "reference", "interval", "callback"} each
    email: tuple[str, ...] = ()
    email_on_failure: bool = True
    email_on_retry: bool = True
    template_files: tuple[str, ...] = ()  # templated values that name a file (end in one of its template_ext)
    inlets: tuple[Json, ...] = ()  # assets, references and aliases, as in orchestrator.core.assets
    outlets: tuple[Json, ...] = ()
    display: Mapping[str, Json] = field(default_factory=dict)
    """label (id without group prefix), display_name, operator_name ("@task"), owner, doc_md, ui_color,
    ui_fgcolor, template_fields, params, class_ref {module_path, class_name}, extra_links, executor_config,
    link_keys (name of a link -> key of its XCom),
    run_as_user, trigger_dag_id and external_dag_id (for links between DAGs)."""

    @property
    def is_mapped(self) -> bool:
        return self.map is not None

    @property
    def operator_name(self) -> str:
        """What people know its operator as: ``@task``, or what its class says, or the class."""
        return str(self.display.get("operator_name") or self.operator)

    @property
    def is_limited(self) -> bool:
        """Whether a claim has to look at what else runs of it, or under its key."""
        limits = (self.max_active_tis_per_dag, self.max_active_tis_per_dagrun, self.concurrency_key)
        return any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """One task group; the root group is not listed."""

    group_id: str
    parent_id: str | None = None
    children: tuple[tuple[str, str], ...] = ()  # ("task" | "group", full id) in the order written
    map: MapSpec | None = None
    upstream_groups: tuple[str, ...] = ()  # edges written against the group itself, for drawing
    downstream_groups: tuple[str, ...] = ()
    upstream_tasks: tuple[str, ...] = ()
    downstream_tasks: tuple[str, ...] = ()
    retries: int = 0  # so many times the whole group is run again after it failed
    retry_delay: float = 300.0
    display: Mapping[str, Json] = field(default_factory=dict)  # label, tooltip, ui_color, ui_fgcolor


@dataclass(frozen=True)
class DagSpec:
    """One DAG."""

    dag_id: str
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict)  # in the order written
    groups: Mapping[str, GroupSpec] = field(default_factory=dict)
    children: tuple[tuple[str, str], ...] = ()  # of the root group, as in GroupSpec
    timetable: Mapping[str, Json] = field(default_factory=lambda: {"type": "null"})
    timezone: str = "UTC"
    start_date: datetime | None = None
    end_date: datetime | None = None
    catchup: bool = False
    max_active_tasks: int = 16
    max_active_runs: int = 16
    overlap_policy: str = "queue"  # of a due run that max_active_runs leaves no room for: one of OVERLAP_POLICIES
    max_consecutive_failed_dag_runs: int = 0
    dagrun_timeout: float | None = None
    fail_fast: bool = False
    is_paused_upon_creation: bool | None = None
    params: Mapping[str, Json] = field(default_factory=dict)  # name -> {"value"?, "schema", "description"}
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    description: str | None = None
    display_name: str | None = None
    doc_md: str | None = None
    default_args: Mapping[str, Json] = field(default_factory=dict)  # for display
    render_template_as_native_obj: bool = False
    template_searchpath: tuple[str, ...] = ()
    edge_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # from -> to -> label
    callbacks: tuple[str, ...] = ()  # which of success, failure the DAG has
    assets: tuple[Json, ...] = ()
    """Each asset that it names: name, uri, group, and extra and watchers (name, classpath, kwargs) where it has some."""
    listens: tuple[str, ...] = ()
    """To what listeners of plugins listen: its run's changes, task_failed and the like of its tasks, hooks about assets."""
    deadlines: tuple[Mapping[str, Json], ...] = ()  # {"name", "reference", "interval", "callback"} each
    access_control: Mapping[str, Json] = field(default_factory=dict)
    owner_links: Mapping[str, str] = field(default_factory=dict)
    manual_run_dates: str | None = None  # one of MANUAL_RUN_DATES; None = as the installation says
    rerun_with_latest_version: bool | None = None  # None = as the installation says
    allowed_run_types: tuple[str, ...] = ()  # none named: all
    era: Mapping[str, Json] | None = None  # where other defaults than Airflow 3's hold: number, cron_intervals, ...

    def allows(self, run_type: str) -> bool:
        """Whether the DAG may have runs of this type."""
        return not self.allowed_run_types or run_type in self.allowed_run_types

    @cached_property
    def downstream(self) -> dict[str, tuple[str, ...]]:
        """Direct downstream task ids of each task, sorted."""
        found: dict[str, list[str]] = {task_id: [] for task_id in self.tasks}
        for task in self.tasks.values():
            for above in task.upstream:
                found[above].append(task.task_id)
        return {task_id: tuple(sorted(below)) for task_id, below in found.items()}

    @cached_property
    def mapped_group_of(self) -> dict[str, str | None]:
        """The innermost mapped group around each task, None where there is none."""
        nearest: dict[str, str | None] = {}
        for task in self.tasks.values():
            group_id = task.group_id
            while group_id is not None and self.groups[group_id].map is None:
                group_id = self.groups[group_id].parent_id
            nearest[task.task_id] = group_id
        return nearest
