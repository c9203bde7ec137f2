"""Trigger rules: what the ends of its upstream mean for a task.

Twelve rules over the same few counts, and ``always``. Sources: Airflow 3.3's documentation of trigger
rules, and its recorded answers in ``tests/conformance``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .states import FAILED_STATES, TaskState


class Verdict(StrEnum):
    """What a rule says now."""

    RUN = "run"
    WAIT = "wait"
    SKIP = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Counts:
    """How a task's upstream task instances stand."""

    total: int = 0
    success: int = 0
    skipped: int = 0
    failed: int = 0  # or cancelled: whoever comes after it has as little to go on
    upstream_failed: int = 0
    removed: int = 0
    setups: int = 0
    success_setups: int = 0
    skipped_setups: int = 0

    @property
    def done(self) -> int:
        return self.success + self.skipped + self.failed + self.upstream_failed + self.removed

    @property
    def all_done(self) -> bool:
        return self.done >= self.total

    @property
    def bad(self) -> int:
        return self.failed + self.upstream_failed

    def __str__(self) -> str:
        parts = [
            f"{count} {name}"
            for name, count in (
                ("success", self.success),
                ("skipped", self.skipped),
                ("failed", self.failed),
                ("upstream_failed", self.upstream_failed),
                ("removed", self.removed),
                ("not done", self.total - self.done),
            )
            if count
        ]
        return f"of {self.total} upstream: " + (", ".join(parts) or "none")


# An instance that a new version of the DAG removed is never waited for: it will not end in any other way.


def _all_success(c: Counts, index: int) -> Verdict:
    if c.bad:
        return Verdict.UPSTREAM_FAILED
    if c.skipped:
        return Verdict.SKIP
    if c.removed and c.success and index > -1 and index >= c.success:
        return Verdict.REMOVED
    missing = c.total - c.success - c.removed
    return Verdict.WAIT if missing > 0 else Verdict.RUN


def _all_failed(c: Counts, index: int) -> Verdict:
    if c.success or c.skipped:
        return Verdict.SKIP
    missing = c.total - c.bad - c.removed
    return Verdict.WAIT if missing > 0 else Verdict.RUN


def _all_done(c: Counts, index: int) -> Verdict:
    return Verdict.RUN if c.all_done else Verdict.WAIT


def _all_done_min_one_success(c: Counts, index: int) -> Verdict:
    if c.skipped:
        return Verdict.SKIP
    if not c.all_done:
        return Verdict.WAIT
    return Verdict.RUN if c.success else Verdict.UPSTREAM_FAILED


def _all_done_setup_success(c: Counts, index: int) -> Verdict:
    if not c.all_done:
        return Verdict.WAIT
    if c.setups and c.skipped_setups >= c.setups:
        return Verdict.SKIP
    if c.setups and not c.success_setups:
        return Verdict.UPSTREAM_FAILED
    return Verdict.RUN


def _all_skipped(c: Counts, index: int) -> Verdict:
    if c.success or c.bad:
        return Verdict.SKIP
    return Verdict.WAIT if c.total - c.skipped - c.removed > 0 else Verdict.RUN


def _one_success(c: Counts, index: int) -> Verdict:
    if c.success:
        return Verdict.RUN
    if c.all_done:
        return Verdict.SKIP if c.done == c.skipped else Verdict.UPSTREAM_FAILED
    return Verdict.WAIT


def _one_failed(c: Counts, index: int) -> Verdict:
    if c.bad:
        return Verdict.RUN
    return Verdict.SKIP if c.all_done else Verdict.WAIT


def _one_done(c: Counts, index: int) -> Verdict:
    if c.success or c.failed:
        return Verdict.RUN
    return Verdict.SKIP if c.all_done else Verdict.WAIT


def _none_failed(c: Counts, index: int) -> Verdict:
    if c.bad:
        return Verdict.UPSTREAM_FAILED
    missing = c.total - c.success - c.skipped - c.removed
    return Verdict.WAIT if missing > 0 else Verdict.RUN


def _none_failed_min_one_success(c: Counts, index: int) -> Verdict:
    if c.bad:
        return Verdict.UPSTREAM_FAILED
    if c.skipped and c.skipped + c.removed == c.total:
        return Verdict.SKIP
    missing = c.total - c.success - c.skipped - c.removed
    return Verdict.WAIT if missing > 0 else Verdict.RUN


def _none_skipped(c: Counts, index: int) -> Verdict:
    if c.skipped:
        return Verdict.SKIP
    return Verdict.RUN if c.all_done else Verdict.WAIT


def _always(c: Counts, index: int) -> Verdict:
    return Verdict.RUN


RULES = {
    "all_success": _all_success,
    "all_failed": _all_failed,
    "all_done": _all_done,
    "all_done_min_one_success": _all_done_min_one_success,
    "all_done_setup_success": _all_done_setup_success,
    "all_skipped": _all_skipped,
    "one_success": _one_success,
    "one_failed": _one_failed,
    "one_done": _one_done,
    "none_failed": _none_failed,
    "none_failed_min_one_success": _none_failed_min_one_success,
    "none_skipped": _none_skipped,
    "always": _always,
}

_GOOD, _SKIP, _BAD = (
    frozenset({TaskState.SUCCESS}),
    frozenset({TaskState.SKIPPED}),
    FAILED_STATES,
)
_EARLY: dict[str, frozenset[TaskState]] = {
    "all_success": _BAD | _SKIP,
    "all_failed": _GOOD | _SKIP,
    "all_done": frozenset(),
    "all_done_min_one_success": _SKIP,
    "all_done_setup_success": frozenset(),
    "all_skipped": _GOOD | _BAD,
    "one_success": _GOOD,
    "one_failed": _BAD,
    "one_done": _GOOD | {TaskState.FAILED, TaskState.CANCELLED},
    "none_failed": _BAD,
    "none_failed_min_one_success": _BAD,
    "none_skipped": _SKIP,
    "always": frozenset(),
}


EAGER = frozenset({"one_success", "one_failed", "one_done", "none_failed_min_one_success"})
"""Rules that look at every instance beside them in a mapped group before they are expanded themselves."""


def judge(rule: str, counts: Counts, map_index: int = -1, *, vacuous: bool = True) -> Verdict:
    """Return what ``rule`` says for a task instance whose upstream stands as ``counts``.

    Without any upstream it runs; with ``vacuous`` False the rule decides that, too.
    """
    if vacuous and not counts.total:
        return Verdict.RUN
    return RULES[rule](counts, map_index)


def can_settle(rule: str, state: TaskState) -> bool:
    """Whether one more upstream in this finished state can change the verdict before all upstreams have ended."""
    return state == TaskState.REMOVED or state in _EARLY[rule]
