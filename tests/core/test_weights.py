"""Weights in effect, against adding them up one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.weights import effective_weights

RULES = ("downstream", "upstream", "absolute")


@st.composite
def graphs(draw):
    """Tasks in an order that their edges keep, with weights and rules."""
    count = draw(st.integers(1, 8))
    names = [f"t{number}" for number in range(count)]
    upstream = {
        name: draw(st.lists(st.sampled_from(names[:place]), unique=True)) if place else []
        for place, name in enumerate(names)
    }
    order = draw(st.permutations(names))
    own = {name: draw(st.integers(-(2**31), 2**31 - 1)) for name in names}
    rules = {name: draw(st.sampled_from(RULES)) for name in names}
    return {name: upstream[name] for name in order}, own, rules


def above(upstream, start):
    found = set()
    for other in upstream[start]:
        found |= {other} | above(upstream, other)
    return found


@given(graphs())
def test_each_task_counts_once_however_many_ways_lead_to_it(graph):
    upstream, own, rules = graph
    for task_id, weight in effective_weights(upstream, own, rules).items():
        others = {
            "downstream": {each for each in upstream if task_id in above(upstream, each)},
            "upstream": above(upstream, task_id),
            "absolute": set(),
        }[rules[task_id]]
        assert weight == own[task_id] + sum(own[each] for each in others)


def test_a_chain_of_thousands_is_added_up_without_recursion():
    names = [f"t{number}" for number in range(5000)]
    upstream = {name: names[place - 1 : place] if place else [] for place, name in enumerate(names)}
    found = effective_weights(upstream, dict.fromkeys(names, 1), {})
    assert (found["t0"], found["t4999"]) == (5000, 1)
