"""Sentences that can be said in another language are plain texts to everything else."""

from __future__ import annotations

import copy
import json

from orchestrator.core.said import Said, said


def test_a_sentence_is_its_english_text():
    text = said("pool {pool} has {count}", pool="db", count=said("{n} slots", n=3))
    assert text == "pool db has 3 slots"
    assert json.dumps(text) == '"pool db has 3 slots"'


def test_it_knows_what_it_was_made_of():
    text = said("pool {pool} is full", pool="{pool}")
    assert text == "pool {pool} is full"
    assert (text.pattern, text.values) == ("pool {pool} is full", {"pool": "{pool}"})


def test_braces_of_a_text_without_values_are_itself():
    assert said('give {"rows": 3}') == 'give {"rows": 3}'


def test_a_copy_knows_it_too():
    text = copy.deepcopy(said("it runs in {queue}", queue="default"))
    assert isinstance(text, Said)
    assert text.values == {"queue": "default"}
