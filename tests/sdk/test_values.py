"""Connections, variables and XCom values."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sdk import Connection, Variable, comms
from orchestrator.sdk.connections import parse_uri
from orchestrator.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError
from orchestrator.sdk.xcom_json import decode, encode

plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
keys = st.one_of(st.text(), st.integers(), st.tuples(st.integers(), st.text()))
special = st.one_of(
    st.binary(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.none() | st.timezones() | st.just(UTC)),
    st.complex_numbers(allow_nan=False, allow_infinity=False),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.frozensets(st.integers()),
    st.tuples(st.integers(), st.text()),
)
values = st.recursive(
    st.one_of(plain, special), lambda inner: st.one_of(st.lists(inner), st.dictionaries(keys, inner)), max_leaves=20
)


@settings(deadline=None)
@given(values)
def test_a_value_comes_back_as_it_went_through_json(value):
    found = decode(json.loads(json.dumps(encode(value))))
    assert found == value and type(found) is type(value)


def test_a_dict_that_looks_like_a_tag_stays_a_dict():
    value = {"__type": "set", "value": [1]}
    assert decode(encode(value)) == value


def test_a_time_comes_back_aware_and_in_its_zone():
    import pendulum

    value = pendulum.datetime(2024, 3, 1, 8, tz="Europe/Berlin")
    found = decode(encode(value))
    assert found == value and found.timezone_name == "Europe/Berlin"
    aware = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    found = decode(encode(aware))
    assert found == aware and type(found) is datetime and found.tzinfo is aware.tzinfo and found.fold == 1
    assert decode(encode(datetime(2024, 3, 1))).tzinfo is None, "a naive time stays naive"
    for zone in (ZoneInfo("Asia/Tokyo"), timezone(timedelta(hours=-3)), UTC, pendulum.timezone("Europe/Berlin")):
        assert decode(encode(zone)).utcoffset(datetime(2024, 1, 1)) == zone.utcoffset(datetime(2024, 1, 1))


@pytest.mark.parametrize(
    "value", [date(2024, 1, 1), time(8), Decimal("1.10"), UUID(int=1), PurePosixPath("/a/b"), float("inf"), {1: 2}]
)
def test_types_with_a_form_of_their_own(value):
    found = decode(encode(value))
    assert str(found) == str(value)


def test_a_value_without_a_form_is_refused_by_its_type():
    with pytest.raises(TypeError, match=r"builtins.object cannot be an XCom"):
        encode({"deep": [object()]})


def test_an_endless_value_is_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="deeper than 200"):
        encode(loop)


# ---- connections and variables

word = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)


@settings(deadline=None)
@given(
    login=st.none() | word,
    password=st.none() | word,
    schema=st.none() | word,
    port=st.none() | st.integers(1, 65535),
    extra=st.dictionaries(word, word, max_size=3),
)
def test_a_connection_comes_back_from_its_address(login, password, schema, port, extra):
    made = Connection("c", "postgres", None, "db.example.org", login, password, schema, port, extra or None)
    found = Connection("c", uri=made.get_uri())
    fields = ("conn_type", "host", "password", "schema", "port", "extra_dejson")
    assert [getattr(found, name) for name in fields] == [getattr(made, name) for name in fields]
    assert (found.login or None) == made.login


@pytest.mark.parametrize(
    "text",
    [
        '{"conn_type": "http", "host": "x.org", "port": "81", "extra": {"a": 1}}',
        "http://x.org:81/?__extra__=%7B%22a%22%3A+1%7D",
    ],
)
def test_the_environment_gives_a_connection_as_json_or_address(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("AIRFLOW_CONN_MY_API", text)
    found = Connection.get("my_api")
    assert (found.conn_type, found.host, found.port, found.extra_dejson) == ("http", "x.org", 81, {"a": 1})


def test_a_connection_that_is_not_there_is_named():
    with pytest.raises(AirflowNotFoundException, match="`nowhere`"):
        Connection.get("nowhere")


def test_an_address_in_brackets_is_a_host():
    assert parse_uri("http://user@[::1]/")["login"] == "user"


def test_variables_come_from_the_environment_then_the_server_then_the_default(monkeypatch: pytest.MonkeyPatch):
    assert Variable.get("v", default="d") == "d"
    assert Variable.get("v", default_var=None) is None
    before = comms.use(lambda what, args: {"value": '{"a": 1}'} if args["key"] == "v" else None)
    try:
        assert Variable.get("v", deserialize_json=True) == {"a": 1}
        monkeypatch.setenv("AIRFLOW_VAR_V", "mine")
        assert Variable.get("v") == "mine"
        for kind in (KeyError, AirflowRuntimeError):
            with pytest.raises(kind, match="VARIABLE_NOT_FOUND"):
                Variable.get("w")
    finally:
        comms.use(before)
