"""The assets that DAG files name, as rows; and which of them are active."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dags_app import asset_sync, sync
from dags_app.documents import read
from dags_app.models import Asset, AssetAlias, AssetWatcher, Dag, ScheduleReference, TaskReference
from dags_app.sync import Parsed
from dags_app.trees import Tree
from orchestrator import sdk
from orchestrator.core.serde import SpecError, dag_to_json
from orchestrator.operators.empty import EmptyOperator
from orchestrator.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable
from orchestrator.sdk import AssetWatcher as Watcher
from orchestrator.triggers.file import FileDeleteTrigger

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 11, tzinfo=UTC)
A, B = sdk.Asset("a", extra={"x": 1}), sdk.Asset("b", "s3://b/")


def document(dag_id: str, *, outlets: Any = (), inlets: Any = (), **arguments: Any) -> dict[str, Any]:
    with DAG(dag_id, **arguments) as dag:
        EmptyOperator(task_id="t", outlets=outlets, inlets=inlets)
    return dag_to_json(dag.to_spec())


def store(*documents: dict[str, Any], path: str = "f.py", text: bytes = b"1", now: datetime = NOW) -> None:
    parsed = Parsed(path, f"/dags/{path}", 0.1, [read(each) for each in documents], tree=Tree({path: text}))
    sync.store(parsed, now=now, present={path})


def active() -> set[str]:
    return set(Asset.objects.filter(is_active=True).values_list("name", flat=True))


def test_assets_and_who_names_them_are_stored():
    store(document("p", outlets=[A, sdk.AssetAlias("x", group="g")], inlets=[sdk.Asset.ref(name="far")]))
    store(document("c", schedule=(A & B) | sdk.AssetAlias("x") | sdk.Asset.ref(uri="u")), path="c.py")
    rows = Asset.objects.order_by("name").values_list("name", "uri", "group", "extra", "is_active")
    assert list(rows) == [("a", "a", "asset", {"x": 1}, True), ("b", "s3://b/", "asset", {}, True)]
    assert list(AssetAlias.objects.values_list("name", "group")) == [("x", "asset")]
    tasks = TaskReference.objects.order_by("is_outlet").values_list(
        "dag_id", "task_id", "is_outlet", "asset__name", "name"
    )
    assert list(tasks) == [("p", "t", False, None, "far"), ("p", "t", True, "a", None)]
    schedule = ScheduleReference.objects.values_list("asset__name", "alias__name", "name", "uri")
    assert sorted(schedule, key=str) == [
        ("a", None, None, None),
        ("b", None, None, None),
        (None, "x", None, None),
        (None, None, None, "u"),
    ]
    dag = Dag.objects.get(pk="c")
    assert dag.asset_expression == {
        "any": [
            {"all": [A.as_expression(), B.as_expression()]},
            sdk.AssetAlias("x").as_expression(),
            {"asset_ref": {"uri": "u"}},
        ]
    }
    assert (dag.timetable_summary, dag.timetable_description) == ("Asset", "Triggered by assets")
    assert dag.next_run_after is None and dag.schedule_error == ""
    first = asset_sync.expanded(dag.asset_expression)["any"][0]["all"][0]["asset"]
    assert first["id"] == Asset.objects.get(name="a").pk


def test_a_dag_on_assets_or_time_has_its_next_run_planned():
    store(document("c", schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 1 * * *", "UTC"), assets=[A])))
    dag = Dag.objects.get()
    assert dag.next_run_after == datetime(2026, 3, 11, 1, tzinfo=UTC)
    assert dag.asset_expression == {"all": [A.as_expression()]} and dag.is_backfillable


def test_what_nobody_names_any_more_is_not_active_and_comes_back():
    store(document("p", outlets=[A, B]))
    store(document("p", outlets=[A]), text=b"2")
    assert active() == {"a"}
    sync.store_gone(["f.py"], now=NOW)
    assert active() == set()
    store(document("p", outlets=[A, B]), text=b"3")
    assert active() == {"a", "b"}
    assert Asset.objects.count() == 2


def test_a_dag_that_names_no_assets_any_more_leaves_no_reference():
    store(document("p", outlets=[A], schedule=[B]))
    store(document("p"), text=b"2")
    assert not ScheduleReference.objects.exists() and not TaskReference.objects.exists()
    assert active() == set() and Dag.objects.get().asset_expression is None


def test_of_two_assets_with_one_name_the_first_is_active_until_it_goes():
    store(document("p", outlets=[sdk.Asset("a", "s3://one")]))
    store(document("q", outlets=[sdk.Asset("a", "s3://two"), sdk.Asset("other", "s3://one/")]), path="q.py")
    assert list(Asset.objects.filter(is_active=True).values_list("uri", flat=True)) == ["s3://one/"]
    sync.store_gone(["f.py"], now=NOW)
    assert set(Asset.objects.filter(is_active=True).values_list("name", "uri")) == {
        ("a", "s3://two/"),
        ("other", "s3://one/"),
    }


def test_a_reference_that_stays_keeps_its_time():
    store(document("c", schedule=[A, B]))
    store(document("c", schedule=[A]), text=b"2", now=LATER)
    assert list(ScheduleReference.objects.values_list("asset__name", "created_at")) == [("a", NOW)]


def test_a_changed_extra_is_the_assets_from_then_on():
    store(document("p", outlets=[A]))
    store(document("p", outlets=[sdk.Asset("a", group="g", extra={"x": 2})]), text=b"2", now=LATER)
    assert Asset.objects.values_list("group", "extra", "created_at", "updated_at").get() == ("g", {"x": 2}, NOW, LATER)


def test_watchers_are_stored_for_each_dag_that_defines_them():
    def watched(path: str) -> Any:
        return sdk.Asset("a", watchers=[Watcher("w", FileDeleteTrigger(path))])

    store(document("p", schedule=watched("/tmp/1")))
    store(document("q", schedule=watched("/tmp/1")), path="q.py")
    rows = AssetWatcher.objects.order_by("dag_id")
    assert [(row.dag_id, row.name, row.kwargs["filepath"]) for row in rows] == [
        ("p", "w", "/tmp/1"),
        ("q", "w", "/tmp/1"),
    ]
    assert rows[0].digest == rows[1].digest
    store(document("q", schedule=watched("/tmp/2")), path="q.py", text=b"2")
    store(document("p", schedule=[sdk.Asset("a")]), text=b"2")
    (row,) = AssetWatcher.objects.all()
    assert (row.dag_id, row.kwargs["filepath"]) == ("q", "/tmp/2")
    assert row.version_id == Dag.objects.get(pk="q").version_id


def test_reading_a_file_again_changes_nothing(django_assert_num_queries: Any):
    store(document("p", outlets=[A], schedule=[B]))
    before = (
        list(Asset.objects.values()),
        list(TaskReference.objects.values()),
        list(ScheduleReference.objects.values()),
    )
    store(document("p", outlets=[A], schedule=[B]), now=LATER)
    assert before == (
        list(Asset.objects.values()),
        list(TaskReference.objects.values()),
        list(ScheduleReference.objects.values()),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"assets": []}, "does not define"),
        ({"assets": [{"name": "a"}]}, "needs a name"),
        ({"assets": [{"name": "a", "uri": "x" * 1501, "group": ""}]}, "at most 1500"),
        ({"assets": [{"name": "é" * 1000, "uri": "é" * 1000, "group": ""}]}, "2500 bytes"),
        (
            {
                "assets": [
                    {"name": "a", "uri": "a", "group": "", "extra": []},
                    {"name": "b", "uri": "s3://b/", "group": ""},
                ]
            },
            None,
        ),
        ({"assets": [{"name": "a", "uri": "a", "group": "", "extra": [1]}]}, "extra must be an object"),
        ({"assets": [{"name": "a", "uri": "a", "group": "", "watchers": [{}]}]}, "a watcher needs"),
        (
            {"assets": [{"name": "a", "uri": "a", "group": "", "watchers": [{"name": "n", "classpath": "c"}]}]},
            "arguments",
        ),
        ({"timetable": {"type": "assets", "assets": {"any": 3}}}, "no asset expression"),
        ({"timetable": {"type": "assets", "assets": {"asset": {"name": "\0", "uri": "u"}}}}, "does not define"),
    ],
)
def test_what_a_parse_says_of_assets_is_read_with_distrust(change: dict[str, Any], words: str | None):
    data = {**document("p", outlets=[A], schedule=[B]), **change}
    if words is None:
        read(data)
        return
    with pytest.raises(SpecError, match=words):
        read(data)


def test_a_task_reads_and_writes_assets_one_by_one():
    data = document("p", outlets=[A])
    data["tasks"][0]["outlets"] = [{"any": []}]
    with pytest.raises(SpecError, match="no asset, reference or alias"):
        read(data)
