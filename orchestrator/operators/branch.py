"""Choosing what runs next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.operator import BaseOperator


def follow(task: Any, context: Any, chosen: Any) -> None:
    """Leave the note that only ``chosen`` (task or group ids, or none) is followed of what is directly below ``task``.

    Raises:
        AirflowException: a choice that is no task or group of the DAG.
    """
    if chosen is None:
        names: list[str] = []
    elif isinstance(chosen, str):
        names = [chosen]
    elif isinstance(chosen, Iterable) and all(isinstance(each, str) for each in chosen):
        names = list(chosen)
    else:
        raise AirflowException(f"'branch_task_ids' expected all task IDs to be strings, got {chosen!r}")
    branches: set[str] = set()
    for name in names:
        branches.update(_resolve(task, name))
    below = set(branches)
    for name in branches:
        below |= task.dag.get_task(name).get_flat_relative_ids()
    if is_mapped(task):
        return
    followed = [name for name in sorted(task.downstream_task_ids) if name in below]
    if len(followed) < len(task.downstream_task_ids):
        context["ti"].skip_note = {"followed": followed}


def is_mapped(task: Any) -> bool:
    """Whether this is an instance of a mapped task: its choice is one of many, so it skips nothing, as in Airflow."""
    return bool(task.dag.get_task(task.task_id).is_mapped)


def _resolve(task: Any, name: str) -> Iterable[str]:
    """A task's id, or a group's first tasks; always by the full id."""
    if name in task.dag.task_dict:
        return [name]
    if name in task.dag.groups:
        return task.dag.groups[name].first_task_ids()
    raise AirflowException(f"'branch_task_ids' must contain only valid task_ids. Invalid tasks found: {{{name!r}}}.")


def stop_below(task: Any, context: Any, ignore_rules: bool) -> None:
    """Leave the note that what is below ``task`` (all of it, or what is directly below) is skipped; teardowns are not."""
    if is_mapped(task):
        return
    below = task.get_flat_relatives() if ignore_rules else task.downstream_list
    skipped = [other.task_id for other in below if not other.is_teardown]
    if skipped:
        context["ti"].skip_note = {"skipped": skipped}


class SkipMixin:
    """Mixed into operators that skip what is below them."""

    inherits_from_skipmixin = True

    def skip(self, ti: Any = None, tasks: Any = (), *older: Any, **old: Any) -> None:
        """Leave the note that ``tasks`` are skipped once this one has succeeded.

        Airflow 1 and 2 gave the run and its date before the tasks, by place or by the names in ``old``.
        """
        chosen = older[0] if older else tasks
        found = [each.task_id for each in ([chosen] if hasattr(chosen, "task_id") else chosen)]
        if found:
            _instance(ti).skip_note = {"skipped": found}

    def skip_all_except(self, ti: Any = None, branch_task_ids: Any = None) -> None:
        """Leave the note that of what is directly below only ``branch_task_ids`` (ids of tasks, or none) are followed."""
        instance = _instance(ti)
        follow(instance.task, {"ti": instance}, branch_task_ids)


def _instance(ti: Any) -> Any:
    if hasattr(ti, "skip_note"):
        return ti
    from orchestrator.sdk.context import get_current_context

    return get_current_context()["ti"]


class BranchMixIn(SkipMixin):
    """Mixed into operators that choose a way."""

    skips = "branch"

    def do_branch(self, context: Any, branches_to_execute: Any) -> Any:
        """Follow these tasks and groups, and none of the others."""
        follow(self, context, branches_to_execute)
        return branches_to_execute


class BaseBranchOperator(BranchMixIn, BaseOperator):
    """Follows what ``choose_branch(context)`` returns and skips the rest."""

    def choose_branch(self, context: Any) -> Any:
        raise AirflowException(f"{self.task_type} defines no choose_branch()")

    def execute(self, context: Any) -> Any:
        return self.do_branch(context, self.choose_branch(context))


class LatestOnlyOperator(BaseOperator):
    """Skips what is directly below unless this is the newest scheduled run; decided in the engine."""

    ui_color = "#e9ffdb"
    inline = "latest_only"
    skips = "branch"

    def execute(self, context: Any) -> None:
        return None
