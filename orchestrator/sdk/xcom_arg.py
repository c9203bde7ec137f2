"""References to what tasks will have pushed, and what can be done with them before it exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .comms import ask
from .edges import DependencyMixin
from .exceptions import DagError, XComNotFound

RETURN_KEY = "return_value"


class XComArg(DependencyMixin):
    """Something that becomes a value when the task that takes it runs."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(PlainXComArg if cls is XComArg else cls)

    @staticmethod
    def iter_in(value: Any) -> Iterator[XComArg]:
        """Every XComArg inside a value: in lists, dicts, and objects with template fields."""
        pending, seen = [value], set()
        while pending:
            each = pending.pop()
            if isinstance(each, XComArg):
                yield each
            elif isinstance(each, (str, bytes, int, float, type(None))) or id(each) in seen:
                continue
            elif isinstance(each, Mapping):
                seen.add(id(each))
                pending.extend(each.values())
            elif isinstance(each, (list, tuple, set, frozenset)):
                seen.add(id(each))
                pending.extend(each)
            elif isinstance(getattr(each, "template_fields", None), (list, tuple)) and not hasattr(each, "task_id"):
                seen.add(id(each))
                pending.extend(getattr(each, name, None) for name in each.template_fields)

    @staticmethod
    def apply_upstream_relationship(op: Any, arg: Any) -> None:
        for each in XComArg.iter_in(arg):
            for operator in each.operators():
                operator.add_downstream(op)

    def operators(self) -> list[Any]:
        """The operators whose results this needs."""
        raise TypeError(type(self).__name__)

    def heads(self) -> list[Any]:
        return self.operators()

    def resolve(self, context: Mapping[str, Any]) -> Any:
        raise TypeError(type(self).__name__)

    def input_spec(self) -> dict[str, Any]:
        """What :class:`orchestrator.core.spec.InputSpec` is made from."""
        raise TypeError(type(self).__name__)

    def map(self, function: Callable[[Any], Any]) -> Any:
        return MapXComArg(self, [function])

    def zip(self, *others: Any, **kwargs: Any) -> Any:
        return ZipXComArg([self, *others], kwargs)

    def concat(self, *others: Any) -> Any:
        return ConcatXComArg([self, *others])

    # setup and teardown of the task behind it
    def as_setup(self) -> Any:
        for operator in self.operators():
            operator.as_setup()
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> Any:
        for operator in self.operators():
            operator.as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        return self

    def __enter__(self) -> Any:
        from .setups import open_scope

        return open_scope(*self.operators())

    def __exit__(self, *error: object) -> None:
        from .context import Defining

        Defining.setups.pop()


class PlainXComArg(XComArg):
    """What one task pushed under one key."""

    def __init__(self, operator: Any, key: str = RETURN_KEY) -> None:
        self.operator = operator
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlainXComArg) and other.operator is self.operator and other.key == self.key

    def __hash__(self) -> int:
        return hash((id(self.operator), self.key))

    def __getitem__(self, key: str) -> PlainXComArg:
        if not isinstance(key, str):
            raise ValueError(f"XComArg only supports str lookup, received {type(key).__name__}")
        return PlainXComArg(self.operator, key)

    def __iter__(self) -> Any:
        raise TypeError("'XComArg' object is not iterable")

    def __str__(self) -> str:
        """A template that renders to the value, so that it can stand inside a longer text."""
        key = "" if self.key == RETURN_KEY else f", key={self.key!r}"
        return "{{ task_instance.xcom_pull(task_ids=" + repr(self.operator.task_id) + key + ") }}"

    @property
    def is_setup(self) -> bool:
        return self.operator.is_setup

    @property
    def is_teardown(self) -> bool:
        return self.operator.is_teardown

    @property
    def on_failure_fail_dagrun(self) -> bool:
        return self.operator.on_failure_fail_dagrun

    @on_failure_fail_dagrun.setter
    def on_failure_fail_dagrun(self, value: bool) -> None:
        self.operator.on_failure_fail_dagrun = value

    def operators(self) -> list[Any]:
        return [self.operator]

    def input_spec(self) -> dict[str, Any]:
        return {"kind": "xcom", "task_id": self.operator.task_id, "key": self.key}

    def map(self, function: Callable[[Any], Any]) -> Any:
        if self.key != RETURN_KEY:
            raise DagError("cannot map against non-return XCom")
        return super().map(function)

    def resolve(self, context: Mapping[str, Any]) -> Any:
        ti = context["ti"]
        branch = _branch(ti, self.operator)
        if branch.index is not None:
            return self._one(ti, branch.index)
        if self.operator.is_mapped:
            return LazyXComSequence(self.operator.task_id, self.key, branch.within)
        where = {} if branch.within is None else {"within": branch.within}
        found = [value for _, _, value in ti.pull_entries([self.operator.task_id], self.key, None, **where)]
        if branch.within is not None:
            return found  # what an inner group came to is a list, also of one
        return found if len(found) > 1 else found[0] if found else self._nothing(ti)

    def elements(self, context: Mapping[str, Any]) -> Any:
        """The value as something to map over: of a task with several instances, all that they pushed, however many."""
        branch = _branch(context["ti"], self.operator)
        if branch.index is not None:
            return self.resolve(context)
        return LazyXComSequence(self.operator.task_id, self.key, branch.within)

    def _one(self, ti: Any, map_index: int) -> Any:
        found = ti.pull_entries([self.operator.task_id], self.key, map_index)
        return found[0][2] if found else self._nothing(ti)

    def _nothing(self, ti: Any) -> None:
        if self.key == RETURN_KEY:
            return None
        raise XComNotFound(ti.dag_id, self.operator.task_id, self.key)


class _Branch(NamedTuple):
    """Where a task instance finds what another task pushed."""

    index: int | None  # of the one instance that it belongs to; None: of several
    within: list[int] | None = None  # the first and last of these; None: all that there are


def _branch(ti: Any, source: Any) -> _Branch:
    around = list(ti.task.iter_mapped_task_groups())[::-1]
    its = list(source.iter_mapped_task_groups())[::-1]
    shared = next(
        (n for n, (a, b) in enumerate(zip(around, its, strict=False)) if a is not b), min(len(around), len(its))
    )
    path, depth = ti.map_path[:shared], len(its) + bool(source.is_mapped)
    if depth == shared < 2:
        return _Branch(path[0] if path else -1)
    if not path:
        return _Branch(None)
    from orchestrator.core.branches import index_of, whole_range  # only where mappings stand in each other

    if depth == shared:
        return _Branch(index_of(path, depth))
    return _Branch(None, list(whole_range(path, depth)))


class _Lazy(Sequence[Any]):
    """A sequence that works out one element at a time, in ``_at(place)`` for a place that exists."""

    def _at(self, place: int) -> Any:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._at(place) for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self._at(place)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


class LazyXComSequence(_Lazy):
    """All that a mapped task's instances pushed, fetched as it is read: one by one by index, by the hundred in a loop."""

    CHUNK = 100

    def __init__(self, task_id: str, key: str = RETURN_KEY, within: list[int] | None = None) -> None:
        self.task_id, self.key = task_id, key
        self._where = {} if within is None else {"within": within}
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = ask("xcom_length", task_id=self.task_id, key=self.key, **self._where) or 0
        return self._length

    def _fetch(self, start: int, count: int) -> list[Any]:
        from .xcom import load

        found = ask("xcom_range", task_id=self.task_id, key=self.key, offset=start, count=count, **self._where)
        return [load(each) for each in found]

    def _at(self, place: int) -> Any:
        found = self._fetch(place, 1)
        if not found:
            raise IndexError(place)
        return found[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice) and abs(index.indices(len(self))[2]) == 1:
            places = range(*index.indices(len(self)))
            if not places:
                return []
            first = min(places[0], places[-1])
            found = [
                value
                for start in range(first, first + len(places), self.CHUNK)
                for value in self._fetch(start, min(self.CHUNK, first + len(places) - start))
            ]
            return found if places.step == 1 else found[::-1]
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        start = 0
        while found := self._fetch(start, self.CHUNK):
            yield from found
            start += len(found)
            if len(found) < self.CHUNK:
                return

    def __repr__(self) -> str:
        if self._length is None:
            return "LazyXComSequence(<unevaluated length>)"
        return f"LazyXComSequence([{self._length} {'item' if self._length == 1 else 'items'}])"


def resolve(value: Any, context: Mapping[str, Any]) -> Any:
    """Resolve an XComArg, or anything with a ``resolve`` of its own; other values are as they are."""
    return value.resolve(context) if hasattr(value, "resolve") and not isinstance(value, type) else value


def elements(value: Any, context: Mapping[str, Any]) -> Any:
    """Resolve what is to be mapped over."""
    return value.elements(context) if isinstance(value, PlainXComArg) else resolve(value, context)


class MapXComArg(XComArg):
    """``.map(f)``: f over each element, when the element is taken. A skip in f skips that instance."""

    def __init__(self, arg: Any, functions: list[Callable[[Any], Any]]) -> None:
        for function in functions:
            if hasattr(function, "operator_class") or hasattr(function, "expand"):
                raise DagError("map() argument must be a plain function, not a @task operator")
        self.arg, self.functions = arg, functions

    def operators(self) -> list[Any]:
        return self.arg.operators()

    def map(self, function: Callable[[Any], Any]) -> Any:
        return MapXComArg(self.arg, [*self.functions, function])

    def input_spec(self) -> dict[str, Any]:
        return {"kind": "map", "parts": [self.arg.input_spec()]}

    def resolve(self, context: Mapping[str, Any]) -> Any:
        return _Mapped(elements(self.arg, context), self.functions)


class _Mapped(_Lazy):
    def __init__(self, values: Any, functions: list[Callable[[Any], Any]]) -> None:
        if isinstance(values, Mapping):
            values = list(values.items())
        self.values, self.functions = values, functions

    def __len__(self) -> int:
        return len(self.values)

    def _at(self, place: int) -> Any:
        value = self.values[place]
        for function in self.functions:
            value = function(value)
        return value


class ZipXComArg(XComArg):
    """``.zip(...)``: tuples of elements that stand at the same place."""

    def __init__(self, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        self.args, self.options = list(args), dict(options)

    def operators(self) -> list[Any]:
        return [each for arg in XComArg.iter_in(self.args) for each in arg.operators()]

    def input_spec(self) -> dict[str, Any]:
        from .mapped import input_spec

        return {"kind": "zip", "parts": [input_spec(arg) for arg in self.args], "fill": "fillvalue" in self.options}

    def resolve(self, context: Mapping[str, Any]) -> Any:
        values = [elements(arg, context) for arg in self.args]
        lists = [list(each.items()) if isinstance(each, Mapping) else each for each in values]
        return _Zipped(lists, self.options)


class _Zipped(_Lazy):
    def __init__(self, lists: list[Any], options: Mapping[str, Any]) -> None:
        self.lists, self.options = lists, options

    def __len__(self) -> int:
        lengths = [len(each) for each in self.lists]
        return max(lengths) if "fillvalue" in self.options else min(lengths)

    def _at(self, place: int) -> Any:
        fill = self.options.get("fillvalue")
        return tuple(each[place] if place < len(each) else fill for each in self.lists)


class ConcatXComArg(XComArg):
    """``.concat(...)``: one list after the other."""

    def __init__(self, args: Sequence[Any]) -> None:
        self.args = list(args)

    def operators(self) -> list[Any]:
        return [each for arg in XComArg.iter_in(self.args) for each in arg.operators()]

    def concat(self, *others: Any) -> Any:
        return ConcatXComArg([*self.args, *others])

    def input_spec(self) -> dict[str, Any]:
        from .mapped import input_spec

        return {"kind": "concat", "parts": [input_spec(arg) for arg in self.args]}

    def resolve(self, context: Mapping[str, Any]) -> Any:
        values = [elements(arg, context) for arg in self.args]
        return _Concatenated([list(each.items()) if isinstance(each, Mapping) else each for each in values])


class _Concatenated(_Lazy):
    def __init__(self, lists: list[Any]) -> None:
        self.lists = lists

    def __len__(self) -> int:
        return sum(len(each) for each in self.lists)

    def _at(self, place: int) -> Any:
        for each in self.lists:
            if place < len(each):
                return each[place]
            place -= len(each)
        raise IndexError(place)
