"""How a tested run ended, and what a test says about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.branches import name as name_of
from orchestrator.core.states import RunState
from orchestrator.runtime.local import Result


class Outcome:
    """One finished run. A task instance is named by its task id, one of a mapped task by ``"task_id[2]"``.

    In mapped groups that stand in each other it has a position at each level: ``"outer.inner.task_id[2][0]"``.
    """

    def __init__(self, dag_id: str, result: Result, lines: list[str], ended_at: datetime) -> None:
        self.dag_id, self.run_id = dag_id, result.run_id
        self.state, self.reason = str(result.state), result.reason

        def name(task_id: str, index: int) -> str:
            return name_of(task_id, index, result.depths[task_id])

        self.states = {name(*key): state for key, state in result.states.items()}
        self.tries = {name(*key): tries for key, tries in result.tries.items()}
        self.reasons = {name(*key): reason for key, reason in result.reasons.items()}
        self.order = [name(task_id, index) for task_id, index, _ in result.order]
        self.xcoms = {(name(task_id, index), key): value for (task_id, index, key), value in result.xcoms.items()}
        self.lines, self.ended_at = lines, ended_at

    @property
    def succeeded(self) -> bool:
        return self.state == RunState.SUCCESS

    def xcom(self, task: str, key: str = "return_value") -> Any:
        """Return what a task pushed; of a mapped task named without an index, the list of all its instances' values.

        Raises:
            AssertionError: it pushed nothing under that key.
        """
        if (task, key) in self.xcoms:
            return self.xcoms[task, key]
        all_ = [value for (other, found), value in self.xcoms.items() if found == key and other.startswith(f"{task}[")]
        if not all_:
            raise AssertionError(f"{task} pushed no XCom {key!r}{self._table()}")
        return all_

    # ---- what a test asserts; each failure shows the whole run

    def assert_success(self) -> Outcome:
        return self._assert(self.succeeded, f"the run ended as {self.state} ({self.reason}), not as success")

    def assert_failed(self) -> Outcome:
        return self._assert(self.state == RunState.FAILED, f"the run ended as {self.state}, not as failed")

    def assert_states(self, states: Mapping[str, str] | None = None, **named: str) -> Outcome:
        """Each named task instance ended in this state; a mapped task named without an index: all its instances."""
        wrong = []
        for task, wanted in {**(states or {}), **named}.items():
            found = self._states_of(task)
            if found != {wanted}:
                wrong.append(f"{task} is {' and '.join(sorted(found)) or 'no task of this run'}, not {wanted}")
        return self._assert(not wrong, "; ".join(wrong))

    def assert_tries(self, tries: Mapping[str, int] | None = None, **named: int) -> Outcome:
        """Each named task instance began so many tries."""
        wanted = {**(tries or {}), **named}
        wrong = [
            f"{task} began {self.tries.get(task, 0)} tries, not {count}"
            for task, count in wanted.items()
            if self.tries.get(task, 0) != count
        ]
        return self._assert(not wrong, "; ".join(wrong))

    def assert_order(self, *tasks: str) -> Outcome:
        """The named tasks first began one after the other, in this order; others may lie between."""
        missing = [task for task in tasks if task not in self.order]
        places = [self.order.index(task) for task in tasks if task in self.order]
        ok = not missing and places == sorted(places)
        found = [task for task in dict.fromkeys(self.order) if task in tasks]
        why = f"never began: {', '.join(missing)}" if missing else f"they began as {', '.join(found)}"
        return self._assert(ok, f"not in the order {', '.join(tasks)}: {why}")

    def assert_xcoms(self, xcoms: Mapping[str, Any] | None = None, **named: Any) -> Outcome:
        """Each named task's return value is this."""
        for task, wanted in {**(xcoms or {}), **named}.items():
            found = self.xcom(task)
            self._assert(found == wanted, f"{task} returned {found!r}, not {wanted!r}")
        return self

    def _assert(self, ok: bool, why: str) -> Outcome:
        if not ok:
            raise AssertionError(why + self._table())
        return self

    def _states_of(self, task: str) -> set[str]:
        if task in self.states:
            return {self.states[task]}
        return {state for other, state in self.states.items() if other.startswith(f"{task}[")}

    def _table(self) -> str:
        width = max(map(len, self.states), default=0)
        rows = [
            f"  {task:<{width}}  {state}{f' after {self.tries[task]} tries' if self.tries[task] > 1 else ''}"
            f"{f': {self.reasons[task]}' if self.reasons[task] else ''}"
            for task, state in self.states.items()
        ]
        return f"\n{self.dag_id} {self.run_id}: {self.state} ({self.reason})\n" + "\n".join(rows)

    def __repr__(self) -> str:
        return f"<Outcome of {self.dag_id}: {self.state}>"
