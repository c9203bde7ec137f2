"""How an asset expression came to hold, in words and change by change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from orchestrator.core.assets import Known, holds, leaves
from orchestrator.core.evaluation import remaining, steps, words
from orchestrator.sdk import Asset, AssetAlias

from .test_assets import EXPRESSION, KEYS, KNOWN

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B, C = Asset("a"), Asset("b"), Asset("c")


@pytest.mark.parametrize(
    ("assets", "text"),
    [
        (A, "a"),
        (A & B & C, "a and b and c"),
        (A & (B | C), "a and (b or c)"),
        ((A & B) | C, "(a and b) or c"),
        (AssetAlias("x") | A, "alias x or a"),
        (Asset.ref(uri="s3://x/") & A, "s3://x/ and a"),
    ],
)
def test_an_expression_in_words(assets: Any, text: str):
    assert words(assets.as_expression()) == text


def test_each_change_says_what_was_waited_for_after_it():
    expression = (A & (B | C)).as_expression()
    changes = [(("c", "c"), NOON + timedelta(hours=1)), (("a", "a"), NOON)]
    found = [(step.key[0], step.missing) for step in steps(expression, changes, Known(frozenset()))]
    assert found == [("a", "b or c"), ("c", "")]


@given(EXPRESSION, KNOWN)
def test_what_remains_is_what_would_make_it_hold(expression: Any, known: Known):
    rest = remaining(expression, known)
    assert (rest is None) is holds(expression, known)
    if rest is None:
        return
    assert not holds(rest, known)
    words(rest)
    # Once the rest holds, whatever else changes, the whole does.
    more = replace(known, ready=frozenset(KEYS))
    assert holds(expression, more) or not holds(rest, more)
    assert len(list(leaves(rest))) <= len(list(leaves(expression)))
