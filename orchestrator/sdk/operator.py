"""BaseOperator: what every task has in common."""

from __future__ import annotations

import logging
import os
import re
from abc import ABCMeta
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from .context import Defining, current_dag, current_group
from .edges import DependencyMixin
from .exceptions import DagError, TaskDeferred

KEY = re.compile(r"[\w.-]+")
LONGEST_ID = 250
RULES = frozenset(
    {
        *("all_success", "all_failed", "all_done", "all_done_min_one_success", "all_done_setup_success", "all_skipped"),
        *(
            "one_success",
            "one_failed",
            "one_done",
            "none_failed",
            "none_failed_min_one_success",
            "none_skipped",
            "always",
        ),
    }
)
OLD_RULES = {"none_failed_or_skipped": "none_failed_min_one_success", "dummy": "always"}
WEIGHT_RULES = frozenset({"downstream", "upstream", "absolute"})
DEFAULT_OWNER = "airflow"
CALLBACKS = ("execute", "success", "failure", "retry", "skipped")


_WORDS = {int: "an integer", str: "a text", bool: "true or false", datetime: "a datetime"}
_TYPES: dict[type, tuple[str, ...]] = {
    int: ("pool_slots", "max_active_tis_per_dag", "max_active_tis_per_dagrun"),
    str: ("queue", "pool", "run_as_user", "map_index_template", "executor", "doc_md", "logger_name"),
    bool: (
        *("email_on_retry", "email_on_failure", "depends_on_past", "ignore_first_depends_on_past"),
        *("wait_for_past_depends_before_skipping", "wait_for_downstream", "do_xcom_push", "multiple_outputs"),
    ),
    datetime: ("start_date", "end_date"),
}


def check_id(what: str, value: Any) -> str:
    """Return ``value`` if it can be an id: 1 to 250 letters, digits, dots, dashes and underscores."""
    if not isinstance(value, str):
        raise TypeError(f"The {what} has to be a string, not {type(value).__name__}: {value!r}")
    if not 0 < len(value) <= LONGEST_ID:
        raise DagError(f"The {what} {value[:40]!r} has {len(value)} characters; 1 to {LONGEST_ID} are allowed")
    if not KEY.fullmatch(value):
        raise DagError(
            f"The {what} {value!r} has to be made of alphanumeric characters, dashes, dots, and underscores exclusively"
        )
    return value


def _whole(what: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what!r} must be an integer, not {value!r}") from None


def check_text(what: str, value: Any) -> str:
    """Return ``value`` if it is a text with something in it, of at most 1500 characters."""
    if not isinstance(value, str) or not value.strip() or len(value) > 1500:
        raise DagError(f"The {what} must be a text of 1 to 1500 characters, not {value!r:.100}")
    return value


def as_list(value: Any) -> list[Any]:
    """One thing, several, or none, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


def seconds(value: Any) -> float | None:
    """A timedelta or a number of seconds, as seconds."""
    if value is None:
        return None
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def deferrable_or_default(given: bool | None) -> bool:
    """Whether an operator gives its slot back while it waits; unless it says, as ``AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE`` does."""
    if given is not None:
        return given
    return os.environ.get("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "").strip().lower() in {
        "true",
        "t",
        "1",
        "yes",
        "on",
    }


_parameters: dict[type, frozenset[str]] = {}


def parameters_of(cls: type) -> frozenset[str]:
    """The names of all arguments that a class and its bases take."""
    if cls not in _parameters:
        names: set[str] = set()
        for base in cls.__mro__:
            init = base.__dict__.get("__init__")
            code = getattr(getattr(init, "__wrapped__", init), "__code__", None)
            if code is not None:
                names.update(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])
        _parameters[cls] = frozenset(names)
    return _parameters[cls]


class OperatorMeta(ABCMeta):
    """Fills in ``default_args`` of DAG, groups and call before a class's own ``__init__`` sees its arguments."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if args:
            raise TypeError(f"Use keyword arguments when initializing operators: {cls.__name__}")
        group = kwargs.get("task_group") or current_group()
        dag = kwargs.get("dag") or (group.dag if group is not None else None) or current_dag()
        defaults: dict[str, Any] = dict(dag.default_args) if dag is not None else {}
        chain = []
        while group is not None:
            chain.append(group)
            group = group.parent_group
        for each in reversed(chain):
            defaults.update(each.default_args)
        defaults.update(kwargs.pop("default_args", None) or {})
        known = parameters_of(cls)
        for name, value in defaults.items():
            if name in known and name not in kwargs and name not in {"task_id", "params"}:
                kwargs[name] = value
        if isinstance(defaults.get("params"), Mapping):
            kwargs["params"] = {**defaults["params"], **(kwargs.get("params") or {})}
        operator = super().__call__(**kwargs)
        operator.after_init()
        return operator


class BaseOperator(DependencyMixin, metaclass=OperatorMeta):
    """One task of a DAG. Subclasses do their work in ``execute(context)``; what it returns is the task's XCom."""

    template_fields: Collection[str] = ()
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {}
    operator_extra_links: Collection[Any] = ()
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    custom_operator_name: str
    inline: str | None = None
    skips: str | None = None
    reschedules = False
    is_mapped = False
    start_from_trigger = False
    """Whether the task begins by waiting: ``start_trigger_args`` then says for which trigger, and where it goes on."""
    start_trigger_args: Any = None
    values_of_others: Sequence[Any] = ()
    """Mapped arguments that other tasks pushed: whatever is in them, they are no templates."""

    def __init__(
        self,
        *,
        task_id: str,
        owner: str = DEFAULT_OWNER,
        email: str | Iterable[str] | None = None,
        email_on_retry: bool = True,
        email_on_failure: bool = True,
        retries: int | None = None,
        retry_delay: timedelta | float = timedelta(seconds=300),
        retry_exponential_backoff: bool | float = False,
        max_retry_delay: timedelta | float | None = None,
        retry_policy: Any = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        depends_on_past: bool = False,
        ignore_first_depends_on_past: bool = False,
        wait_for_past_depends_before_skipping: bool = False,
        wait_for_downstream: bool = False,
        dag: Any = None,
        params: Mapping[str, Any] | None = None,
        priority_weight: int = 1,
        weight_rule: Any = "downstream",
        queue: str = "default",
        pool: str | None = None,
        pool_slots: int = 1,
        execution_timeout: timedelta | None = None,
        on_execute_callback: Any = None,
        on_failure_callback: Any = None,
        on_success_callback: Any = None,
        on_retry_callback: Any = None,
        on_skipped_callback: Any = None,
        deadline: Any = None,
        pre_execute: Callable[[Any], None] | None = None,
        post_execute: Callable[[Any, Any], None] | None = None,
        trigger_rule: str = "all_success",
        resources: Any = None,
        run_as_user: str | None = None,
        map_index_template: str | None = None,
        max_active_tis_per_dag: int | None = None,
        max_active_tis_per_dagrun: int | None = None,
        concurrency_key: str | None = None,
        concurrency_limit: int = 1,
        executor: str | None = None,
        executor_config: dict[str, Any] | None = None,
        do_xcom_push: bool = True,
        multiple_outputs: bool = False,
        inlets: Any = None,
        outlets: Any = None,
        task_group: Any = None,
        doc: str | None = None,
        doc_md: str | None = None,
        doc_json: str | None = None,
        doc_yaml: str | None = None,
        doc_rst: str | None = None,
        task_display_name: str | None = None,
        logger_name: str | None = None,
        allow_nested_operators: bool = True,
        render_template_as_native_obj: bool | None = None,
        task_concurrency: int | None = None,
        provide_context: bool | None = None,
        sla: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(
                f"Invalid arguments were passed to {type(self).__name__} (task_id: {task_id}). "
                f"Invalid arguments were: **kwargs: {kwargs}"
            )
        self.task_group = task_group if task_group is not None else current_group()
        group_dag = self.task_group.dag if self.task_group is not None else None
        self.dag = dag if dag is not None else (group_dag or current_dag())
        if self.task_group is None and self.dag is not None:
            self.task_group = self.dag.task_group
        check_id("task_id", task_id)
        self.label = task_id
        self.task_id = self.task_group.child_id(task_id) if self.task_group is not None else task_id
        if len(self.task_id) > LONGEST_ID:
            raise DagError(
                f"The task_id {self.task_id[:40]!r}... has {len(self.task_id)} characters; {LONGEST_ID} are allowed"
            )
        self.owner = owner or DEFAULT_OWNER
        self.email = email
        self.email_on_retry = email_on_retry
        self.email_on_failure = email_on_failure
        self.retries = 0 if retries is None else _whole("retries", retries)
        self.retry_delay = retry_delay if isinstance(retry_delay, timedelta) else timedelta(seconds=retry_delay)
        if not isinstance(retry_exponential_backoff, (int, float)):
            raise TypeError(f"'retry_exponential_backoff' must be a number, not {retry_exponential_backoff!r}")
        self.retry_exponential_backoff = 2.0 if retry_exponential_backoff is True else float(retry_exponential_backoff)
        self.max_retry_delay = timedelta(seconds=seconds(max_retry_delay) or 0) if max_retry_delay is not None else None
        self.retry_policy = retry_policy
        self.start_date = start_date
        self.end_date = end_date
        self.depends_on_past = depends_on_past or wait_for_downstream
        self.ignore_first_depends_on_past = ignore_first_depends_on_past
        self.wait_for_past_depends_before_skipping = wait_for_past_depends_before_skipping
        self.wait_for_downstream = wait_for_downstream
        self.params = dict(params or {})
        self.priority_weight = priority_weight
        self.weight_rule = getattr(weight_rule, "value", weight_rule)
        self.queue = queue
        self.pool = pool or "default_pool"
        self.pool_slots = pool_slots
        self.execution_timeout = execution_timeout
        self.on_execute_callback = as_list(on_execute_callback)
        self.on_failure_callback = as_list(on_failure_callback)
        self.on_success_callback = as_list(on_success_callback)
        self.on_retry_callback = as_list(on_retry_callback)
        self.on_skipped_callback = as_list(on_skipped_callback)
        self.deadlines = as_list(deadline)
        self._pre_execute_hook = pre_execute
        self._post_execute_hook = post_execute
        self.trigger_rule = OLD_RULES.get(
            str(getattr(trigger_rule, "value", trigger_rule)), str(getattr(trigger_rule, "value", trigger_rule))
        )
        self.resources = resources
        self.run_as_user = run_as_user
        self.map_index_template = map_index_template
        self.max_active_tis_per_dag = max_active_tis_per_dag if max_active_tis_per_dag is not None else task_concurrency
        self.max_active_tis_per_dagrun = max_active_tis_per_dagrun
        self.concurrency_key = concurrency_key
        self.concurrency_limit = concurrency_limit
        self.executor = executor
        self.executor_config = executor_config or {}
        self.do_xcom_push = do_xcom_push
        self.multiple_outputs = multiple_outputs
        self.inlets = as_list(inlets)
        self.outlets = as_list(outlets)
        self.doc_md = doc_md if doc_md is not None else doc
        self.doc_json, self.doc_yaml, self.doc_rst = doc_json, doc_yaml, doc_rst
        self._task_display_name = task_display_name
        self.logger_name = logger_name
        self.render_template_as_native_obj = render_template_as_native_obj
        self.is_setup = False
        self.is_teardown = False
        self.returns_dag_result = False
        self.on_failure_fail_dagrun = False
        self.upstream_task_ids: set[str] = set()
        self.downstream_task_ids: set[str] = set()
        self._check()
        if self.dag is not None:
            self.dag.add_task(self)

    def _check(self) -> None:
        where = f"task {self.task_id!r}"
        if self.trigger_rule not in RULES:
            raise DagError(f"{where}: The trigger_rule must be one of {sorted(RULES)}, not {self.trigger_rule!r}")
        if self.weight_rule not in WEIGHT_RULES:
            from .weight_rules import strategy_of

            self.weight_rule = strategy_of(where, self.weight_rule)
        if isinstance(self.priority_weight, bool) or not isinstance(self.priority_weight, int):
            raise TypeError(f"{where}: `priority_weight` must be an integer, not {self.priority_weight!r}")
        for kind, names in _TYPES.items():
            for name in names:
                value = getattr(self, name)
                if value is not None and not isinstance(value, kind):
                    raise TypeError(f"{where}: {name!r} must be {_WORDS[kind]}, not {value!r}")
        if self.execution_timeout is not None and not isinstance(self.execution_timeout, timedelta):
            raise DagError(
                f"{where}: execution_timeout must be timedelta object but passed as type: {type(self.execution_timeout)}"
            )
        if self.pool_slots < 1:
            raise DagError(f"{where}: pool slots for {self.task_id} cannot be less than 1")
        if isinstance(self.concurrency_limit, bool) or not isinstance(self.concurrency_limit, int):
            raise DagError(f"{where}: concurrency_limit must be an integer, not {self.concurrency_limit!r}")
        if self.concurrency_limit < 1:
            raise DagError(f"{where}: concurrency_limit cannot be less than 1")
        if self.retries < 0:
            raise DagError(f"{where}: retries cannot be less than 0")
        if self.retry_policy is not None and not callable(getattr(self.retry_policy, "evaluate", None)):
            raise DagError(f"{where}: retry_policy must be a RetryPolicy, not {self.retry_policy!r}")

    def after_init(self) -> None:
        """Called once the whole object stands: arguments that are other tasks' results become arrows."""
        from .xcom_arg import XComArg

        for name in self.template_fields:
            for arg in XComArg.iter_in(getattr(self, name, None)):
                for operator in arg.operators():
                    operator.add_downstream(self)
        if self.start_from_trigger and self.start_trigger_args is not None:
            self._check_start_trigger()
        if Defining.setups and self.dag is not None:
            Defining.setups[-1].take_in(self)

    def _check_start_trigger(self) -> None:
        unfit = [name for name, value in (self.start_trigger_args.trigger_kwargs or {}).items() if callable(value)]
        if unfit:
            raise DagError(
                f"{self.task_type} with task_id '{self.task_id}' has a callable in trigger kwargs named '{unfit[0]}', "
                "which is not allowed when start_from_trigger is enabled."
            )

    # ---- arrows

    def heads(self) -> list[Any]:
        return [self]

    def add_downstream(self, other: Any) -> None:
        """Draw one arrow to another operator."""
        if self.dag is None and other.dag is not None:
            other.dag.adopt(self)
        elif other.dag is None and self.dag is not None:
            self.dag.adopt(other)
        if self.dag is None or other.dag is None:
            raise DagError(
                f"Tried to create relationships between tasks that don't have DAGs yet: {self.task_id}, {other.task_id}"
            )
        if self.dag is not other.dag:
            raise DagError(
                f"Tried to set relationships between tasks in more than one DAG: {self.task_id}, {other.task_id}"
            )
        self.downstream_task_ids.add(other.task_id)
        other.upstream_task_ids.add(self.task_id)

    @property
    def upstream_list(self) -> list[Any]:
        return [self.dag.get_task(task_id) for task_id in sorted(self.upstream_task_ids)]

    @property
    def downstream_list(self) -> list[Any]:
        return [self.dag.get_task(task_id) for task_id in sorted(self.downstream_task_ids)]

    def get_flat_relative_ids(self, *, upstream: bool = False) -> set[str]:
        """Ids of everything above or below."""
        found: set[str] = set()
        pending = [self.task_id]
        while pending:
            task = self.dag.get_task(pending.pop())
            for other in task.upstream_task_ids if upstream else task.downstream_task_ids:
                if other not in found:
                    found.add(other)
                    pending.append(other)
        return found

    def get_flat_relatives(self, upstream: bool = False) -> list[Any]:
        return [self.dag.get_task(task_id) for task_id in sorted(self.get_flat_relative_ids(upstream=upstream))]

    def get_direct_relative_ids(self, upstream: bool = False) -> set[str]:
        return {each.task_id for each in self.get_direct_relatives(upstream)}

    def get_direct_relatives(self, upstream: bool = False) -> list[Any]:
        return self.upstream_list if upstream else self.downstream_list

    # ---- setup and teardown

    def as_setup(self) -> Any:
        self.is_setup = True
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> Any:
        self.is_teardown = True
        self.trigger_rule = "all_done_setup_success"
        if on_failure_fail_dagrun is not None:
            self.on_failure_fail_dagrun = on_failure_fail_dagrun
        for setup in as_list(setups):
            for operator in setup.heads():
                operator.is_setup = True
                operator.add_downstream(self)
        return self

    def __enter__(self) -> Any:
        from .setups import open_scope

        return open_scope(self)

    def __exit__(self, *error: object) -> None:
        Defining.setups.pop()

    # ---- what it is called

    @property
    def task_type(self) -> str:
        return type(self).__name__

    @property
    def operator_name(self) -> str:
        return getattr(self, "custom_operator_name", self.task_type)

    operator_class = property(lambda self: type(self))

    @property
    def task_display_name(self) -> str:
        return self._task_display_name or self.task_id

    @property
    def dag_id(self) -> str:
        return self.dag.dag_id if self.dag is not None else f"adhoc_{self.owner}"

    @property
    def output(self) -> Any:
        from .xcom_arg import PlainXComArg

        return PlainXComArg(self)

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(self.logger_name or f"{type(self).__module__}.{type(self).__qualname__}")

    def __repr__(self) -> str:
        return f"<Task({self.task_type}): {self.task_id}>"

    def __hash__(self) -> int:
        return id(self)

    # ---- running

    def prepare_for_execution(self) -> Any:
        """Return a copy for one attempt: rendering its fields must leave the DAG's own task as it was written."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def pre_execute(self, context: Any) -> None:
        if self._pre_execute_hook is not None:
            self._pre_execute_hook(context)

    def execute(self, context: Any) -> Any:
        raise DagError(f"{self.task_type} (task {self.task_id!r}) defines no execute() method")

    def post_execute(self, context: Any, result: Any = None) -> None:
        if self._post_execute_hook is not None:
            self._post_execute_hook(context, result)

    def on_kill(self) -> None:
        """Override to clean up when the task is cancelled or times out."""

    def defer(
        self, *, trigger: Any, method_name: str, kwargs: dict[str, Any] | None = None, timeout: Any = None
    ) -> None:
        """Give the slot back until ``trigger`` fires; the task goes on in ``method_name``."""
        raise TaskDeferred(trigger=trigger, method_name=method_name, kwargs=kwargs, timeout=timeout)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        from .exceptions import TaskDeferralError, TaskDeferralTimeout

        kwargs = dict(next_kwargs or {})
        if next_method == "__fail__":
            error = kwargs.get("error", "the trigger failed")
            raise TaskDeferralTimeout(error) if error == "Trigger timeout" else TaskDeferralError(error)
        return getattr(self, next_method)(context, **kwargs)

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        from .templating import render_fields

        render_fields(self, context, jinja_env)

    def _do_render_template_fields(
        self, parent: Any, template_fields: Iterable[str], context: Any, jinja_env: Any, seen_oids: set[int]
    ) -> None:
        """Operators of packages call this, and override it to prepare a field first."""
        from .templating import render_attributes

        render_attributes(self, parent, template_fields, context, jinja_env, seen_oids)

    def _render_nested_template_fields(self, value: Any, context: Any, jinja_env: Any, seen_oids: set[int]) -> None:
        """Operators of packages override this for objects that do not name their template fields (pods, volumes)."""
        from .templating import render_nested

        render_nested(self, value, context, jinja_env, seen_oids)

    def render_template(self, content: Any, context: Any, jinja_env: Any = None, seen_oids: Any = None) -> Any:
        from .templating import render_value

        return render_value(self, content, context, jinja_env)

    def get_template_env(self, dag: Any = None) -> Any:
        from .templating import environment

        return environment(dag or self.dag, self.render_template_as_native_obj)

    def resolve_template_files(self) -> None:
        """Kept for operators that call it: files are read while the fields are rendered."""

    def xcom_push(self, context: Any, key: str, value: Any) -> None:
        context["ti"].xcom_push(key=key, value=value)

    def xcom_pull(self, context: Any, task_ids: Any = None, key: str = "return_value", **kwargs: Any) -> Any:
        return context["ti"].xcom_pull(task_ids=task_ids, key=key, **kwargs)

    # ---- mapping

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        from .mapped import OperatorPartial

        return OperatorPartial(cls, kwargs)

    def iter_mapped_task_groups(self) -> Iterable[Any]:
        group = self.task_group
        while group is not None:
            if group.expand_input is not None:
                yield group
            group = group.parent_group


__all__ = ["BaseOperator", "as_list", "check_id", "check_text", "parameters_of", "seconds"]
