"""What held a run up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator.core.critical import critical_path
from tests.support.factories import make_spec

START = datetime(2026, 3, 1, tzinfo=UTC)


def spans(**of: tuple[int, int]) -> dict[str, tuple[datetime, datetime]]:
    return {name: (START + timedelta(seconds=a), START + timedelta(seconds=b)) for name, (a, b) in of.items()}


SPEC = make_spec("d", {"a": (), "b": (), "c": ("a", "b"), "d": ("c",), "alone": ()})


def test_it_goes_back_from_the_last_end_by_what_ended_last_before():
    assert critical_path(SPEC, spans(a=(0, 5), b=(0, 9), c=(9, 12), d=(12, 20), alone=(0, 11))) == ["b", "c", "d"]


def test_a_task_that_ran_long_beside_all_others_is_the_path_alone():
    assert critical_path(SPEC, spans(a=(0, 5), b=(0, 9), c=(9, 12), alone=(0, 50))) == ["alone"]


def test_what_still_ran_when_a_task_began_did_not_hold_it_up():
    """As with the trigger rule one_success: c began when a was done, b went on."""
    assert critical_path(SPEC, spans(a=(0, 5), b=(0, 9), c=(5, 12))) == ["a", "c"]


def test_a_run_that_began_nothing_has_none():
    assert critical_path(SPEC, {}) == []


def test_tasks_of_other_versions_end_it():
    assert critical_path(SPEC, spans(a=(0, 5), former=(0, 9))) == ["former"]
