"""From the authoring objects to plain data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.core.branches import MOST_LEVELS, depth_of
from orchestrator.core.durations import iso_duration
from orchestrator.core.errors import AirflowTimetableInvalid
from orchestrator.core.graph import find_cycle
from orchestrator.core.group_retries import crossing, with_retries
from orchestrator.core.mapping import measured_of
from orchestrator.core.spec import MANUAL_RUN_DATES, OVERLAP_POLICIES, DagSpec, GroupSpec, InputSpec, MapSpec, TaskSpec
from orchestrator.core.states import RunType
from orchestrator.core.weights import effective_weights

from .asset_spec import AssetsOf
from .exceptions import AirflowDagCycleException, DagError, ParamValidationError
from .listeners import ASSET_HOOKS, RUN_HOOKS, TASK_HOOKS, hears
from .mapped import mapped_inside
from .operator import CALLBACKS, DEFAULT_OWNER, seconds
from .params import Param, param_json
from .plugins import links_for
from .taskgroup import TaskGroup


def dag_spec(dag: Any) -> DagSpec:
    """Return a DAG as data; see :meth:`DAG.to_spec`."""
    upstream = {task_id: sorted(task.upstream_task_ids) for task_id, task in dag.task_dict.items()}
    cycle = find_cycle(upstream)
    if cycle:
        raise AirflowDagCycleException(f"DAG {dag.dag_id!r} has a cycle: {' -> '.join(cycle)}")
    try:
        timetable = dag.timetable
    except (ValueError, TypeError) as error:
        raise AirflowTimetableInvalid(
            f"DAG {dag.dag_id!r}: its schedule {dag.schedule!r} cannot be used: {error}"
        ) from error
    _check_rules(dag, timetable)
    assets = AssetsOf(dag, timetable)
    own = _own_weights(dag)
    weights = effective_weights(
        upstream,
        {task_id: task.priority_weight for task_id, task in dag.task_dict.items()},
        {task_id: "absolute" if task_id in own else task.weight_rule for task_id, task in dag.task_dict.items()},
    )
    weights |= {task_id: found[0] for task_id, found in own.items()}
    inside = mapped_inside(dag)
    tasks = {
        task_id: _task(dag, task, weights[task_id], assets, own.get(task_id, []))
        for task_id, task in dag.task_dict.items()
    }
    spec = DagSpec(
        dag_id=dag.dag_id,
        tasks=tasks,
        groups={group_id: _group(group, inside) for group_id, group in dag.groups.items()},
        children=_children(dag.task_group),
        timetable=timetable.to_json(),
        timezone=dag.timezone_name,
        start_date=utc(dag.start_date),
        end_date=utc(dag.end_date),
        catchup=bool(dag.catchup),
        max_active_tasks=dag.max_active_tasks,
        max_active_runs=dag.max_active_runs,
        overlap_policy=dag.overlap_policy,
        max_consecutive_failed_dag_runs=dag.max_consecutive_failed_dag_runs,
        dagrun_timeout=seconds(dag.dagrun_timeout),
        fail_fast=dag.fail_fast,
        is_paused_upon_creation=dag.is_paused_upon_creation,
        params={name: param_json(value) for name, value in dag.params.items()},
        tags=tuple(sorted(dag.tags)),
        owners=_owners(dag.tasks),
        description=dag.description,
        display_name=dag.dag_display_name if dag.dag_display_name != dag.dag_id else None,
        doc_md=dag.doc_md,
        default_args={name: shown(value) for name, value in dag.default_args.items()},
        render_template_as_native_obj=dag.render_template_as_native_obj,
        template_searchpath=tuple(str(each) for each in dag.template_searchpath),
        edge_labels=dag.edge_labels,
        callbacks=tuple(name for name in ("success", "failure") if getattr(dag, f"on_{name}_callback")),
        deadlines=_deadlines(repr(dag), dag.deadlines),
        assets=assets.definitions(),
        listens=_listens(),
        access_control=shown(dag.access_control) if isinstance(dag.access_control, Mapping) else {},
        owner_links=dag.owner_links,
        manual_run_dates=dag.manual_run_dates,
        rerun_with_latest_version=dag.rerun_with_latest_version,
        allowed_run_types=_run_types(dag),
        era=dag.era.to_json(),
    )
    _check_levels(spec)
    for group_id in with_retries(spec):
        between = crossing(spec, group_id)
        if between is not None:
            raise DagError(
                f"TaskGroup {group_id!r} has retries, so the task {between!r} outside of it cannot stand between two of "
                "its own: move it into the group"
            )
    return spec


def _check_levels(spec: DagSpec) -> None:
    for task_id in spec.tasks:
        if depth_of(spec, task_id) > MOST_LEVELS:
            raise DagError(f"task {task_id!r} stands in more than {MOST_LEVELS} mappings, which is the most")
        try:
            measured_of(spec, task_id)
        except ValueError as error:
            raise DagError(str(error)) from error


def _owners(tasks: list[Any]) -> tuple[str, ...]:
    """Who owns the tasks; the owner of tasks that name none only where no other is named."""
    return tuple(sorted({task.owner for task in tasks} - {DEFAULT_OWNER})) or (DEFAULT_OWNER,)


def _run_types(dag: Any) -> tuple[str, ...]:
    given = dag.allowed_run_types or ()
    names = [str(getattr(each, "value", each)) for each in ([given] if isinstance(given, str) else given)]
    unknown = sorted(set(names) - set(RunType))
    if unknown:
        raise DagError(f"DAG {dag.dag_id!r}: allowed_run_types has {unknown[0]!r}; known are {', '.join(RunType)}")
    return tuple(names)


def _check_rules(dag: Any, timetable: Any) -> None:
    from orchestrator.core.params import ParamError, check_schema
    from orchestrator.core.timetables import is_continuous

    for owner in (dag, *dag.tasks):
        for name, value in owner.params.items():
            try:
                check_schema(name, value.schema if isinstance(value, Param) else {})
            except ParamError as error:
                raise DagError(f"{owner!r}: {error}") from error
    if dag.schedule is not None and timetable.can_be_scheduled:
        for name, value in dag.params.items():
            if not isinstance(value, Param):
                continue
            try:
                value.resolve()
            except ParamValidationError as error:
                raise ValueError(
                    f"DAG {dag.dag_id!r}: param {name!r} has no default that fits, so a scheduled run could not "
                    f"start: {error}"
                ) from error
    if dag.catchup and timetable.can_be_scheduled and dag.start_date is None:
        raise ValueError(f"DAG {dag.dag_id!r}: catchup needs a start_date")
    _check_policies(dag, timetable)
    if is_continuous(timetable) and dag.max_active_runs != 1:
        raise ValueError(f"DAG {dag.dag_id!r}: @continuous needs max_active_runs=1")
    for task in dag.tasks:
        if task.concurrency_key is not None:
            _check_key(dag, task)
        if dag.fail_fast and task.trigger_rule != "all_success" and not task.is_teardown:
            raise DagError(f"task {task.task_id!r}: a DAG with fail_fast can only have the trigger rule all_success")
        setups_above = [other for other in task.upstream_list if other.is_setup]
        if setups_above and not task.is_teardown and not task.is_setup and task.trigger_rule != "all_success":
            raise DagError(f"task {task.task_id!r} directly behind a setup must have the trigger rule all_success")


def _check_key(dag: Any, task: Any) -> None:
    from orchestrator.core.concurrency_key import ConcurrencyKeyError, check

    try:
        check(str(task.concurrency_key), {**dag.params, **task.params})
    except ConcurrencyKeyError as error:
        raise DagError(f"task {task.task_id!r}: concurrency_key {task.concurrency_key!r}: {error}") from error


def _check_policies(dag: Any, timetable: Any) -> None:
    if dag.manual_run_dates not in (None, *MANUAL_RUN_DATES):
        raise DagError(
            f"DAG {dag.dag_id!r}: manual_run_dates must be one of {', '.join(MANUAL_RUN_DATES)}, "
            f"not {dag.manual_run_dates!r}"
        )
    if dag.overlap_policy not in OVERLAP_POLICIES:
        raise DagError(
            f"DAG {dag.dag_id!r}: overlap_policy must be one of {', '.join(OVERLAP_POLICIES)}, not {dag.overlap_policy!r}"
        )
    if dag.overlap_policy == "queue":
        return
    if dag.catchup:
        raise DagError(
            f"DAG {dag.dag_id!r}: catchup makes up for what was left out, overlap_policy={dag.overlap_policy!r} leaves "
            "it out: choose one"
        )
    if getattr(timetable, "type", "") == "continuous":
        raise DagError(f"DAG {dag.dag_id!r}: runs of @continuous never overlap; leave overlap_policy out")


def utc(value: datetime | None) -> datetime | None:
    """An aware time in UTC as a plain datetime; a naive one is taken as UTC."""
    if value is None:
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return datetime.fromisoformat(aware.astimezone(UTC).isoformat())


def _children(group: Any) -> tuple[tuple[str, str], ...]:
    return tuple(("group" if isinstance(child, TaskGroup) else "task", key) for key, child in group.children.items())


def _group(group: Any, inside: Collection[int]) -> GroupSpec:
    parent = group.parent_group
    return GroupSpec(
        group_id=group.group_id,
        parent_id=parent.group_id if parent is not None else None,
        children=_children(group),
        map=_map(group.expand_input, deep=id(group.expand_input) in inside),
        upstream_groups=tuple(sorted(group.upstream_group_ids)),
        downstream_groups=tuple(sorted(group.downstream_group_ids)),
        upstream_tasks=tuple(sorted(group.upstream_task_ids)),
        downstream_tasks=tuple(sorted(group.downstream_task_ids)),
        retries=group.retries,
        retry_delay=group.retry_delay,
        display={
            "label": group.label,
            "tooltip": group.tooltip or "",
            "ui_color": group.ui_color,
            "ui_fgcolor": group.ui_fgcolor,
        },
    )


def _map(expand_input: Any, deep: bool = False) -> MapSpec | None:
    if expand_input is None:
        return None
    document = expand_input.spec(deep)
    return MapSpec(document["mode"], {name: _input(each) for name, each in document["inputs"].items()})


def _input(document: Mapping[str, Any]) -> InputSpec:
    parts = tuple(_input(each) for each in document.get("parts", ()))
    return InputSpec(**{**document, "parts": parts})


def _listens() -> tuple[str, ...]:
    """What the engine must have a process told of, since no attempt sees it."""
    found = [kind for kind, hook in RUN_HOOKS.items() if hears(hook)]
    found += [hook for hook in ASSET_HOOKS if hears(hook)]
    return (*found, *(f"task_{name}" for name in ("failed", "success", "skipped") if hears(TASK_HOOKS[name])))


def _deadlines(owner: str, alerts: list[Any], of_task: bool = False) -> tuple[dict[str, Any], ...]:
    for each in alerts:
        if not hasattr(each, "to_json"):
            raise DagError(f"{owner}: deadline must be a DeadlineAlert or a list of them, not {each!r}")
    return tuple(each.to_json(of_task=of_task) for each in alerts)


def _own_weights(dag: Any) -> dict[str, list[int]]:
    """What tasks weigh at each try by a rule of the author's own."""
    found = {}
    for task_id, task in dag.task_dict.items():
        if not isinstance(task.weight_rule, str):
            from .weight_rules import weights_of

            found[task_id] = weights_of(f"task {task_id!r}", task, task.weight_rule)
    return found


def _rule_name(rule: Any) -> str:
    if isinstance(rule, str):
        return rule
    from .weight_rules import path_of

    return path_of(rule)


def _task(dag: Any, task: Any, weight: int, assets: AssetsOf, try_weights: list[int]) -> TaskSpec:
    group_id = task.task_group.group_id if task.task_group is not None else None
    inline = task.inline
    has_hooks = any(getattr(task, f"on_{name}_callback") for name in CALLBACKS)
    if inline and (has_hooks or task.outlets or task._pre_execute_hook or task._post_execute_hook or task.is_mapped):
        inline = None
    return TaskSpec(
        task_id=task.task_id,
        upstream=tuple(sorted(task.upstream_task_ids)),
        group_id=group_id,
        trigger_rule=task.trigger_rule,
        operator=task.task_type,
        inline=inline,
        skips=task.skips,
        ignore_downstream_trigger_rules=bool(getattr(task, "ignore_downstream_trigger_rules", True)),
        map=_map(getattr(task, "expand_input", None)),
        map_index_template=task.map_index_template,
        is_setup=task.is_setup,
        is_teardown=task.is_teardown,
        on_failure_fail_dagrun=task.on_failure_fail_dagrun,
        depends_on_past=task.depends_on_past,
        wait_for_downstream=task.wait_for_downstream,
        ignore_first_depends_on_past=task.ignore_first_depends_on_past,
        retries=task.retries,
        retry_delay=task.retry_delay.total_seconds(),
        retry_backoff=task.retry_exponential_backoff,
        max_retry_delay=seconds(task.max_retry_delay),
        execution_timeout=seconds(task.execution_timeout),
        pool=task.pool,
        pool_slots=task.pool_slots,
        priority_weight=task.priority_weight,
        weight_rule=_rule_name(task.weight_rule),
        effective_weight=weight,
        try_weights=tuple(try_weights),
        queue=task.queue,
        max_active_tis_per_dag=task.max_active_tis_per_dag,
        max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        concurrency_key=task.concurrency_key,
        concurrency_limit=task.concurrency_limit,
        start_date=utc(task.start_date),
        end_date=utc(task.end_date),
        reschedules=bool(task.reschedules),
        callbacks=tuple(name for name in CALLBACKS if getattr(task, f"on_{name}_callback")),
        deadlines=_deadlines(f"task {task.task_id!r}", task.deadlines, of_task=True),
        email=tuple(_addresses(task.email)),
        email_on_failure=task.email_on_failure,
        email_on_retry=task.email_on_retry,
        template_files=tuple(_template_files(task)),
        inlets=assets.of_task(task, "inlets"),
        outlets=assets.of_task(task, "outlets"),
        display=_display(task),
    )


def _addresses(email: Any) -> list[str]:
    if isinstance(email, str):
        return [each.strip() for each in email.replace(";", ",").split(",") if each.strip()]
    return [str(each) for each in email or ()]


def _template_files(task: Any) -> list[str]:
    endings = tuple(task.template_ext or ())
    values = [getattr(task, name, None) for name in task.template_fields] if endings else []
    return sorted({value for value in values if isinstance(value, str) and value.endswith(endings)})


def _display(task: Any) -> dict[str, Any]:
    kind = task.operator_class
    found = {
        "label": task.label,
        "display_name": task._task_display_name,
        "operator_name": task.operator_name,
        "owner": task.owner,
        "doc_md": task.doc_md,
        "ui_color": task.ui_color,
        "ui_fgcolor": task.ui_fgcolor,
        "template_fields": list(kind.template_fields if task.is_mapped else task.template_fields),
        "params": {name: param_json(value) for name, value in task.params.items()},
        "class_ref": {"module_path": kind.__module__, "class_name": kind.__name__},
        "extra_links": sorted(link.name for link in links_for(task)),
        "link_keys": {link.name: link.xcom_key for link in links_for(task)},
        "executor_config": shown(task.executor_config),
    }
    if task.returns_dag_result:
        found["returns_dag_result"] = True
    for name in ("trigger_dag_id", "external_dag_id"):
        if isinstance(getattr(task, name, None), str):
            found[name] = getattr(task, name)
    if isinstance(getattr(task, "recursion_depth", None), int):  # an ExternalTaskMarker
        names = ("external_task_id", "logical_date", "recursion_depth")
        found["marker"] = {name: getattr(task, name) for name in names}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def shown(value: Any) -> Any:
    """A value as JSON for showing it: what has no JSON form becomes its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, timedelta):
        return iso_duration(value.total_seconds())
    if isinstance(value, datetime):
        return str(utc(value).isoformat()).replace("+00:00", "Z")  # type: ignore[union-attr]
    if isinstance(value, Mapping):
        return {str(key): shown(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        # In one order: each process has its own for a set, and would make another version of the same DAG.
        return sorted((shown(each) for each in value), key=repr)
    if isinstance(value, (list, tuple)):
        return [shown(each) for each in value]
    return str(value)
