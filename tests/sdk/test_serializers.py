"""XComs of classes: which are made again, and which never."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.sdk import register_serializer
from orchestrator.sdk.serializers import ALLOWED
from orchestrator.sdk.xcom_json import decode, encode


@dataclass
class Order:
    number: int
    lines: list[Line]
    total: float = field(init=False, default=0.0)


@dataclass(frozen=True)
class Line:
    text: str


class Point(NamedTuple):
    x: int
    y: int


class Celsius:
    """Has a form of its own, as Airflow wants it."""

    __version__ = 2

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def serialize(self) -> dict[str, Any]:
        return {"degrees": self.degrees}

    @staticmethod
    def deserialize(data: dict[str, Any], version: int) -> Celsius:
        assert version == 2
        return Celsius(data["degrees"])


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Euro(Money):
    pass


def again(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


def test_dataclasses_come_back_with_what_is_in_them():
    found = again([Order(1, [Line("a"), Line("b")])])
    assert found == [Order(1, [Line("a"), Line("b")])]
    assert isinstance(found[0].lines[0], Line)


def test_a_named_tuple_comes_back_as_one_or_as_a_tuple_where_its_class_is_not_known():
    found = again(Point(1, 2))
    assert found == (1, 2) and found.x == 1
    data = encode(Point(1, 2)) | {"class": "no.such.module:Point"}
    assert decode(data) == (1, 2)


def test_a_class_may_bring_its_form():
    assert again(Celsius(21.5)).degrees == 21.5


def test_a_registered_form_counts_for_subclasses_and_may_hold_any_xcom():
    register_serializer(Money, "tests.money", lambda money: (money.cents,), lambda data: Money(*data))
    assert again({"price": Euro(1250)})["price"].cents == 1250
    assert encode(Money(1)) == {"__type": "tests.money", "value": {"__type": "tuple", "value": [1]}}


def test_a_tag_has_one_owner_and_none_of_ours():
    register_serializer(Money, "tests.money", lambda money: money.cents, Money)
    with pytest.raises(ValueError, match=r"'tests.money' is .*Money's already"):
        register_serializer(Celsius, "tests.money", vars, Celsius)
    with pytest.raises(ValueError, match="needs a dot"):
        register_serializer(Celsius, "set", vars, Celsius)


def test_a_tag_nobody_registered_says_what_to_do():
    with pytest.raises(TypeError, match=r"'acme.thing': import the module that registers it"):
        decode({"__type": "acme.thing", "value": 1})


@pytest.mark.parametrize("tag", ["dataclass", "model", "object"])
@pytest.mark.parametrize("kind", ["subprocess:Popen", "builtins:eval", "os:system", "builtins:dict"])
def test_data_cannot_have_any_class_called(tag: str, kind: str):
    assert subprocess  # is loaded
    with pytest.raises(TypeError, match=r"which (is no|has no)"):
        decode({"__type": tag, "class": kind, "value": {"args": ["touch", "/tmp/x"]}})


def test_a_class_that_is_not_loaded_is_imported_only_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "acme_orders.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Order:\n    number: int\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    data = {"__type": "dataclass", "class": "acme_orders:Order", "value": {"number": 7}}
    monkeypatch.setenv(ALLOWED, "other.*")
    with pytest.raises(TypeError, match=r"holds a acme_orders.Order, which this DAG file does not import.*" + ALLOWED):
        decode(data)
    assert "acme_orders" not in sys.modules
    monkeypatch.setenv(ALLOWED, "other.* acme_orders.*")
    assert decode(data).number == 7
    monkeypatch.delitem(sys.modules, "acme_orders")
    monkeypatch.setenv(ALLOWED, "")
    monkeypatch.setenv(f"{ALLOWED}_REGEXP", r"acme_\w+\.Order")
    assert decode(data).number == 7


def test_writing_a_plain_value_imports_nothing_large():
    code = textwrap.dedent(
        """
        import sys
        from orchestrator.sdk.xcom_json import encode, decode
        before = set(sys.modules)
        decode(encode({"a": [1, (2, 3), {4}]}))
        print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in
                     {"pandas", "numpy", "pyarrow", "pendulum", "zoneinfo"}))
        """
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_attrs_classes():
    attrs = pytest.importorskip("attrs")
    made = attrs.make_class("Made", {"a": attrs.field(), "_b": attrs.field(), "c": attrs.field(init=False, default=3)})
    made.__module__ = __name__
    globals()["Made"] = made
    assert again(made(a=1, b=(2,))) == made(a=1, b=(2,))


def test_pydantic_models():
    pydantic = pytest.importorskip("pydantic")
    made = pydantic.create_model("Model", when=(__import__("datetime").date, ...), __module__=__name__)
    globals()["Model"] = made
    assert again(made(when="2024-03-01")) == made(when="2024-03-01")


def test_numpy():
    numpy = pytest.importorskip("numpy")
    for value in (
        numpy.float32(1.5),
        numpy.int8(-3),
        numpy.bool_(True),
        numpy.datetime64("2024-03-01"),
        numpy.float64("inf"),
    ):
        found = again(value)
        assert found == value and type(found) is type(value)
    assert encode(numpy.float64(1.5))["value"] == 1.5, "who reads the JSON sees the number"
    array = numpy.arange(6, dtype="int16").reshape(2, 3).T
    found = again(array)
    assert (found == array).all() and found.dtype == array.dtype and found.flags.writeable
    with pytest.raises(TypeError, match="numpy array of Python objects"):
        encode(numpy.array([object()]))


def test_pandas_and_arrow():
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": [1, 2], "when": pandas.to_datetime(["2024-01-01", None])}, index=["x", "y"])
    pandas.testing.assert_frame_equal(again(frame), frame)
    pandas.testing.assert_series_equal(again(frame["a"]), frame["a"])
    assert again(pandas.Timestamp("2024-01-01 00:00:00.000000001")).nanosecond == 1
    table = pyarrow.table({"a": [1, None]})
    assert again(table) == table
    assert again(table.to_batches()[0]) == table


def test_polars():
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = polars.DataFrame({"a": [1, 2]})
    assert again(frame).equals(frame)


def test_a_tuple_with_fields_but_no_class_of_its_own():
    made = namedtuple("made", "a b")
    assert again(made(1, 2)) == (1, 2)
