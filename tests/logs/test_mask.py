"""Secrets in logs and rendered fields."""

from __future__ import annotations

import base64
import json
import re
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.logs.mask import MASK, Masker, MaskingStream, is_secret_name, mask_fields, secret_values

AWKWARD = 'p@ss/"wörd"+\\x y%&<\''
letters = st.text("ab*", min_size=5, max_size=9)


@pytest.mark.parametrize(
    "written",
    [
        AWKWARD,
        quote(AWKWARD),
        quote(AWKWARD, safe=""),
        re.sub("%..", lambda found: found[0].lower(), quote(AWKWARD)),
        quote_plus(AWKWARD),
        json.dumps(AWKWARD)[1:-1],
        json.dumps(AWKWARD, ensure_ascii=False)[1:-1],
        repr(AWKWARD)[1:-1],
        repr(AWKWARD.encode())[2:-1],
    ],
)
def test_a_secret_is_hidden_however_it_is_written(written: str) -> None:
    assert Masker([AWKWARD]).mask(f"before {written} after") == f"before {MASK} after"


@pytest.mark.parametrize("user", ["", "u", "us", "use", "user"])
def test_a_secret_inside_basic_authorization_is_hidden(user: str) -> None:
    secret = "correct horse battery staple"
    header = base64.b64encode(f"{user}:{secret}".encode()).decode()
    masked = Masker([secret]).mask(header)
    assert MASK in masked
    assert len(masked) < 16  # what is left holds the user's name and at most a few bits of the secret's ends


def test_short_values_are_left_alone() -> None:
    assert Masker(["1234", "", "   "]).mask("1234 is no secret   ") == "1234 is no secret   "


def test_the_longer_secret_wins_and_overlapping_ones_become_one() -> None:
    masker = Masker(["abcdef", "abcdefghi", "hijkl"])
    assert masker.mask("-abcdef- -abcdefghi- -abcdefghijkl-") == f"-{MASK}- -{MASK}- -{MASK}-"


def test_each_line_of_a_private_key_is_hidden_on_its_own() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAA\n-----END KEY-----\n"
    assert Masker([key]).mask("read MIIEvQIBADANBgkqhkiG9w0 from it") == f"read {MASK} from it"


def test_a_very_long_value_is_hidden_whole() -> None:
    value = "".join(chr(33 + (at * 7919) % 90) for at in range(100_001))
    masked = Masker([value]).mask(f"<{value}>")
    assert masked.replace(MASK, "") == "<>"


@given(st.lists(letters, max_size=4), st.text("ab* ", max_size=60))
def test_no_secret_is_left_and_nothing_else_is_touched(values: list[str], text: str) -> None:
    masker = Masker(values)
    hidden = [False] * len(text)
    for form in masker.forms:
        for start in range(len(text)):
            if text.startswith(form, start):
                hidden[start : start + len(form)] = [True] * len(form)
    shown = [(start, end) for start, end in masker.spans(text)]
    covered = [any(start <= at < end for start, end in shown) for at in range(len(text))]
    assert covered == hidden


@given(st.lists(letters, max_size=4), st.lists(st.text("ab* ", max_size=8), max_size=12))
def test_a_stream_says_the_same_wherever_it_is_cut(values: list[str], pieces: list[str]) -> None:
    masker = Masker(values)
    stream = MaskingStream(masker)
    said = "".join(stream.feed(piece) for piece in pieces) + stream.flush()
    assert said == masker.mask("".join(pieces))


def test_a_stream_holds_nothing_back_but_the_beginning_of_a_secret() -> None:
    stream = MaskingStream(Masker(["hunter22"]))
    assert stream.feed("a line without it\n") == "a line without it\n"
    assert stream.feed("it is hunt") == "it is "
    assert stream.feed("er22!\n") == f"{MASK}!\n"
    assert stream.feed("hunt") == ""
    assert stream.flush() == "hunt"
    assert stream.flush() == ""


def test_a_stream_goes_on_with_a_secret_that_becomes_known_later() -> None:
    stream = MaskingStream(Masker([]))
    assert stream.feed("none yet ") == "none yet "
    stream.replace_masker(Masker(["hunter22"]))
    assert stream.feed("hunter22\n") == f"{MASK}\n"


@pytest.mark.parametrize("secret", ["a" * 1000, "ab" * 500, "a" * 999 + "b", "b" + "a" * 999])
def test_a_secret_that_repeats_itself_does_not_slow_the_log_down(secret: str) -> None:
    def seconds(size: int) -> float:
        start = time.perf_counter()
        masker.mask("a" * size)
        return time.perf_counter() - start

    masker = Masker([secret])
    once = min(seconds(100_000) for _ in range(3))
    assert min(seconds(800_000) for _ in range(2)) < 40 * once + 0.2  # 8 if linear, 64 if quadratic


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "client-secret", "apiKey", "api_key", "Authorization", "aws.access_key", "privateKey"],
)
def test_a_name_tells_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["host", "login", "key", "schema", "bucket_key", "pass_through", ""])
def test_a_name_tells_what_is_no_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_fields_under_secret_names_are_hidden_at_every_depth() -> None:
    fields = {
        "env": {"DB_PASSWORD": "x", "DB_HOST": "db", "retries": 3},
        "headers": [{"Authorization": "Bearer abc"}],
        "secrets": ["one", {"deep": "two", "number": 5, "empty": ""}],
        "sql": "select 'hunter22'",
        "none": None,
    }
    assert Masker(["hunter22"]).mask_fields(fields) == {
        "env": {"DB_PASSWORD": MASK, "DB_HOST": "db", "retries": 3},
        "headers": [{"Authorization": MASK}],
        "secrets": [MASK, {"deep": MASK, "number": 5, "empty": ""}],
        "sql": f"select '{MASK}'",
        "none": None,
    }
    assert mask_fields({"token": "t", "a": ("x", {"passwd": "y"})}) == {"token": MASK, "a": ("x", {"passwd": MASK})}


def test_a_secret_in_a_name_is_hidden_too() -> None:
    assert Masker(["hunter22"]).mask_fields({"hunter22": 1}) == {MASK: 1}


def test_what_is_nested_too_deep_is_hidden_rather_than_shown() -> None:
    value: object = {"password": "x"}
    for _ in range(5000):
        value = [value]
    shown = mask_fields(value)
    assert "x" not in repr(shown)


def test_the_secrets_of_an_extra_are_found_by_their_names() -> None:
    extra = json.dumps({"region": "eu", "aws_secret_access_key": "abc", "nested": {"token": ["t1", "t2"]}})
    assert sorted(secret_values(extra)) == ["abc", "t1", "t2"]
    assert sorted(secret_values("plain", "db_password")) == ["plain"]
    assert list(secret_values("plain", "greeting")) == []
    assert list(secret_values("[" * 100_000)) == []
