"""SubDagOperator of Airflow 1 and 2: its DAG becomes a task group of the one it stands in."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from orchestrator.sdk.context import current_dag
from orchestrator.sdk.exceptions import DagError
from orchestrator.sdk.subdags import take_in
from orchestrator.sdk.taskgroup import TaskGroup


class SkippedStatePropagationOptions(StrEnum):
    """Which skips of the last tasks went on to the operator; arrows out of a group see to that by themselves."""

    ALL_LEAVES = "all_leaves"
    ANY_LEAF = "any_leaf"


class SubDagOperator(TaskGroup):
    """The tasks of ``subdag`` as a group called ``task_id``, with the arrows that are drawn to and from it.

    A rule of the operator holds for the group's first tasks. What else an operator takes had to do with the run that
    there was of the inner DAG, and has no effect.
    """

    def __init__(
        self,
        *,
        task_id: str,
        subdag: Any,
        dag: Any = None,
        task_group: Any = None,
        trigger_rule: str = "all_success",
        default_args: dict[str, Any] | None = None,
        **ignored: Any,
    ) -> None:
        outer = dag or (default_args or {}).get("dag") or (task_group.dag if task_group is not None else current_dag())
        if outer is None:
            raise DagError(
                f"SubDagOperator {task_id!r} needs the DAG it stands in: give it dag=, or make it in a `with DAG`"
            )
        inside = task_group is not None or outer is current_dag()
        super().__init__(task_id, parent_group=task_group if inside else outer.task_group, dag=outer)
        self.task_id, self.subdag = self.group_id, subdag
        take_in(subdag, self)
        for task in self.get_roots():
            if task.trigger_rule == "all_success":
                task.trigger_rule = str(getattr(trigger_rule, "value", trigger_rule))
