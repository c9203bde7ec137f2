"""Asset watchers: triggers that say when an asset has changed, on real triggerers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from dags_app.models import Asset, AssetWatcher, Dag
from orchestrator import sdk
from orchestrator.triggers.base import BaseEventTrigger
from orchestrator.triggers.file import FileDeleteTrigger
from runs_app import invariants, sweep, watches
from runs_app.locking import db_now
from runs_app.models import AssetEvent, DagRun, Process, WatchTrigger
from tests.runs_app.test_assets import make, renew
from tests.runs_app.test_triggerer import Start, start
from tests.support import factories
from tests.support.servers import wait_for

pytestmark = [pytest.mark.django_db(transaction=True)]
fixtures = (start,)
SOURCE = '''
import asyncio
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

class Counts(BaseEventTrigger):
    """Three events and then silence, or an error."""

    def __init__(self, error=False):
        super().__init__()
        self.error = error

    def serialize(self):
        return f"{__name__}.Counts", {"error": self.error}

    async def run(self):
        for number in range(3):
            yield TriggerEvent({"n": number})
        if self.error:
            raise ValueError("the source is gone")
        await asyncio.sleep(3600)
'''


class Counts(BaseEventTrigger):
    """Stands for the class of that name in the DAG file."""

    def __init__(self, error: bool = False) -> None:
        super().__init__()
        self.error = error

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "dag_file_counts.Counts", {"error": self.error}


def watched(name: str, trigger: Any, watcher: str = "w") -> Any:
    return sdk.Asset(name, watchers=[sdk.AssetWatcher(watcher, trigger)])


def counting(schedule: Any) -> Dag:
    """A DAG on assets whose file brings the triggers' class."""
    with sdk.DAG("c", schedule=schedule, max_active_runs=100) as dag:
        pass
    from dags_app import asset_sync

    spec = dag.to_spec()
    made = factories.make_dag(
        spec=spec,
        source=SOURCE,
        file=factories.make_file("counts.py"),
        asset_expression=asset_sync.expression_of(spec),
    )
    asset_sync.store({"c": spec}, {"c": made.version_id}, timezone.now())
    return made


def payloads() -> list[Any]:
    return [event.extra["payload"] for event in AssetEvent.objects.order_by("pk")]


def lease(**fields: Any) -> int:
    now = timezone.now()
    values = {"kind": "triggerer", "hostname": "elsewhere", "pid": 7, "started_at": now, "beat_at": now, **fields}
    return Process.objects.create(**values).pk


def taken(process_pk: int) -> watches.Watch:
    (found,) = watches.take(process_pk, 10, timezone.now())
    return found


# ---- on a triggerer


def test_a_file_that_appears_starts_a_run_each_time(tmp_path: Path, start: Start):
    path = tmp_path / "flag"
    make("c", schedule=watched("a", FileDeleteTrigger(str(path), 0.05)), max_active_runs=100)
    start()
    for number in (1, 2):
        path.touch()
        wait_for(lambda number=number: DagRun.objects.count() == number, 20, f"run {number}")
        assert not path.exists()
    event = AssetEvent.objects.order_by("pk")[0]
    assert event.extra == {"from_trigger": True, "payload": True}
    assert (event.source_dag_id, event.asset.name) == (None, "a")
    assert [each.extra for each in DagRun.objects.order_by("pk")[0].asset_events.all()] == [event.extra]


def test_each_event_of_a_stream_counts_for_each_asset_that_watches_it(start: Start):
    counting(watched("a", Counts()) | watched("b", Counts(), "other"))
    start()
    wait_for(lambda: AssetEvent.objects.count() >= 6, 30, "three events of two assets")
    assert WatchTrigger.objects.count() == 1
    assert sorted(payloads(), key=str) == [{"n": number} for number in (0, 0, 1, 1, 2, 2)]

    def told() -> list[int]:
        return [event.pk for run in DagRun.objects.all() for event in run.asset_events.all()]

    wait_for(lambda: len(told()) >= 6, 30, "the runs that read all the events")
    assert len(told()) == len(set(told())) == 6


def test_a_trigger_that_fails_is_told_of_and_tried_again(start: Start):
    counting(watched("a", Counts(error=True)))
    start()
    broken = WatchTrigger.objects.filter(error__contains="the source is gone")
    row = wait_for(lambda: broken.first(), 30, "the failure")
    assert row.not_before > row.created_at and row.process is None
    wait_for(lambda: AssetEvent.objects.count() >= 6, 30, "the events of the second try")


def test_a_watcher_rests_while_nothing_waits_for_its_asset(tmp_path: Path, start: Start):
    path = tmp_path / "flag"
    make("c", schedule=watched("a", FileDeleteTrigger(str(path), 0.05)), is_paused=True)
    start()
    make("other", schedule=watched("b", FileDeleteTrigger(str(tmp_path / "b"), 0.05)))
    wait_for(lambda: WatchTrigger.objects.filter(process__isnull=False).count() == 1, 20, "the other watcher")
    path.touch()
    Dag.objects.filter(pk="c").update(is_paused=False)
    wait_for(lambda: DagRun.objects.filter(dag_id="c").exists(), 20, "the run, once the DAG is on")
    Dag.objects.filter(pk="c").update(is_paused=True)
    wait_for(lambda: WatchTrigger.objects.count() == 1, 20, "the watcher's rest")


def test_another_triggerer_goes_on_for_one_that_was_killed(tmp_path: Path, start: Start):
    path = tmp_path / "flag"
    make("c", schedule=watched("a", FileDeleteTrigger(str(path), 0.05)))
    first = start()
    wait_for(lambda: WatchTrigger.objects.filter(process__isnull=False).exists(), 20, "the watcher being run")
    first.kill()
    first.wait()
    start()
    sweep.sweep(timezone.now())
    path.touch()

    def swept() -> bool:
        sweep.sweep(timezone.now())
        return DagRun.objects.exists()

    wait_for(swept, 30, "the run")


# ---- rows


def test_one_trigger_serves_all_watchers_that_define_it_alike():
    make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")) & watched("b", FileDeleteTrigger("/tmp/x")))
    make("d", schedule=watched("a", FileDeleteTrigger("/tmp/x")))
    watches.reconcile(timezone.now())
    watches.reconcile(timezone.now())
    assert AssetWatcher.objects.count() == 3 and WatchTrigger.objects.count() == 1


def test_a_watcher_that_nobody_wants_any_more_is_gone():
    dag = make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")))
    watches.reconcile(timezone.now())
    renew(dag, schedule=[sdk.Asset("a")])
    watches.reconcile(timezone.now())
    assert not WatchTrigger.objects.exists()


def test_a_new_version_of_its_file_begins_the_trigger_anew():
    dag = make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")))
    watches.reconcile(timezone.now())
    taken(lease())
    renew(dag, schedule=[watched("a", FileDeleteTrigger("/tmp/x"))])
    watches.reconcile(timezone.now())
    row = WatchTrigger.objects.get()
    assert row.process is None and row.version_id == Dag.objects.get().version_id


def test_an_event_is_accepted_once_and_only_from_who_holds_the_trigger():
    make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")), max_active_runs=100)
    watches.reconcile(timezone.now())
    ours, theirs = lease(), lease()
    watch = taken(ours)
    assert watches.take(theirs, 10, timezone.now()) == []
    now = timezone.now()
    assert watches.accept(watch, ours, "1.1", {"n": 1}, now)
    assert not watches.accept(watch, ours, "1.1", {"n": 1}, now)
    assert not watches.accept(watch, theirs, "9.9", {"n": 9}, now)
    assert watches.accept(watch, ours, "1.2", {"n": 2}, now)
    assert payloads() == [{"n": 1}, {"n": 2}]
    watches.release(ours)
    assert not watches.accept(watch, ours, "1.3", {"n": 3}, now)


def test_a_failing_trigger_waits_longer_each_time():
    make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")))
    watches.reconcile(timezone.now())
    ours, now = lease(), timezone.now()
    pauses = []
    for _ in range(8):
        WatchTrigger.objects.update(not_before=None)
        watches.failed(taken(ours), ours, "no\0pe", now)
        pauses.append((WatchTrigger.objects.get().not_before - now).total_seconds())
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60] and WatchTrigger.objects.get().error == "nope"
    assert watches.take(ours, 10, now) == []
    watch = watches.take(ours, 10, now + timedelta(seconds=61))[0]
    watches.accept(watch, ours, "1.1", None, now)
    assert (WatchTrigger.objects.get().failures, WatchTrigger.objects.get().error) == (0, "")


def test_a_dead_triggerer_leaves_its_watchers():
    make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")))
    watches.reconcile(timezone.now())
    ours = lease(ended_at=None)
    taken(ours)
    Process.objects.filter(pk=ours).update(ended_at=timezone.now())
    sweep._release(sweep.Swept(), None, timezone.now())  # type: ignore[arg-type]
    assert WatchTrigger.objects.get().process is None


def test_the_rules_notice_a_watcher_that_nobody_runs():
    make("c", schedule=watched("a", FileDeleteTrigger("/tmp/x")))
    watches.reconcile(timezone.now())
    lease()
    assert "assets_are_watched" not in {each.rule for each in invariants.check(db_now())}
    WatchTrigger.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert "assets_are_watched" in {each.rule for each in invariants.check(db_now())}
    assert Asset.objects.count() == 1
