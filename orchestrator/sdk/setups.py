"""``with setup >> teardown:`` and ``with teardown(...):``: what is defined inside stands between them."""

from __future__ import annotations

from typing import Any

from .context import Defining


class SetupScope:
    """Tasks made while it is open get arrows from the setups and to the teardowns around them."""

    def __init__(self, setups: list[Any], teardowns: list[Any]) -> None:
        self.setups = setups
        self.teardowns = teardowns

    def take_in(self, task: Any) -> None:
        if task in self.setups or task in self.teardowns:
            return
        for setup in self.setups:
            setup.add_downstream(task)
        for teardown in self.teardowns:
            task.add_downstream(teardown)

    def add_task(self, *tasks: Any) -> None:
        """Take in tasks that were made outside."""
        for each in tasks:
            for operator in each.heads():
                self.take_in(operator)


def open_scope(*operators: Any) -> SetupScope:
    """Open the scope of a teardown (with the setups above it) or of a setup (with the teardowns below it)."""
    teardowns = [each for each in operators if each.is_teardown]
    setups = [each for each in operators if each.is_setup]
    for teardown in list(teardowns):
        setups += [each for each in teardown.upstream_list if each.is_setup and each not in setups]
    for setup in list(setups):
        teardowns += [each for each in setup.downstream_list if each.is_teardown and each not in teardowns]
    scope = SetupScope(setups, teardowns)
    Defining.setups.append(scope)
    return scope
