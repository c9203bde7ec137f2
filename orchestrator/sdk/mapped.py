"""Dynamic mapping: ``Operator.partial(...).expand(...)``, and groups expanded over their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .context import current_dag, current_group
from .operator import BaseOperator, parameters_of
from .xcom_arg import RETURN_KEY, PlainXComArg, XComArg, elements


def input_spec(value: Any, deep: bool = False) -> dict[str, Any]:
    """What the engine must know of one mapped argument: its length, or where that comes from.

    ``deep``: also that of its elements, since an inner mapping goes over them.
    """
    if isinstance(value, XComArg):
        return value.input_spec()
    if isinstance(value, MappedArgument):
        return {"kind": "arg", "name": value.name, "group": value.group_input.group.group_id}
    if not deep:
        return {"kind": "literal", "length": len(value)}
    if isinstance(value, Mapping):
        parts = [{**input_spec(each, deep), "name": str(name)} for name, each in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        parts = [input_spec(each, deep) for each in value]
    else:
        return {"kind": "literal"}
    return {"kind": "literal", "length": len(value), "parts": parts}


class ExpandInput:
    """What is mapped over: arguments by name (``expand``), or one list of argument dicts (``expand_kwargs``)."""

    def __init__(self, mode: str, inputs: dict[str, Any], what: str = "") -> None:
        self.mode, self.inputs = mode, inputs
        self.group: Any = None  # that is mapped by it
        if mode == "expand_kwargs":
            _check_dicts(inputs[""])
        for name, value in inputs.items():
            is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
            if not (is_list or isinstance(value, (Mapping, XComArg, MappedArgument))):
                raise ValueError(
                    f"{what}expand() got an unexpected type {type(value).__name__!r} for keyword argument {name}: "
                    "only lists and dicts can be mapped over"
                )
        for arg in self.args():
            _check_key(arg)

    def args(self) -> Iterable[XComArg]:
        return XComArg.iter_in(self.inputs)

    def spec(self, deep: bool = False) -> dict[str, Any]:
        return {"mode": self.mode, "inputs": {name: input_spec(value, deep) for name, value in self.inputs.items()}}

    def element(self, context: Mapping[str, Any], index: int, pushed: list[Any] | None = None) -> dict[str, Any]:
        """Return the arguments of instance ``index``; the last input runs fastest.

        ``pushed`` takes the values that come from other tasks: they are no templates, whatever is in them.
        """
        pushed = [] if pushed is None else pushed
        if self.mode == "expand_kwargs":
            return self._kwargs(context, index, pushed)
        values = {name: elements(value, context) for name, value in self.inputs.items()}
        chosen: dict[str, Any] = {}
        for name in reversed(values):
            index, place = divmod(index, max(1, len(values[name])))
            chosen[name] = _at(values[name], place)
            if isinstance(self.inputs[name], (XComArg, MappedArgument)):
                pushed.append(chosen[name])
            else:
                chosen[name] = resolve_deep(chosen[name], context, pushed)
        return {name: chosen[name] for name in values}

    def _kwargs(self, context: Mapping[str, Any], index: int, pushed: list[Any]) -> dict[str, Any]:
        values = elements(self.inputs[""], context)
        if not isinstance(values, Sequence):
            raise ValueError(f"expand_kwargs() expects a list[dict], not {_kind(values)}")
        found = resolve_deep(values[index], context, pushed)
        if not isinstance(found, Mapping):
            raise ValueError(f"expand_kwargs() expects a list[dict], not list[{_kind(found)}]")
        for key in found:
            if not isinstance(key, str):
                raise ValueError(
                    f"expand_kwargs() input dict keys must all be str, but {key!r} is of type {_kind(key)}"
                )
        return dict(found)


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _check_dicts(value: Any) -> None:
    """Refuse what can be no list of argument dicts."""
    fits = isinstance(value, XComArg) or (
        isinstance(value, Sequence) and all(isinstance(each, (XComArg, Mapping)) for each in value)
    )
    if not fits:
        raise TypeError(f"expected XComArg or list[dict], not {type(value).__name__}")


def _check_key(arg: XComArg) -> None:
    if isinstance(arg, PlainXComArg) and arg.key != RETURN_KEY:
        raise ValueError(f"cannot map over XCom with custom key {arg.key!r} from {arg.operator}")


def is_mapped_over(task: Any) -> bool:
    """Whether another task, or a group, expands over the return value of ``task``."""
    known = task.dag.__dict__.get("_mapped_over")
    return task.task_id in (mapped_over(task.dag) if known is None else known)


def mapped_over(dag: Any) -> frozenset[str]:
    """Return the ids of the tasks whose return values others expand over."""
    found = set()
    for group, each in mappings(dag):
        for value in each.inputs.values():
            if isinstance(value, PlainXComArg) and value.key == RETURN_KEY:
                own = list(value.operator.iter_mapped_task_groups())
                is_beside = all(any(one is other for other in _outwards(group)) for one in own)
                if is_beside or len(own) < 2:  # else what is mapped over are the results of all its instances
                    found.add(value.operator.task_id)
    return frozenset(found)


def mappings(dag: Any) -> Iterable[tuple[Any, ExpandInput]]:
    """All that is mapped over, each with the group that it stands in."""
    yield from ((task.task_group, task.expand_input) for task in dag.tasks if task.is_mapped)
    yield from ((each.parent_group, each.expand_input) for each in dag.groups.values() if each.expand_input is not None)


def _outwards(group: Any) -> Iterable[Any]:
    while group is not None:
        yield group
        group = group.parent_group


def mapped_inside(dag: Any) -> frozenset[int]:
    """The inputs (by their ``id``) over whose elements inner mappings go."""
    found: set[int] = set()
    pending = [value for _, each in mappings(dag) for value in each.inputs.values()]
    while pending:
        value = pending.pop()
        if isinstance(value, MappedArgument):
            if id(value.group_input) not in found:
                found.add(id(value.group_input))
                pending += value.group_input.inputs.values()
        elif isinstance(value, XComArg):
            pending += [getattr(value, "arg", None), *getattr(value, "args", ())]
    return frozenset(found)


def _at(values: Any, index: int) -> Any:
    if isinstance(values, Mapping):
        return list(values.items())[index]
    return values[index]


def resolve_deep(value: Any, context: Mapping[str, Any], pushed: list[Any]) -> Any:
    """Resolve XComArgs inside literal lists and dicts; what they give goes into ``pushed``, too."""
    if isinstance(value, (XComArg, MappedArgument)):
        pushed.append(value.resolve(context))
        return pushed[-1]
    if isinstance(value, dict):
        return {key: resolve_deep(each, context, pushed) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(resolve_deep(each, context, pushed) for each in value)
    return value


class MappedArgument:
    """One argument of a mapped group, as its function sees it."""

    def __init__(self, group_input: ExpandInput, name: str) -> None:
        self.group_input, self.name = group_input, name

    def resolve(self, context: Mapping[str, Any]) -> Any:
        ti = context["ti"]
        around = list(ti.task.iter_mapped_task_groups())[::-1]
        level = next((n for n, group in enumerate(around) if group is self.group_input.group), -1)
        return self.group_input.element(context, ti.map_path[level])[self.name]

    def __iter__(self) -> Any:
        raise TypeError(f"the mapped argument {self.name!r} has no value until the group runs")


class OperatorPartial:
    """``Operator.partial(...)``: waits for ``expand`` or ``expand_kwargs``."""

    def __init__(self, operator_class: type, kwargs: dict[str, Any]) -> None:
        self.operator_class, self.kwargs = operator_class, kwargs
        check_names(operator_class, kwargs, "partial")

    def __repr__(self) -> str:
        args = ", ".join(f"{name}={value!r}" for name, value in self.kwargs.items())
        return f"{self.operator_class.__name__}.partial({args})"

    def expand(self, **mapped: Any) -> MappedOperator:
        if not mapped:
            raise TypeError("no arguments to expand against")
        check_names(self.operator_class, mapped, "expand")
        refuse_twice(self.kwargs, mapped, "unmappable or already specified")
        return MappedOperator(
            self.operator_class, self.kwargs, ExpandInput("expand", mapped, f"{self.operator_class.__name__}.")
        )

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> MappedOperator:
        return MappedOperator(self.operator_class, self.kwargs, ExpandInput("expand_kwargs", {"": kwargs}))


NOT_MAPPABLE = frozenset(
    {"task_id", "dag", "task_group", "trigger_rule", "depends_on_past", "wait_for_downstream", "start_date", "end_date"}
)


def refuse_twice(first: Iterable[str], second: Iterable[str], words: str) -> None:
    """Refuse arguments that stand in both, in Airflow's words."""
    twice = sorted(set(first) & set(second))
    if twice:
        raise TypeError(f"{words} argument{'s' if len(twice) > 1 else ''}: {', '.join(twice)}")


def unexpected(names: Iterable[str]) -> str:
    """Names of arguments that nobody takes, in Airflow's words."""
    found = [repr(name) for name in sorted(names)]
    return (
        f"an unexpected keyword argument {found[0]}"
        if len(found) == 1
        else f"unexpected keyword arguments {', '.join(found)}"
    )


def check_names(operator_class: type, kwargs: Iterable[str], where: str) -> None:
    unknown = [name for name in kwargs if name not in parameters_of(operator_class)]
    if unknown:
        raise TypeError(f"{operator_class.__name__}.{where}() got {unexpected(unknown)}")
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
        pushed: list[Any] = []
        element = self.expand_input.element(context, map_index, pushed)
        kwargs = dict(self.partial_kwargs)
        if self.field:
            given = kwargs.get(self.field, {})
            refuse_twice(given, element, "mapping already partial")
            kwargs[self.field] = {**given, **element}
        else:
            refuse_twice(kwargs.keys() - {"params"}, element, "unmappable or already specified")
            kwargs.update(element)
        operator = detached(self, kwargs)
        operator.values_of_others = pushed
        return operator

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
