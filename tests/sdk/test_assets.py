"""Assets as authors write them."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.serde import dag_from_json, dag_to_json
from orchestrator.runtime.local import run_dag
from orchestrator.sdk import (
    DAG,
    Asset,
    AssetAlias,
    AssetAll,
    AssetAny,
    AssetWatcher,
    Dataset,
    Metadata,
    Model,
    asset,
    registry,
    task,
)
from orchestrator.sdk.exceptions import DagError
from orchestrator.triggers.file import FileDeleteTrigger, FileTrigger

A, B, C = Asset("a"), Asset("b", "s3://b"), Asset("c")


def test_name_and_uri_stand_for_each_other():
    assert (Asset("a").uri, Asset(uri="s3://x/y").name) == ("a", "s3://x/y")
    assert (Asset("a").group, Dataset("a").group, Model("a").group, Asset("a", group="g").group) == (
        "asset",
        "dataset",
        "model",
        "g",
    )
    assert Asset("a") == Dataset("a") != Asset("a", "b")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("S3://bucket/key/", "s3://bucket/key"),
        ("s3://bucket", "s3://bucket/"),
        ("https://h/p?b=2&a=1#part", "https://h/p?a=1&b=2"),
        ("x-mine://Any/Thing/#f", "x-mine://Any/Thing/#f"),
        ("no uri at all", "no uri at all"),
        ("file:///tmp/a.csv", "file:///tmp/a.csv"),
        ("s3://user@bucket/key", "s3://user@bucket/key"),
    ],
)
def test_a_uri_has_one_form(written: str, kept: str):
    assert Asset("a", written).uri == kept


def test_a_password_is_dropped_from_a_uri_with_a_warning():
    with pytest.warns(UserWarning, match="password"):
        assert Asset("a", "postgres://u:secret@host/db").uri == "postgres://host/db"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Asset(), "requires either"),
        (lambda: Asset(""), "cannot be empty"),
        (lambda: Asset("  "), "just whitespace"),
        (lambda: Asset("x" * 1501), "cannot exceed 1500"),
        (lambda: Asset("self"), "prohibited name"),
        (lambda: Asset("a", "airflow://x"), "reserved"),
        (lambda: Asset(3), "must be a string"),
        (lambda: Asset.ref(name="a", uri="b"), "not both"),
        (lambda: Asset.ref(), "expects keyword argument"),
        (lambda: AssetAny("a"), "asset expressions"),
        (lambda: A & "b", "unsupported operand"),
        (lambda: AssetWatcher("w", FileTrigger("/f")), "BaseEventTrigger"),
    ],
)
def test_what_cannot_be_says_why(make: Any, words: str):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


def test_expressions_are_built_as_in_airflow():
    assert AssetAny(A, B, C) == (A | B | C)
    assert AssetAll(A, B, C) == (A & B & C)
    assert (A | (B & C)).as_expression() == {
        "any": [A.as_expression(), {"all": [B.as_expression(), C.as_expression()]}]
    }
    assert B.as_expression() == {"asset": {"uri": "s3://b/", "name": "b", "group": "asset"}}
    assert AssetAlias("x").as_expression() == {"alias": {"name": "x", "group": "asset"}}
    assert Asset.ref(uri="u").as_expression() == {"asset_ref": {"uri": "u"}}


def test_a_dag_says_which_assets_it_names():
    watched = Asset("w", watchers=[AssetWatcher("drop", FileDeleteTrigger("/tmp/f", 1.0))])
    with DAG("d", schedule=watched & Asset("plain") & Asset.ref(name="far")) as dag:

        @task(outlets=[Asset("out", extra={"hi": "bye"}), AssetAlias("later")], inlets=[A, "no asset"])
        def t():
            pass

        t()
    spec = dag_from_json(dag_to_json(dag.to_spec()))
    assert [each["name"] for each in spec.assets] == ["a", "out", "plain", "w"]
    assert spec.assets[1]["extra"] == {"hi": "bye"}
    assert spec.assets[3]["watchers"] == [
        {
            "name": "drop",
            "classpath": "orchestrator.triggers.file.FileDeleteTrigger",
            "kwargs": {"filepath": "/tmp/f", "poke_interval": 1.0},
        }
    ]
    assert spec.tasks["t"].inlets == (A.as_expression(),)
    assert [next(iter(each)) for each in spec.tasks["t"].outlets] == ["asset", "alias"]


def test_what_an_asset_is_does_not_depend_on_where_it_is_named_with_less():
    with DAG("d", schedule=Asset("a")) as dag:

        @task(outlets=Asset("a", group="mine", extra={"x": 1}))
        def t():
            pass

        t()
    assert dag.to_spec().assets == ({"name": "a", "uri": "a", "group": "mine", "extra": {"x": 1}},)


def test_an_extra_that_is_no_json_is_refused_where_it_is_written():
    with DAG("d", schedule=Asset("a", extra={"x": object()})) as dag:
        pass
    with pytest.raises(DagError, match="extra of Asset"):
        dag.to_spec()


# ---- @asset


def module_level(function: Any) -> Any:
    """As a function of a file's own level."""
    function.__qualname__ = function.__name__
    return function


def made() -> DAG:
    (dag,) = registry._made
    return dag


@pytest.fixture(autouse=True)
def _fresh() -> None:
    registry.begin()


def test_an_asset_is_a_dag_of_one_task():
    def clean(self, context, raw, size=3):
        """Cleans."""

    found = asset(schedule="@daily", uri="s3://x/clean", group="g", tags=["t"])(module_level(clean))
    spec = made().to_spec()
    assert (found.name, found.uri, found.group) == ("clean", "s3://x/clean", "g")
    assert (spec.dag_id, spec.tags, list(spec.tasks)) == ("clean", ("t",), ["clean"])
    assert spec.tasks["clean"].outlets == (found.as_expression(),)
    assert spec.tasks["clean"].inlets == ({"asset_ref": {"name": "raw"}},)
    assert DAG("other", schedule=found).to_spec().timetable["assets"] == found.as_expression()


def test_one_function_may_make_several_assets():
    def both():
        pass

    found = asset.multi(schedule=None, outlets=[A, B], dag_id="mine")(module_level(both))
    assert made().dag_id == "mine"
    assert [each["asset"]["name"] for each in made().to_spec().tasks["both"].outlets] == ["a", "b"]
    assert found.as_expression() == {"all": [A.as_expression(), B.as_expression()]}


def test_an_asset_may_be_any_task():
    def shell():
        return "true"

    asset(schedule=None)(task.bash(retries=4)(module_level(shell)))
    assert made().to_spec().tasks["shell"].retries == 4
    assert made().to_spec().tasks["shell"].outlets


@pytest.mark.parametrize(
    ("function", "words"),
    [(lambda *args: None, "wildcard '\\*args'"), (lambda **kwargs: None, "wildcard '\\*\\*kwargs'")],
)
def test_an_asset_function_has_plain_parameters(function: Any, words: str):
    function.__name__ = function.__qualname__ = "f"
    with pytest.raises(TypeError, match=words):
        asset(schedule=None)(function)


def test_an_asset_is_defined_at_a_files_own_level():
    def inner():
        pass

    with pytest.raises(ValueError, match="nested function"):
        asset(schedule=None)(inner)


def test_the_function_gets_the_assets_that_it_names():
    seen = []

    def clean(self, raw, outlet_events, size=3):
        outlet_events[self].extra["rows"] = size
        seen.append((self, raw, size))
        return len(seen)

    asset(schedule=None)(module_level(clean))
    answers = {"clean": {"name": "clean", "uri": "clean", "group": "asset", "extra": {}}}
    answers["raw"] = {"name": "raw", "uri": "s3://raw", "group": "g", "extra": {"x": 1}}

    def provide(what: str, args: dict[str, Any]) -> Any:
        return answers[args["name"]] if what == "asset" else []

    found = run_dag(made(), provider=provide, in_process=True, say=lambda line: None)
    assert found.succeeded, found.reasons
    assert seen == [(Asset("clean"), Asset("raw", "s3://raw/"), 3)]


# ---- events as a task sees and makes them


def attempt(function: Any, outlets: Any, answers: dict[str, Any] | None = None, inlets: Any = ()) -> Any:
    """Run one task here; return its result message."""
    from orchestrator.runtime.rehearsal import ASSIGNMENT
    from orchestrator.sdk import comms

    def answer(what: str, args: dict[str, Any]) -> Any:
        return (answers or {}).get(what, [])

    import json

    from orchestrator.runtime.child import carry_out

    with DAG("rehearsal") as dag:
        task(task_id="rehearsal", outlets=outlets, inlets=inlets)(function)()
    assignment = json.loads(ASSIGNMENT)
    assignment["run"]["run_type"] = "asset_triggered"
    before = comms.use(answer)
    try:
        return carry_out(assignment, {"rehearsal": dag}, type("Nobody", (), {"tell": lambda self, message: None})())
    finally:
        comms.use(before)


def test_what_is_noted_about_outlets_is_told():
    def work(outlet_events):
        outlet_events[A].extra = {"rows": 3}
        outlet_events[AssetAlias("x")].add(B, extra={"n": 1})
        outlet_events[C].add_partitions(["2", "1", "1"])
        yield Metadata(A, {"more": True}, alias=AssetAlias("x"))

    found = attempt(work, [A, C, AssetAlias("x")])
    assert found["outcome"] == "success"
    about_b = {"name": "b", "uri": "s3://b/", "group": "asset", "extra": {}}
    about_a = {"name": "a", "uri": "a", "group": "asset", "extra": {}}
    assert found["outlet_events"] == [
        {"asset": ["a", "a"], "extra": {"rows": 3, "more": True}, "partition_key": None},
        {"alias": "x", "asset": about_b, "extra": {"n": 1}},
        {"alias": "x", "asset": about_a, "extra": {"more": True}},
        {"asset": ["c", "c"], "extra": {}, "partition_key": "1"},
        {"asset": ["c", "c"], "extra": {}, "partition_key": "2"},
    ]


def test_a_task_that_notes_nothing_tells_nothing():
    assert attempt(lambda: 3, [A])["outlet_events"] is None


def test_an_event_that_is_no_json_fails_its_task_and_says_which():
    def work(outlet_events):
        outlet_events[A].extra = {"at": object()}

    found = attempt(work, [A])
    assert found["outcome"] == "failed" and "the extra of the event of asset ['a', 'a'] is no JSON" in found["error"]


def test_a_task_of_an_inactive_asset_fails_for_good():
    found = attempt(lambda: 3, [A], {"inactive_assets": [["a", "a"]]})
    assert (found["outcome"], found["retry"]) == ("failed", False)
    assert "inactive assets in its inlets or outlets: Asset(name='a', uri='a')" in found["error"]


EVENT = {
    "id": 7,
    "timestamp": "2026-03-01T00:00:00+00:00",
    "extra": {"rows": 3},
    "asset": {"name": "a", "uri": "a", "group": "asset", "extra": {}},
    "aliases": ["x"],
    "source_dag_id": "p",
    "source_task_id": "t",
    "source_run_id": "r",
    "source_map_index": -1,
    "partition_key": None,
}


def test_a_task_sees_the_events_that_its_run_is_for():
    seen: dict[str, Any] = {}

    def work(triggering_asset_events):
        (event,) = triggering_asset_events[A]
        seen["by alias"] = triggering_asset_events[AssetAlias("x")][0].id
        seen["items"] = [(thing.name, len(events)) for thing, events in triggering_asset_events.items()]
        seen["event"] = (event.id, event.extra, event.uri, event.timestamp.year, event.source_task_instance.xcom_pull())
        seen["others"] = triggering_asset_events.get(B)

    answers = {
        "triggering_asset_events": [EVENT],
        "dag_run": {"dag_id": "p", "run_id": "r"},
        "xcom": [{"task_id": "t", "map_index": -1, "value": 42}],
    }
    found = attempt(work, [], answers)
    assert found["outcome"] == "success", found
    assert seen["event"] == (7, {"rows": 3}, "a", 2026, 42)
    assert seen["items"] == [("a", 1), ("x", 1)] and seen["by alias"] == 7 and seen["others"] is None


def test_a_task_sees_the_events_of_its_inlets():
    seen: dict[str, Any] = {}

    def work(inlet_events):
        seen["last"] = inlet_events[A].after("2026-01-01").ascending(False).limit(1)[0].id
        seen["by place"] = len(inlet_events[1])
        try:
            inlet_events[B]
        except KeyError as error:
            seen["error"] = str(error)

    found = attempt(work, [], {"asset_events": [EVENT]}, inlets=[A, AssetAlias("x")])
    assert found["outcome"] == "success", found
    assert seen == {"last": 7, "by place": 1, "error": "Asset(name='b', uri='s3://b/')"}
