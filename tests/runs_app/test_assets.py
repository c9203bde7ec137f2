"""Events of assets, and the runs they lead to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from dags_app import asset_sync
from dags_app.models import Asset, AssetAlias, Dag
from orchestrator import sdk
from orchestrator.core.states import RunType
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable
from runs_app import actions, answers, asset_events, asset_runs, control, outlet_notes, tick
from runs_app.finish import Outcome
from runs_app.models import AssetEvent, DagRun, QueuedEvent, UnreadEvent
from tests.runs_app.engine import end, play, slot, start, states, take
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]

A, B, C = sdk.Asset("a"), sdk.Asset("b"), sdk.Asset("c")
X = sdk.AssetAlias("x")


def make(
    dag_id: str,
    *,
    outlets: Any = (),
    inlets: Any = (),
    schedule: Any = None,
    now: datetime | None = None,
    **arguments: Any,
) -> Dag:
    """A DAG of one task ``t``, stored with its assets as a parse would."""
    columns = {name: arguments.pop(name) for name in ("is_paused", "next_run_after") if name in arguments}
    with DAG(dag_id, schedule=schedule, **arguments) as dag:
        PythonOperator(task_id="t", python_callable=print, outlets=outlets, inlets=inlets)
    spec = dag.to_spec()
    expression = asset_sync.expression_of(spec)
    fields = {"max_active_runs": spec.max_active_runs, "asset_expression": expression, **columns}
    made = factories.make_dag(spec=spec, **fields)
    asset_sync.store({dag_id: spec}, {dag_id: made.version_id}, now or timezone.now())
    return made


def renew(dag: Dag, *, outlets: Any = (), schedule: Any = None) -> None:
    """Another version of a DAG."""
    with DAG(dag.pk, schedule=schedule) as again:
        PythonOperator(task_id="t", python_callable=print, outlets=outlets)
    spec = again.to_spec()
    version = factories.make_version(dag, spec)
    Dag.objects.filter(pk=dag.pk).update(asset_expression=asset_sync.expression_of(spec))
    asset_sync.store({dag.pk: spec}, {dag.pk: version.pk}, timezone.now())


def produce(dag: Dag, *notes: Any, outcome: str = "success", at: datetime | None = None) -> int:
    """Run the one task of a DAG, with what it noted about its outlets; return its task instance."""
    start(dag, now=at, logical_date=None, interval=None)
    row = take(slot(), at)
    assert row is not None
    # The engine's own clock may be behind: two events of a test are never at one instant.
    end(row, Outcome(outcome, notes=outlet_notes.read(list(notes) or None)), now=at)
    return row["id"]


def event(name: str, extra: dict[str, Any] | None = None, key: str | None = None, now: datetime | None = None) -> None:
    """An event from outside."""
    now = now or timezone.now()
    emitted = asset_events.Emitted(Asset.objects.get(name=name).pk, extra or {}, key)
    asset_runs.make(asset_events.emit([emitted], None, now), now)


def runs_of(dag_id: str) -> list[DagRun]:
    return list(DagRun.objects.filter(dag_id=dag_id).order_by("pk"))


def told(run: DagRun) -> list[Any]:
    """What the run is told of: the extras of its events, oldest first."""
    return [each.extra for each in run.asset_events.order_by("pk")]


def queued() -> list[tuple[str, str]]:
    return sorted(QueuedEvent.objects.values_list("dag_id", "asset__name"))


# ---- events


def test_a_task_that_succeeds_tells_of_its_outlets():
    producer = make("p", outlets=[A, B])
    produce(producer, {"asset": ["a", "a"], "extra": {"rows": 3}}, {"asset": ["stranger", "s"], "extra": {}})
    rows = AssetEvent.objects.order_by("asset__name")
    assert [(row.asset.name, row.extra) for row in rows] == [("a", {"rows": 3}), ("b", {})]
    run = DagRun.objects.get()
    row = rows[0]
    assert (row.source_dag_id, row.source_task_id, row.source_run_id, row.source_map_index) == (
        "p",
        "t",
        run.run_id,
        -1,
    )
    assert states(run) == {"t": "success"}


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_task_that_does_not_succeed_tells_nothing(outcome: str):
    produce(make("p", outlets=[A]), {"asset": ["a", "a"], "extra": {}}, outcome=outcome)
    assert not AssetEvent.objects.exists()


def test_a_task_that_is_marked_tells_nothing():
    run = start(make("p", outlets=[A]))
    actions.set_task_state([run.task_instances.get().pk], "success")
    assert not AssetEvent.objects.exists()


def test_a_result_that_comes_too_late_tells_nothing():
    run = start(make("p", outlets=[A]))
    row = take(slot())
    actions.clear(run.pk)
    end(row, "success")
    assert not AssetEvent.objects.exists()


def test_a_task_without_outlets_costs_no_statement_more(django_assert_max_num_queries: Any):
    """Beside each other: the same end with and without an outlet."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make("c", schedule=[A])
    counts = []
    for dag in (make("plain"), make("p", outlets=[A])):
        start(dag)
        row = take(slot())
        with CaptureQueriesContext(
            connection,
        ) as found:
            end(row, "success")
        counts.append(len(found))
        assert not any("asset" in each["sql"] for each in found) or dag.pk == "p"
    assert counts[0] < counts[1]


def test_an_inactive_outlet_tells_nothing():
    producer = make("p", outlets=[A, B])
    Asset.objects.filter(name="a").update(is_active=False)
    produce(producer)
    assert [row.asset.name for row in AssetEvent.objects.all()] == ["b"]


def test_an_outlet_by_reference_is_the_active_asset_behind_it():
    make("elsewhere", outlets=[sdk.Asset("far", "s3://far")])
    produce(make("p", outlets=[sdk.Asset.ref(name="far"), sdk.Asset.ref(uri="s3://far/")]))
    assert [row.asset.name for row in AssetEvent.objects.all()] == ["far"]


def test_an_alias_announces_assets_that_nobody_knew():
    consumer = make("c", schedule=X)
    about = {"name": "new", "uri": "s3://new", "group": "g", "extra": {"k": 1}}
    produce(make("p", outlets=[X]), {"alias": "x", "asset": about, "extra": {"n": 1}}, {"alias": "y", "asset": about})
    asset = Asset.objects.get(name="new")
    assert (asset.uri, asset.group, asset.extra, asset.is_active) == ("s3://new", "g", {"k": 1}, True)
    (row,) = AssetEvent.objects.all()
    assert (row.extra, [alias.name for alias in row.aliases.all()]) == ({"n": 1}, ["x"])
    assert list(AssetAlias.objects.get(name="x").assets.all()) == [asset]
    assert [told(run) for run in runs_of(consumer.pk)] == [[{"n": 1}]]


def test_the_same_announcement_under_two_aliases_is_one_event():
    about = {"name": "new", "uri": "new", "group": "asset", "extra": {}}
    notes = [{"alias": name, "asset": about, "extra": {}} for name in ("x", "y")]
    produce(make("p", outlets=[X, sdk.AssetAlias("y")]), *notes)
    (row,) = AssetEvent.objects.all()
    assert sorted(alias.name for alias in row.aliases.all()) == ["x", "y"]


# ---- runs


def test_one_asset_makes_one_run():
    consumer = make("c", schedule=[A])
    before = timezone.now()
    produce(make("p", outlets=[A]), {"asset": ["a", "a"], "extra": {"rows": 3}})
    (run,) = runs_of(consumer.pk)
    assert (run.run_type, run.triggered_by, run.state) == ("asset_triggered", "asset", "running")
    assert run.logical_date is None and run.data_interval_start is None
    assert run.run_id.startswith(f"asset_triggered__{run.run_after.isoformat()}_")
    assert run.run_after >= before and told(run) == [{"rows": 3}]
    assert queued() == [] and not UnreadEvent.objects.exists()
    assert play(slot()) == ["t"] and states(run) == {"t": "success"}


def test_a_run_waits_until_the_expression_holds():
    consumer = make("c", schedule=A & (B | C))
    event("b", {"n": 1})
    event("b", {"n": 2})
    assert runs_of("c") == [] and queued() == [("c", "b")]
    event("a", {"n": 3})
    (run,) = runs_of(consumer.pk)
    assert told(run) == [{"n": 1}, {"n": 2}, {"n": 3}]
    event("c", {"n": 4})
    assert len(runs_of("c")) == 1 and queued() == [("c", "c")]


def test_events_collapse_while_a_run_waits_for_room_and_none_is_lost():
    make("c", schedule=[A], max_active_runs=1)
    at = timezone.now()
    event("a", {"n": 1}, now=at)
    for number in (2, 3, 4):
        event("a", {"n": number}, now=at + timedelta(seconds=number))
    assert len(runs_of("c")) == 1 and queued() == [("c", "a")]
    assert control.step(timezone.now()).on_assets == 0
    play(slot())
    assert control.step(timezone.now()).on_assets == 1
    first, second = runs_of("c")
    # The time is that of the first event that waited, and the events after it are in all the same.
    assert told(first) == [{"n": 1}] and told(second) == [{"n": 2}, {"n": 3}, {"n": 4}]
    assert second.run_after == at + timedelta(seconds=2)


def test_a_paused_dag_is_not_queued_but_told_later():
    consumer = make("c", schedule=[A], is_paused=True)
    event("a", {"n": 1})
    assert queued() == []
    actions.pause("c", False, user=None)
    control.step(timezone.now())
    assert runs_of("c") == []
    event("a", {"n": 2})
    assert [told(run) for run in runs_of(consumer.pk)] == [[{"n": 1}, {"n": 2}]]


def test_what_was_queued_before_a_pause_is_done_after_it():
    make("c", schedule=A & B)
    event("a")
    actions.pause("c", True, user=None)
    event("b")
    assert runs_of("c") == [] and queued() == [("c", "a")]
    actions.pause("c", False, user=None)
    event("b")
    assert len(runs_of("c")) == 1


def test_a_stale_dag_hears_of_nothing():
    make("c", schedule=[A])
    Dag.objects.filter(pk="c").update(is_stale=True)
    event("a")
    assert queued() == [] and runs_of("c") == []


def test_a_schedule_by_reference_or_alias_is_woken_too():
    make("by_name", schedule=sdk.Asset.ref(name="a"))
    make("by_uri", schedule=sdk.Asset.ref(uri="a"))
    make("by_alias", schedule=X)
    producer = make("p", outlets=[A, X])
    produce(producer)
    assert [len(runs_of(dag_id)) for dag_id in ("by_name", "by_uri", "by_alias")] == [1, 1, 0]
    play(slot())
    produce(producer, {"alias": "x", "asset": {"name": "a", "uri": "a"}, "extra": {}})
    assert [len(runs_of(dag_id)) for dag_id in ("by_name", "by_uri", "by_alias")] == [2, 2, 1]


def test_an_event_with_a_key_does_not_wake_a_dag_without_partitions():
    make("c", schedule=[A])
    event("a", {"n": 1}, key="2026-03-01")
    assert runs_of("c") == [] and queued() == []
    event("a", {"n": 2})
    assert [told(run) for run in runs_of("c")] == [[{"n": 1}, {"n": 2}]]


def test_events_of_assets_that_the_schedule_names_no_more_are_not_told():
    consumer = make("c", schedule=A & B)
    make("p", outlets=[A, B])
    event("a", {"n": 1})
    renew(consumer, schedule=[B])
    event("b", {"n": 2})
    assert [told(run) for run in runs_of("c")] == [[{"n": 2}]]
    assert not UnreadEvent.objects.exists() and queued() == []


def test_a_dag_that_is_not_scheduled_on_assets_any_more_forgets_what_was_queued():
    consumer = make("c", schedule=A & B)
    event("a")
    renew(consumer)
    control.step(timezone.now())
    assert queued() == [] and runs_of("c") == []


@pytest.mark.parametrize(("catchup", "expected"), [(False, [{"n": 2}]), (True, [{"n": 1}, {"n": 2}])])
def test_the_first_run_hears_of_what_was_before_it_with_catchup(catchup: bool, expected: list[Any]):
    make("p", outlets=[A])
    event("a", {"n": 1})
    make("c", schedule=[A], catchup=catchup, start_date=datetime(2020, 1, 1, tzinfo=UTC))
    event("a", {"n": 2})
    assert [told(run) for run in runs_of("c")] == [expected]
    event("a", {"n": 3})
    assert told(runs_of("c")[1]) == [{"n": 3}]


def test_the_control_pass_makes_the_run_that_nobody_made():
    make("c", schedule=[A])
    now = timezone.now()
    asset_events.emit([asset_events.Emitted(Asset.objects.get().pk, {})], None, now)  # and then its process died
    assert runs_of("c") == []
    control.step(now)
    assert len(runs_of("c")) == 1
    control.step(now)
    assert len(runs_of("c")) == 1


def test_one_dag_that_cannot_run_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch):
    make("b", schedule=[A])
    make("c", schedule=[A])
    known = asset_runs._insert

    def insert(dag: Dag, *rest: Any) -> Any:
        if dag.pk == "b":
            raise RuntimeError("no")
        return known(dag, *rest)

    monkeypatch.setattr(asset_runs, "_insert", insert)
    event("a")
    assert runs_of("b") == [] and len(runs_of("c")) == 1
    assert queued() == [("b", "a")]


def test_assets_or_time_is_run_by_either():
    schedule = AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 1 * * *", "UTC"), assets=[A])
    due = datetime(2026, 3, 11, 1, tzinfo=UTC)
    make("c", schedule=schedule, next_run_after=due)
    Dag.objects.filter(pk="c").update(next_logical_date=due, next_interval_start=due, next_interval_end=due)
    assert tick.tick(due) == 1
    event("a")
    kinds = [(run.run_type, run.logical_date, run.run_id.partition("__")[0]) for run in runs_of("c")]
    assert kinds == [(RunType.SCHEDULED, due, "scheduled"), (RunType.ASSET_TRIGGERED, None, "asset_triggered")]


def test_a_chain_of_dags_on_assets_runs_in_one_slot():
    make("three", schedule=[B])
    make("two", schedule=[A], outlets=[B])
    start(make("one", outlets=[A]))
    assert play(slot()) == ["t", "t", "t"]
    assert {run.dag_id: run.state for run in DagRun.objects.all()} == dict.fromkeys(("one", "two", "three"), "success")


def test_a_dag_may_wait_for_what_it_makes_itself():
    dag = make("c", schedule=[A], outlets=[A], max_active_runs=2)
    start(dag)
    assert len(play(slot(), limit=5)) == 5


# ---- what tasks ask


def scope(run: DagRun) -> answers.Scope:
    return answers.Scope(run.dag_id, run.pk, run.run_id, "t")


def test_a_task_is_told_of_the_events_its_run_is_for():
    make("c", schedule=[A, B])
    event("a", {"n": 1})
    event("b", {"n": 2})
    found = answers.answer(scope(runs_of("c")[0]), "triggering_asset_events", {})
    assert [(each["asset"]["name"], each["extra"]) for each in found] == [("a", {"n": 1}), ("b", {"n": 2})]


def test_a_task_asks_for_the_events_of_its_inlets():
    run = start(make("p", outlets=[A]))
    day = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(4):
        event("a", {"n": number}, now=day + timedelta(days=number))

    def ask(**args: Any) -> list[Any]:
        found = answers.answer(scope(run), "asset_events", {"name": "a", "uri": "a", **args})
        return [each["extra"]["n"] for each in found]

    assert ask() == [0, 1, 2, 3]
    assert ask(ascending=False, limit=2) == [3, 2]
    assert ask(after="2026-03-02T00:00:00+00:00", before="2026-03-03T00:00:00+00:00") == [1, 2]
    with pytest.raises(answers.Refused):
        ask(after="yesterday")


def test_a_task_asks_for_assets_by_name_or_uri():
    run = start(make("p", outlets=[sdk.Asset("a", "s3://a")]))

    def ask(what: str, **args: Any) -> Any:
        return answers.answer(scope(run), what, args)

    assert ask("asset", name="a")["uri"] == "s3://a/" and ask("asset", uri="s3://a/")["name"] == "a"
    assert ask("asset", name="b") is None and ask("asset") is None
    assert ask("inactive_assets", assets=[["a", "s3://a/"], ["a", "other"]]) == [["a", "other"]]


def test_the_run_of_a_task_knows_its_partition():
    run = start(make("p"))
    DagRun.objects.filter(pk=run.pk).update(partition_key="2026", partition_date=datetime(2026, 1, 1, tzinfo=UTC))
    found = answers.answer(scope(run), "dag_run", {"dag_id": "p", "run_id": run.run_id})
    assert (found["partition_key"], found["partition_date"]) == ("2026", "2026-01-01T00:00:00+00:00")
    assert answers.answer(scope(run), "dag_run", {"dag_id": "p", "run_id": "no"}) is None


# ---- what a task's process tells, read with distrust


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, "at most"),
        ([3], "names no asset"),
        ([{"asset": ["a"]}], "no name and URI"),
        ([{"asset": ["a", ""]}], "no name and URI"),
        ([{"asset": ["a", "x" * 1501]}], "no name and URI"),
        ([{"asset": ["a\0", "a"]}], "NUL"),
        ([{"asset": ["a", "a"], "extra": []}], "must be an object"),
        ([{"asset": ["a", "a"], "extra": {"x": "y" * 2_000_000}}], "must be an object of at most"),
        ([{"asset": ["a", "a"], "extra": {"x": "\0"}}], "cannot be stored"),
        ([{"asset": ["a", "a"], "extra": {"x": "\ud800"}}], "cannot be stored"),
        ([{"asset": ["a", "a"], "partition_key": " "}], "partition_key"),
        ([{"asset": ["a", "a"], "partition_key": "x" * 251}], "partition_key"),
        ([{"alias": "x", "asset": ["a", "a"]}], "no asset"),
        ([{"alias": 3, "asset": {"name": "a", "uri": "a"}}], "no asset"),
    ],
)
def test_a_note_that_cannot_be_stored_says_why(found: Any, words: str):
    with pytest.raises(outlet_notes.BadNote, match=words):
        outlet_notes.read(found)


def test_why_it_does_not_run_names_the_assets_that_are_missing():
    from runs_app import why

    dag = make("c", schedule=A & B & X)
    event("a")
    (reason,) = [each for each in why.of_dag(dag, timezone.now()) if each.kind == "assets_missing"]
    assert reason.text.endswith("still missing: b, x.")
