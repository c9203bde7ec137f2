"""Pools with a rate: so many starts in any minute, whoever claims."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from dags_app.models import Pool
from runs_app import control, rates
from runs_app.claim import claim
from runs_app.models import DagRun, PoolStart, StateEvent
from tests.runs_app.engine import end, python_dag, seconds, slot, start, state_of, states, take
from tests.runs_app.test_races import _default_pool, at_once  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

NINE = {f"t{number}": () for number in range(9)}


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The instants that beat was told of, and the invitations."""
    told: list[Any] = []
    monkeypatch.setattr("orchestrator.wake.due", told.append)
    monkeypatch.setattr("orchestrator.wake._send", lambda name, queue, count, args: told.append((name, queue, count)))
    monkeypatch.setattr("runs_app.notify.publish", lambda *args: None)
    return told


def rated_run(rate: int = 3, **arguments: Any) -> DagRun:
    Pool.objects.create(name="api", slots=-1, rate_per_minute=rate)
    return start(python_dag("calls", NINE, tasks={"pool": "api"}, **arguments))


def drained(claimer: Any, now: Any) -> int:
    """Claim and end all there is; return how many."""
    count = 0
    while (row := take(claimer, now)) is not None:
        end(row, "success", now=now)
        count += 1
    return count


def test_so_many_start_in_a_minute_and_the_next_when_the_first_is_a_minute_ago():
    run, claimer, now = rated_run(), slot(), timezone.now()
    assert drained(claimer, now) == 2 + 1
    assert drained(claimer, now + seconds(59.9)) == 0
    assert drained(claimer, now + seconds(60)) == 3
    assert drained(claimer, now + seconds(119)) == 0
    assert drained(claimer, now + seconds(121)) == 3
    assert state_of(run) == "success"
    assert PoolStart.objects.count() == 3, "what no longer counts is not kept"


def test_the_minute_slides():
    rated_run()
    claimer, now = slot(), timezone.now()
    for second in (0, 20, 40):
        end(take(claimer, now + seconds(second)), "success")
    assert take(claimer, now + seconds(59)) is None
    assert take(claimer, now + seconds(60)) is not None
    assert take(claimer, now + seconds(79)) is None
    assert take(claimer, now + seconds(80)) is not None


def test_a_start_that_another_limit_refused_does_not_count():
    rated_run(max_active_tasks=1)
    slots, now = [slot() for _ in range(4)], timezone.now()
    assert [take(each, now) is not None for each in slots] == [True, False, False, False]
    assert PoolStart.objects.count() == 1


def test_a_used_up_rate_lets_others_pass_and_leaves_no_trace():
    run, claimer, now = rated_run(rate=1), slot(), timezone.now()
    start(python_dag("free", {"f": ()}, tasks={"priority_weight": 1}))
    assert take(claimer, now)["pool"] == "api"
    assert take(claimer, now)["task_id"] == "f"
    assert take(claimer, now) is None
    assert StateEvent.objects.filter(run=run, old="scheduled").count() == 1
    assert sorted(states(run).values()) == ["running", *["scheduled"] * 8]


def test_beat_wakes_the_slots_when_the_next_may_start(woken):
    rated_run()
    claimer, now = slot(), timezone.now()
    drained(claimer, now)
    opening = now + seconds(60)
    assert opening in woken
    assert rates.next_opening(now) == opening
    assert control.next_due(now) == opening
    assert not ready_at(now + seconds(59))
    assert ready_at(opening) == {"default": 1}
    control.step(opening)
    assert ("drain", "default", 1) in woken


def ready_at(now: Any) -> Counter[str]:
    """Whom a control pass wakes because of rates."""
    counts = control.Counts()
    control._open_rates(counts, now)
    return counts.ready


def test_nobody_is_woken_for_a_rate_that_nothing_waits_for():
    rated_run(rate=9)
    now = timezone.now()
    assert drained(slot(), now) == 9
    assert rates.next_opening(now) is None
    assert not rates.just_open(now + seconds(61))


def test_many_slots_at_once_keep_to_the_rate():
    rated_run(rate=4)
    slots, now = [slot() for _ in range(8)], timezone.now()

    def work(claimer: Any) -> int:
        done = 0
        for _ in range(6):
            row = claim(claimer, now)
            if row is not None:
                end(row, "success")
                done += 1
        return done

    assert sum(at_once(*(lambda each=each: work(each) for each in slots))) == 4
    assert PoolStart.objects.count() == 4


def test_a_higher_rate_counts_at_once():
    rated_run(rate=1)
    claimer, now = slot(), timezone.now()
    assert drained(claimer, now) == 1
    Pool.objects.filter(pk="api").update(rate_per_minute=3)
    assert drained(claimer, now) == 2


def test_taking_the_rate_away_lets_all_start():
    rated_run(rate=1)
    claimer, now = slot(), timezone.now()
    assert drained(claimer, now) == 1
    call_command("pools", "set", "api", "5", "--rate", "0")
    assert drained(claimer, now) == 8
