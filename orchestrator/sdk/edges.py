"""Arrows between tasks and groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from .exceptions import DagError


class DependencyMixin:
    """``>>`` and ``<<`` for everything that stands for tasks: operators, groups, XComArgs, labels."""

    def heads(self) -> list[Any]:
        """The operators that an arrow into this one reaches."""
        raise TypeError(f"{type(self).__name__} stands for no task")

    def tails(self) -> list[Any]:
        """The operators that an arrow out of this one starts from."""
        return self.heads()

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        connect(self, other, edge_modifier)

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        for each in _items(other):
            connect(each, self, edge_modifier)

    def __rshift__(self, other: Any) -> Any:
        self.set_downstream(other)
        return other

    def __lshift__(self, other: Any) -> Any:
        self.set_upstream(other)
        return other

    def __rrshift__(self, other: Any) -> Any:
        self.set_upstream(other)
        return self

    def __rlshift__(self, other: Any) -> Any:
        self.set_downstream(other)
        return self


def _items(other: Any) -> list[Any]:
    if isinstance(other, (list, tuple, set)):
        return [each for item in other for each in _items(item)]
    return [other]


def connect(start: Any, end: Any, label: Any = None) -> None:
    """Draw the arrow ``start >> end`` between anything that stands for tasks."""
    for target in _items(end):
        if isinstance(start, Label):
            start.pending_downstream(target)
        elif isinstance(target, Label):
            target.pending_upstream(start)
        else:
            _connect(start, target, label)


def _connect(start: Any, end: Any, label: Any) -> None:
    for each in (start, end):
        if not isinstance(each, DependencyMixin):
            raise DagError(
                f"Relationships can only be set between operators and groups; received {type(each).__name__}"
            )
    note_group_edge(start, end)
    for above in start.tails():
        for below in end.heads():
            above.add_downstream(below)
            if label is not None:
                above.dag.edge_labels.setdefault(above.task_id, {})[below.task_id] = label.label


def note_group_edge(start: Any, end: Any) -> None:
    """Remember arrows written against a group itself, for drawing them so."""
    from .taskgroup import TaskGroup

    start_id = start.group_id if isinstance(start, TaskGroup) else None
    end_id = end.group_id if isinstance(end, TaskGroup) else None
    if start_id is not None:
        if end_id is not None:
            start.downstream_group_ids.add(end_id)
            end.upstream_group_ids.add(start_id)
        else:
            start.downstream_task_ids.update(each.task_id for each in end.heads())
    elif end_id is not None:
        end.upstream_task_ids.update(each.task_id for each in start.tails())


class Label(DependencyMixin):
    """A text on an arrow: ``a >> Label("ok") >> b``."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._starts: list[Any] = []
        self._ends: list[Any] = []

    def pending_upstream(self, start: Any) -> None:
        self._starts.append(start)
        for end in self._ends:
            _connect(start, end, self)

    def pending_downstream(self, end: Any) -> None:
        self._ends.append(end)
        for start in self._starts:
            _connect(start, end, self)

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        for each in _items(other):
            self.pending_upstream(each)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        for each in _items(other):
            self.pending_downstream(each)


EdgeModifier = Label


def chain(*tasks: Any) -> None:
    """``chain(a, [b, c], [d, e], f)``: each to the next; two lists of one length pairwise."""
    for above, below in itertools.pairwise(tasks):
        if isinstance(above, Sequence) and isinstance(below, Sequence):
            if len(above) != len(below):
                raise DagError(f"chain: lists of different lengths cannot be joined: {len(above)} and {len(below)}")
            for start, end in zip(above, below, strict=True):
                connect(start, end)
        else:
            for start in _items(above):
                connect(start, below)


def chain_linear(*tasks: Any) -> None:
    """Like :func:`chain`, but between lists every one to every one."""
    for above, below in itertools.pairwise(tasks):
        cross_downstream(_items(above), _items(below))


def cross_downstream(from_tasks: Iterable[Any], to_tasks: Any) -> None:
    """Every one of ``from_tasks`` to every one of ``to_tasks``."""
    for start in from_tasks:
        connect(start, list(_items(to_tasks)))
