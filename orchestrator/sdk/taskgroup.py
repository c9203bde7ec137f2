"""Task groups: folders of tasks, arrows to many at once, and mapping over a whole group."""

from __future__ import annotations

from typing import Any

from .context import Defining, current_dag, current_group
from .edges import DependencyMixin
from .exceptions import DagError, DuplicateTaskIdFound
from .operator import check_id, seconds

LONGEST_GROUP_ID = 200


class TaskGroup(DependencyMixin):
    """A group of tasks. ``with TaskGroup("g"):`` collects what is defined inside."""

    def __init__(
        self,
        group_id: str | None,
        prefix_group_id: bool = True,
        parent_group: Any = None,
        dag: Any = None,
        default_args: dict[str, Any] | None = None,
        tooltip: str = "",
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
        retries: int = 0,
        retry_delay: Any = 300.0,
        **ignored: Any,
    ) -> None:
        self.prefix_group_id = prefix_group_id
        self.default_args = dict(default_args or {})
        self.tooltip, self.ui_color, self.ui_fgcolor = tooltip, ui_color, ui_fgcolor
        self.group_display_name = group_display_name
        self.retries, self.retry_delay = retries, seconds(retry_delay)
        self.children: dict[str, Any] = {}
        self.expand_input: Any = None
        self.upstream_group_ids: set[str] = set()
        self.downstream_group_ids: set[str] = set()
        self.upstream_task_ids: set[str] = set()
        self.downstream_task_ids: set[str] = set()
        if group_id is None:
            self._group_id, self.parent_group, self.dag = None, None, dag
            return
        check_id("group_id", group_id)
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise DagError(f"TaskGroup {group_id!r}: retries must be a whole number, 0 or more, not {retries!r}")
        if self.retry_delay is None or self.retry_delay < 0:
            raise DagError(f"TaskGroup {group_id!r}: retry_delay must be a timedelta or seconds, 0 or more")
        if "." in group_id or len(group_id) > LONGEST_GROUP_ID:
            raise DagError(
                f"The group_id {group_id[:40]!r} must be of at most {LONGEST_GROUP_ID} letters, digits, dashes and "
                "underscores: dots stand between a group and what it holds"
            )
        self.parent_group = parent_group if parent_group is not None else current_group()
        self.dag = (
            dag if dag is not None else (self.parent_group.dag if self.parent_group is not None else current_dag())
        )
        if self.dag is None:
            raise DagError(f"TaskGroup {group_id!r} can only be used inside a dag")
        if self.parent_group is None:
            self.parent_group = self.dag.task_group
        self._group_id = group_id
        taken = self.dag.task_ids_and_groups()
        if self.group_id in taken:
            if not add_suffix_on_collision:
                raise DuplicateTaskIdFound(f"group_id '{self.group_id}' has already been added to the DAG")
            number = 1
            while f"{self.group_id}__{number}" in taken:
                number += 1
            self._group_id = f"{group_id}__{number}"
        self.parent_group.add(self)
        self.dag.groups[self.group_id] = self

    @property
    def group_id(self) -> Any:
        if self._group_id is None:
            return None
        parent = self.parent_group
        return parent.child_id(self._group_id) if parent is not None else self._group_id

    @property
    def label(self) -> str:
        return self.group_display_name or self._group_id or ""

    @property
    def node_id(self) -> Any:
        return self.group_id

    @property
    def is_root(self) -> bool:
        return self._group_id is None

    def child_id(self, label: str) -> str:
        """The full id of a child called ``label``."""
        return f"{self.group_id}.{label}" if self.prefix_group_id and not self.is_root else label

    def add(self, child: Any) -> None:
        key = child.group_id if isinstance(child, TaskGroup) else child.task_id
        if key in self.children:
            raise DuplicateTaskIdFound(f"Task id '{key}' has already been added to the DAG")
        self.children[key] = child

    def __enter__(self) -> Any:
        Defining.groups.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        Defining.groups.pop()

    def __iter__(self) -> Any:
        pending = list(self.children.values())
        while pending:
            child = pending.pop(0)
            if isinstance(child, TaskGroup):
                pending = [*child.children.values(), *pending]
            else:
                yield child

    iter_tasks = __iter__

    def has_task(self, task: Any) -> bool:
        return any(each is task for each in self)

    def get_roots(self) -> list[Any]:
        """Tasks with nothing above them in the group."""
        inside = {each.task_id for each in self}
        return [each for each in self if not each.upstream_task_ids & inside]

    def get_leaves(self) -> list[Any]:
        """Tasks with nothing below them in the group; teardowns are passed over, what is above them counts."""
        inside = {each.task_id: each for each in self}
        found: dict[str, Any] = {}
        pending = [each for each in inside.values() if not each.downstream_task_ids & inside.keys()]
        seen: set[str] = set()
        while pending:
            each = pending.pop(0)
            if each.task_id in seen:
                continue
            seen.add(each.task_id)
            if not each.is_teardown:
                found[each.task_id] = each
                continue
            above = [inside[other] for other in sorted(each.upstream_task_ids) if other in inside]
            for other in above:
                below = [inside[name] for name in other.downstream_task_ids if name in inside]
                if not other.is_setup and all(one.is_teardown for one in below):
                    pending.append(other)
        return list(found.values())

    def heads(self) -> list[Any]:
        return self.get_roots()

    def tails(self) -> list[Any]:
        return self.get_leaves()

    def first_task_ids(self) -> list[str]:
        return [each.task_id for each in self.get_roots()]

    def __repr__(self) -> str:
        return f"<TaskGroup: {self.group_id}>"
