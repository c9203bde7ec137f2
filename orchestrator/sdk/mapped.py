"""Dynamic mapping: ``Operator.partial(...).expand(...)``, and groups expanded over their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .context import current_dag, current_group
from .operator import BaseOperator, parameters_of
from .xcom_arg import RETURN_KEY, PlainXComArg, XComArg, resolve


def input_spec(value: Any) -> dict[str, Any]:
    """What the engine must know of one mapped argument: its length, or where that comes from."""
    if isinstance(value, XComArg):
        return value.input_spec()
    if isinstance(value, MappedArgument):
        return {"kind": "arg", "name": value.name}
    return {"kind": "literal", "length": len(value)}


class ExpandInput:
    """What is mapped over: arguments by name (``expand``), or one list of argument dicts (``expand_kwargs``)."""

    def __init__(self, mode: str, inputs: dict[str, Any]) -> None:
        self.mode, self.inputs = mode, inputs
        for name, value in inputs.items():
            is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
            if not (is_list or isinstance(value, (Mapping, XComArg, MappedArgument))) or (
                mode == "expand_kwargs" and isinstance(value, Mapping)
            ):
                what = f"{name!r}" if name else "expand_kwargs"
                raise ValueError(
                    f"{mode}() got an unexpected type {type(value).__name__!r} for {what}: only lists and dicts can be mapped over"
                )

    def args(self) -> Iterable[XComArg]:
        return XComArg.iter_in(self.inputs)

    def spec(self) -> dict[str, Any]:
        return {"mode": self.mode, "inputs": {name: input_spec(value) for name, value in self.inputs.items()}}

    def element(self, context: Mapping[str, Any], index: int) -> dict[str, Any]:
        """Return the arguments of instance ``index``; the last input runs fastest."""
        if self.mode == "expand_kwargs":
            values = resolve(self.inputs[""], context)
            found = resolve_deep(_at(values, index), context)
            if not isinstance(found, Mapping):
                raise ValueError(f"expand_kwargs() expects a list of dicts, not a {type(found).__name__}")
            return dict(found)
        values = {name: resolve(value, context) for name, value in self.inputs.items()}
        chosen: dict[str, Any] = {}
        for name in reversed(values):
            index, place = divmod(index, max(1, len(values[name])))
            chosen[name] = resolve_deep(_at(values[name], place), context)
        return {name: chosen[name] for name in values}


def is_mapped_over(task: Any) -> bool:
    """Whether another task, or a group, expands over the return value of ``task``."""
    known = task.dag.__dict__.get("_mapped_over")
    return task.task_id in (mapped_over(task.dag) if known is None else known)


def mapped_over(dag: Any) -> frozenset[str]:
    """Return the ids of the tasks whose return values others expand over."""
    inputs = [other.expand_input for other in dag.tasks if other.is_mapped]
    inputs += [group.expand_input for group in dag.groups.values() if group.expand_input is not None]
    values = [value for each in inputs for value in each.inputs.values()]
    plain = [value for value in values if isinstance(value, PlainXComArg) and value.key == RETURN_KEY]
    return frozenset(value.operator.task_id for value in plain)


def _at(values: Any, index: int) -> Any:
    if isinstance(values, Mapping):
        return list(values.items())[index]
    return values[index]


def resolve_deep(value: Any, context: Mapping[str, Any]) -> Any:
    """Resolve XComArgs inside literal lists and dicts."""
    if isinstance(value, (XComArg, MappedArgument)):
        return value.resolve(context)
    if isinstance(value, dict):
        return {key: resolve_deep(each, context) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(resolve_deep(each, context) for each in value)
    return value


class MappedArgument:
    """One argument of a mapped group, as its function sees it."""

    def __init__(self, group_input: ExpandInput, name: str) -> None:
        self.group_input, self.name = group_input, name

    def resolve(self, context: Mapping[str, Any]) -> Any:
        ti = context["ti"]
        return self.group_input.element(context, ti.map_index)[self.name]

    def __iter__(self) -> Any:
        raise TypeError(f"the mapped argument {self.name!r} has no value until the group runs")


class OperatorPartial:
    """``Operator.partial(...)``: waits for ``expand`` or ``expand_kwargs``."""

    def __init__(self, operator_class: type, kwargs: dict[str, Any]) -> None:
        self.operator_class, self.kwargs = operator_class, kwargs
        check_names(operator_class, kwargs, "partial")

    def expand(self, **mapped: Any) -> MappedOperator:
        if not mapped:
            raise TypeError("no arguments to expand against")
        check_names(self.operator_class, mapped, "expand")
        twice = mapped.keys() & self.kwargs.keys()
        if twice:
            raise TypeError(
                f"{self.operator_class.__name__}.expand() got arguments that partial() has already: {sorted(twice)}"
            )
        return MappedOperator(self.operator_class, self.kwargs, ExpandInput("expand", mapped))

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> MappedOperator:
        return MappedOperator(self.operator_class, self.kwargs, ExpandInput("expand_kwargs", {"": kwargs}))


NOT_MAPPABLE = frozenset(
    {"task_id", "dag", "task_group", "trigger_rule", "depends_on_past", "wait_for_downstream", "start_date", "end_date"}
)


def check_names(operator_class: type, kwargs: Iterable[str], where: str) -> None:
    unknown = [name for name in kwargs if name not in parameters_of(operator_class)]
    if unknown:
        raise TypeError(
            f"{operator_class.__name__}.{where}() got unexpected keyword arguments: {', '.join(sorted(unknown))}"
        )
    fixed = [name for name in kwargs if name in NOT_MAPPABLE] if where == "expand" else []
    if fixed:
        raise TypeError(f"{operator_class.__name__}.expand() cannot map over {', '.join(sorted(fixed))}")


class MappedOperator(BaseOperator):
    """A task that becomes as many instances as its input has elements.

    Carries the plain task's settings; the operator itself is made for one instance by ``unmap``.
    """

    is_mapped = True

    def __init__(
        self,
        operator_class: type,
        partial_kwargs: dict[str, Any],
        expand_input: ExpandInput,
        *,
        field: str | None = None,
        **kwargs: Any,
    ) -> None:
        own = {name: value for name, value in kwargs.items() if name in parameters_of(BaseOperator)}
        super().__init__(**own)
        self.mapped_class = operator_class
        self.partial_kwargs = partial_kwargs
        self.expand_input = expand_input
        self.field = field  # the argument that the mapped values go into: op_kwargs of a decorated function
        for name in ("template_fields", "template_ext", "ui_color", "ui_fgcolor", "operator_extra_links", "skips"):
            setattr(self, name, getattr(operator_class, name))

    def after_init(self) -> None:
        for arg in [*XComArg.iter_in(self.partial_kwargs), *self.expand_input.args()]:
            for operator in arg.operators():
                operator.add_downstream(self)
        if self.field:
            self.template_fields = [name for name in self.template_fields if name != self.field]
        super().after_init()

    @property
    def task_type(self) -> str:
        return self.mapped_class.__name__

    @property
    def operator_name(self) -> str:
        return getattr(self.mapped_class, "custom_operator_name", self.task_type)

    operator_class = property(lambda self: self.mapped_class)

    def unmap_for(self, context: Any, map_index: int) -> Any:
        """Return the operator of one instance, with its element of the mapped input filled in."""
        element = self.expand_input.element(context, map_index)
        kwargs = dict(self.partial_kwargs)
        if self.field:
            given = kwargs.get(self.field, {})
            if given.keys() & element.keys():
                raise TypeError(
                    f"mapped arguments were given to partial() too: {sorted(given.keys() & element.keys())}"
                )
            kwargs[self.field] = {**given, **element}
        else:
            twice = element.keys() & kwargs.keys()
            if twice - {"params"}:
                raise TypeError(f"mapped arguments were given to partial() too: {sorted(twice)}")
            kwargs.update(element)
        return detached(self, kwargs)

    def iter_mapped_dependencies(self) -> Iterable[Any]:
        for arg in self.expand_input.args():
            yield from arg.operators()


# The metaclass takes keyword arguments only; a mapped task is made from three things and the partial's arguments.
def _make(
    cls: Any, operator_class: type, partial_kwargs: dict[str, Any], expand_input: ExpandInput, **extra: Any
) -> Any:
    group = partial_kwargs.get("task_group") or current_group()
    dag = partial_kwargs.get("dag") or (group.dag if group is not None else None) or current_dag()
    defaults = dict(dag.default_args) if dag is not None else {}
    while group is not None:
        defaults = {**defaults, **group.default_args}
        group = group.parent_group
    defaults.update(partial_kwargs.get("default_args") or {})
    known = parameters_of(operator_class)
    kwargs = {name: value for name, value in defaults.items() if name in known and name not in {"task_id", "params"}}
    kwargs.update({name: value for name, value in partial_kwargs.items() if name != "default_args"})
    operator = object.__new__(cls)
    operator.__init__(
        operator_class, kwargs, expand_input, **extra, **{k: v for k, v in kwargs.items() if k != "field"}
    )
    operator.after_init()
    return operator


class _MappedMeta(type(BaseOperator)):  # type: ignore[misc]
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return _make(cls, *args, **kwargs)


MappedOperator.__class__ = _MappedMeta


def detached(mapped: MappedOperator, kwargs: dict[str, Any]) -> Any:
    """Make the real operator under the mapped task's id, without adding it to the DAG again."""
    kwargs = {
        name: value for name, value in kwargs.items() if name not in {"task_id", "dag", "task_group", "default_args"}
    }
    operator = mapped.mapped_class.__new__(mapped.mapped_class)
    from .context import Defining

    saved = Defining.dags, Defining.groups, Defining.setups
    Defining.dags, Defining.groups, Defining.setups = [], [], []
    try:
        operator.__init__(task_id=mapped.label, **kwargs)
    finally:
        Defining.dags, Defining.groups, Defining.setups = saved
    operator.task_id, operator.dag, operator.task_group = mapped.task_id, mapped.dag, mapped.task_group
    operator.upstream_task_ids, operator.downstream_task_ids = mapped.upstream_task_ids, mapped.downstream_task_ids
    operator.is_setup, operator.is_teardown = mapped.is_setup, mapped.is_teardown
    operator.trigger_rule, operator.map_index_template = mapped.trigger_rule, mapped.map_index_template
    return operator
