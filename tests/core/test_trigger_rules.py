"""Trigger rules over every combination of up to three upstream states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations_with_replacement

import pytest

from orchestrator.core.states import TaskState
from orchestrator.core.trigger_rules import RULES, Counts, Verdict, can_settle, judge

ENDS = (TaskState.SUCCESS, TaskState.SKIPPED, TaskState.FAILED, TaskState.UPSTREAM_FAILED)
States = tuple[TaskState, ...]


def counts_of(states: Iterable[TaskState]) -> Counts:
    tally = Counter(states)
    return Counts(
        total=sum(tally.values()),
        success=tally[TaskState.SUCCESS],
        skipped=tally[TaskState.SKIPPED],
        failed=tally[TaskState.FAILED],
        upstream_failed=tally[TaskState.UPSTREAM_FAILED],
    )


def combinations(of: Iterable[TaskState], most: int = 3) -> list[States]:
    return [each for size in range(1, most + 1) for each in combinations_with_replacement(tuple(of), size)]


def bad(states: States) -> bool:
    return TaskState.FAILED in states or TaskState.UPSTREAM_FAILED in states


def skipped(states: States) -> bool:
    return TaskState.SKIPPED in states


def good(states: States) -> bool:
    return TaskState.SUCCESS in states


RUN, SKIP, UPSTREAM_FAILED = Verdict.RUN, Verdict.SKIP, Verdict.UPSTREAM_FAILED
MEANT: dict[str, Callable[[States], Verdict]] = {
    "all_success": lambda s: UPSTREAM_FAILED if bad(s) else SKIP if skipped(s) else RUN,
    "all_failed": lambda s: SKIP if good(s) or skipped(s) else RUN,
    "all_done": lambda s: RUN,
    "all_done_min_one_success": lambda s: SKIP if skipped(s) else RUN if good(s) else UPSTREAM_FAILED,
    "all_done_setup_success": lambda s: RUN,  # without a setup among them
    "all_skipped": lambda s: SKIP if good(s) or bad(s) else RUN,
    "one_success": lambda s: RUN if good(s) else UPSTREAM_FAILED if bad(s) else SKIP,
    "one_failed": lambda s: RUN if bad(s) else SKIP,
    "one_done": lambda s: RUN if good(s) or TaskState.FAILED in s else SKIP,
    "none_failed": lambda s: UPSTREAM_FAILED if bad(s) else RUN,
    "none_failed_min_one_success": lambda s: UPSTREAM_FAILED if bad(s) else RUN if good(s) else SKIP,
    "none_skipped": lambda s: SKIP if skipped(s) else RUN,
    "always": lambda s: RUN,
}


def test_there_are_thirteen_rules_and_each_has_its_meaning_here():
    assert set(RULES) == set(MEANT) and len(RULES) == 13


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_means_what_its_name_says_once_all_upstreams_have_ended(rule: str):
    for states in combinations(ENDS):
        assert judge(rule, counts_of(states)) == MEANT[rule](states), states


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_waits_only_while_something_is_open(rule: str):
    for states in combinations((*ENDS, TaskState.REMOVED)):
        counts = Counts(
            total=len(states),
            **{each.value: states.count(each) for each in (*ENDS, TaskState.REMOVED)},
        )
        for index in (-1, 0, 2):
            assert judge(rule, counts, index) != Verdict.WAIT, (states, index)


@pytest.mark.parametrize("rule", RULES)
def test_an_early_verdict_only_comes_from_states_that_can_settle_the_rule(rule: str):
    for states in combinations((*ENDS, TaskState.NONE)):
        open_ones = states.count(TaskState.NONE)
        if open_ones < 2 or judge(rule, counts_of(states)) != Verdict.WAIT:
            continue
        rest = list(states)
        rest.remove(TaskState.NONE)
        for end in ENDS:
            if judge(rule, counts_of([*rest, end])) != Verdict.WAIT:
                assert can_settle(rule, end), (states, end)


@pytest.mark.parametrize(
    ("setups", "verdict"),
    [
        ({"success": 1, "success_setups": 1}, RUN),
        ({"failed": 1}, UPSTREAM_FAILED),
        ({"skipped": 1, "skipped_setups": 1}, SKIP),
    ],
)
def test_a_teardown_follows_its_setup(setups: dict[str, int], verdict: Verdict):
    assert judge("all_done_setup_success", Counts(total=1, setups=1, **setups)) == verdict


def test_without_upstream_every_rule_runs():
    assert {judge(rule, Counts()) for rule in RULES} == {RUN}
