"""Whether an asset expression holds, and what it waits for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.assets import ExpressionError, Known, holds, leaves, waiting_for
from orchestrator.core.timetables import TimetableError, from_json, from_schedule
from orchestrator.sdk import Asset, AssetAlias, AssetOrTimeSchedule, CronTriggerTimetable

KEYS = [(name, f"file://{name}") for name in "abcd"]
LEAF = st.one_of(
    st.sampled_from(KEYS).map(lambda key: {"asset": {"name": key[0], "uri": key[1], "group": "asset"}}),
    st.sampled_from(KEYS).map(lambda key: {"asset_ref": {"name": key[0]}}),
    st.sampled_from(KEYS).map(lambda key: {"asset_ref": {"uri": key[1]}}),
    st.sampled_from("xy").map(lambda name: {"alias": {"name": name, "group": "asset"}}),
)
EXPRESSION = st.recursive(
    LEAF, lambda inner: st.builds(lambda word, parts: {word: parts}, st.sampled_from(["all", "any"]), st.lists(inner))
)
KNOWN = st.builds(
    Known,
    ready=st.frozensets(st.sampled_from(KEYS)),
    by_name=st.sets(st.sampled_from(KEYS)).map(lambda keys: {name: (name, uri) for name, uri in keys}),
    by_uri=st.sets(st.sampled_from(KEYS)).map(lambda keys: {uri: (name, uri) for name, uri in keys}),
    of_alias=st.dictionaries(st.sampled_from("xy"), st.lists(st.sampled_from(KEYS))),
)


def truth(expression: Any, known: Known) -> bool:
    """The definition, the long way round."""
    [(kind, content)] = expression.items()
    if kind == "asset":
        return (content["name"], content["uri"]) in known.ready
    if kind == "asset_ref":
        active = {**known.by_name, **known.by_uri}
        return active.get(next(iter(content.values()))) in known.ready
    if kind == "alias":
        return bool(set(known.of_alias.get(content["name"], ())) & set(known.ready))
    found = [truth(each, known) for each in content]
    return False not in found if kind == "all" else True in found


@given(EXPRESSION, KNOWN)
def test_an_expression_holds_as_it_is_defined(expression: Any, known: Known):
    assert holds(expression, known) is truth(expression, known)


@given(EXPRESSION, KNOWN)
def test_what_it_waits_for_would_make_it_hold(expression: Any, known: Known):
    missing = waiting_for(expression, known)
    if holds(expression, known):
        assert missing == []
        return
    assert all(not holds({kind: about}, known) for kind, about in missing)
    everything = Known(
        ready=frozenset(KEYS),
        by_name={name: (name, uri) for name, uri in KEYS},
        by_uri={uri: (name, uri) for name, uri in KEYS},
        of_alias={"x": KEYS, "y": KEYS},
    )
    if holds(expression, everything):
        assert missing, "it could hold, so something is missing"


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        {"all": 3},
        {"asset": {"name": "a"}},
        {"asset": {"name": "", "uri": "a"}},
        {"asset_ref": {"name": "a", "uri": "b"}},
        {"asset_ref": {}},
        {"alias": {}},
        {"some": []},
        {"all": [], "any": []},
        {"any": [{"asset": None}]},
    ],
)
def test_what_is_no_expression_is_refused(document: Any):
    with pytest.raises(ExpressionError, match="is no asset expression"):
        list(leaves(document))


def test_a_deep_expression_is_refused_rather_than_followed():
    deep: Any = {"alias": {"name": "x"}}
    for _ in range(2000):
        deep = {"all": [deep]}
    with pytest.raises(ExpressionError):
        list(leaves(deep))


def test_a_schedule_on_assets_is_a_timetable_that_never_is_due_by_itself():
    one = Asset("a")
    for schedule in (one, [one], one & AssetAlias("x"), {one}):
        timetable = from_schedule(schedule)
        assert (timetable.summary, timetable.description) == ("Asset", "Triggered by assets")
        assert not timetable.periodic and not timetable.can_be_scheduled
        assert from_json(timetable.to_json()).to_json() == timetable.to_json()


def test_a_set_of_assets_is_the_same_schedule_whatever_its_order():
    assets = [Asset(name) for name in "abcdef"]
    assert from_schedule(set(assets)).to_json() == from_schedule(frozenset(reversed(assets))).to_json()


def test_assets_or_time_is_due_as_its_timetable_is():
    timetable = AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 1 * * 3", "UTC"), assets=[Asset("a")])
    again = from_json(timetable.to_json())
    assert again.summary == "Asset or 0 1 * * 3"
    assert again.description == "Triggered by assets or At 01:00, only on Wednesday"
    assert again.can_be_scheduled and again.periodic
    assert again.to_json() == timetable.to_json()


def test_asset_timetables_cannot_be_nested():
    inner = AssetOrTimeSchedule(timetable=CronTriggerTimetable("@daily", "UTC"), assets=[Asset("a")])
    with pytest.raises(TimetableError, match="cannot be nested"):
        AssetOrTimeSchedule(timetable=inner, assets=[Asset("b")])


@pytest.mark.parametrize("schedule", [[Asset("a"), "b"], [3], ("a",)])
def test_a_list_with_something_else_inside_is_no_schedule(schedule: Any):
    with pytest.raises(TimetableError, match="must be assets"):
        from_schedule(schedule)
