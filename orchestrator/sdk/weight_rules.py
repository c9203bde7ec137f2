"""Weight rules of one's own: how much a task instance weighs when a slot chooses what to run next."""

from __future__ import annotations

from typing import Any

from .exceptions import DagError

MOST_TRIES = 20
"""For so many tries a weight is worked out; later ones weigh what the last of these does."""


class PriorityWeightStrategy:
    """Base of weight rules. ``get_weight`` is asked while the DAG is parsed, once for each try the task has."""

    def get_weight(self, ti: Any) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no get_weight()")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    def __hash__(self) -> int:
        return hash(type(self))


class TaskOfTry:
    """What a rule may know of a task instance before there is one."""

    map_index = -1

    def __init__(self, task: Any, try_number: int) -> None:
        self.task, self.try_number = task, try_number
        self.task_id, self.dag_id, self.max_tries = task.task_id, task.dag_id, task.retries
        self.priority_weight, self.pool, self.queue = task.priority_weight, task.pool, task.queue


def strategy_of(where: str, given: Any) -> PriorityWeightStrategy | None:
    """Return the rule that a ``weight_rule`` means; None for the words of the three that come with us.

    Raises:
        DagError: it is neither a word, a rule, a class of one, nor the dotted name of one.
    """
    from .operator import WEIGHT_RULES

    if isinstance(given, str):
        if given in WEIGHT_RULES:
            return None
        given = _class_of(where, given)
    made = given() if isinstance(given, type) else given
    if not callable(getattr(made, "get_weight", None)):
        raise DagError(f"{where}: The weight_rule must be one of {sorted(WEIGHT_RULES)} or a strategy, not {given!r}")
    return made  # type: ignore[no-any-return]


def _class_of(where: str, path: str) -> Any:
    from .plugins import brought

    for each in brought("priority_weight_strategies"):
        if path in (f"{each.__module__}.{each.__qualname__}", each.__qualname__):
            return each
    from .operator import WEIGHT_RULES

    module, _, name = path.rpartition(".")
    try:
        import importlib

        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DagError(
            f"{where}: The weight_rule must be one of {sorted(WEIGHT_RULES)} or a strategy's dotted name, not {path!r}"
        ) from error


def weights_of(where: str, task: Any, strategy: PriorityWeightStrategy) -> list[int]:
    """Return what the task weighs at its first, second ... try.

    Raises:
        DagError: the rule failed, or answered no whole number.
    """
    found = []
    for number in range(1, min(task.retries + 1, MOST_TRIES) + 1):
        try:
            weight = strategy.get_weight(TaskOfTry(task, number))
        except Exception as error:
            raise DagError(
                f"{where}: the weight rule {type(strategy).__name__} failed for try {number}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(weight, int) or isinstance(weight, bool):
            raise DagError(f"{where}: the weight rule {type(strategy).__name__} answered {weight!r}, no whole number")
        found.append(weight)
    return found


def path_of(strategy: PriorityWeightStrategy) -> str:
    return f"{type(strategy).__module__}.{type(strategy).__qualname__}"
