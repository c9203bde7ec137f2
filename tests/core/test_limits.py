"""When a pool has to be counted, and what never fits."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.limits import MINUTE, can_fill, never_fits, opens_at


@pytest.mark.parametrize(("slots", "live", "heaviest"), itertools.product(range(-1, 7), range(1, 5), range(1, 4)))
def test_a_pool_is_counted_exactly_where_the_slots_alive_could_overfill_it(slots, live, heaviest):
    """Against all ways in which the slots could be busy at once."""
    busy = itertools.product(range(heaviest + 1), repeat=live)
    assert can_fill(slots, live=live, heaviest=heaviest) == (slots >= 0 and any(sum(each) > slots for each in busy))


@pytest.mark.parametrize(("asked", "slots", "fits"), [(1, 1, True), (2, 1, False), (9, -1, True), (1, 0, False)])
def test_what_can_never_run_is_told_with_what_to_do(asked, slots, fits):
    found = never_fits("db", asked, slots)
    assert (found is None) == fits
    assert fits or f"asks for {asked} slots of pool 'db', which has {slots}" in str(found)


def test_a_pool_that_is_not_there_holds_nothing():
    assert "does not exist" in str(never_fits("db", 1, None))


NOW = datetime(2026, 3, 1, tzinfo=UTC)


@given(st.lists(st.integers(0, 240), min_size=1, max_size=60), st.integers(1, 5))
def test_a_rate_holds_in_every_minute_and_nobody_waits_longer_than_it_asks(asks, rate):
    """Ask at these seconds, waiting for the answer each time: then look at every minute that begins with a start."""
    starts: list[datetime] = []
    for second in sorted(asks):
        at = max([NOW + timedelta(seconds=second), *starts])
        later = opens_at(starts[::-1], rate, at)
        if later is not None:
            assert later > at
            assert sum(each > at - MINUTE for each in starts) >= rate
            assert opens_at(starts[::-1], rate, later - timedelta(microseconds=1)) == later
            at = later
        starts.append(at)
    for start in starts:
        assert sum(start <= other < start + MINUTE for other in starts) <= rate
