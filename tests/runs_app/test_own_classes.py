"""Classes of plugins that the engine asks: partition mappers, windows, references of deadlines. From file to run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from dags_app import plugin_calls, secrets
from dags_app.models import Asset, AuditEntry, Dag, PluginCall
from dags_app.processor import Processor
from dags_app.versions import load_spec
from orchestrator.core import own
from runs_app import actions, asset_actions, control, own_mappers, partitions, plugin_answers
from runs_app.models import DagRun, Deadline, PendingPartition
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
PLUGIN = """
from datetime import datetime, timedelta, timezone

from airflow.partition_mappers.base import PartitionMapper
from airflow.partition_mappers.window import Window
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import Variable
from airflow.sdk.definitions.deadline import BaseDeadlineReference, deadline_reference

class Strip(PartitionMapper):
    def __init__(self, prefix, *, max_downstream_keys=None):
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.prefix = prefix
    def to_downstream(self, key):
        if key == "bad":
            raise ValueError("of the mapper")
        if key == "odd":
            return ""
        return key.removeprefix(self.prefix)
    def to_partition_date(self, downstream_key):
        return datetime(2026, 3, 1, tzinfo=timezone.utc)
    def serialize(self):
        return {"prefix": self.prefix}
    @classmethod
    def deserialize(cls, data):
        return cls(data["prefix"])

class Workdays(Window):
    expected_decoded_type = datetime
    def to_upstream(self, period_start):
        days = (period_start + timedelta(days=n) for n in range(7))
        return (day for day in days if day.weekday() < 5)

@deadline_reference()
class Closing(BaseDeadlineReference):
    required_kwargs = {"dag_id", "run_after"}
    def _evaluate_with(self, *, session, **kwargs):
        print("asked for", kwargs["dag_id"], Variable.get("secret_hour", default="none"))
        return kwargs["run_after"].replace(hour=17, minute=0, second=0, microsecond=0)

@deadline_reference
class Broken(BaseDeadlineReference):
    def _evaluate_with(self, *, session, **kwargs):
        return session.query(1)

class WithData(BaseDeadlineReference):
    def __init__(self, year):
        self.year = year
    def _evaluate_with(self, *, session, **kwargs):
        return None if self.year is None else datetime(self.year, 1, 1, tzinfo=timezone.utc)
    def serialize_reference(self):
        return {"reference_type": self.reference_name, "year": self.year}
    @classmethod
    def deserialize_reference(cls, reference_data):
        return cls(reference_data["year"])

class P(AirflowPlugin):
    name = "own"
    partition_mappers = [Strip]
    windows = [Workdays]
    deadline_references = [Closing, Broken, WithData]
"""
HEAD = """
from datetime import timedelta
from airflow.sdk import *
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference, SyncCallback
from airflow.providers.standard.operators.empty import EmptyOperator
from classes import *
"""


class Place:
    """A DAG folder and a plugins folder with their processor."""

    def __init__(self, root: Path, processor: Processor) -> None:
        self.root, self.processor = root, processor

    def write(self, text: str, errors: int = 0) -> str:
        """Store a file; return its import error."""
        (self.root / "d.py").write_text(HEAD + text)
        counts = self.processor.settle()
        assert counts.errors == errors, [each for each in self.errors()]
        Dag.objects.update(is_paused=False)
        return "".join(self.errors())

    def errors(self) -> list[str]:
        from dags_app.models import DagImportError

        return list(DagImportError.objects.values_list("message", flat=True))

    def answer(self) -> None:
        """Have what waits answered."""
        self.processor.desk.drain(30)
        assert not PluginCall.objects.exists()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: Any) -> Iterator[Place]:
    dags, plugins = tmp_path / "dags", tmp_path / "plugins"
    dags.mkdir()
    plugins.mkdir()
    (plugins / "classes.py").write_text(PLUGIN)
    monkeypatch.setattr(settings.ORCH, "plugins_folder", plugins)
    monkeypatch.setattr(settings.ORCH, "dags_folder", dags)
    load_spec.cache_clear()
    processor = Processor(str(dags), answered=plugin_answers.answered)
    yield Place(dags, processor)
    processor.close()


def emit(key: str) -> None:
    asset = Asset.objects.get(name="a")
    asset_actions.create_event(asset.pk, partition_key=key, user=factories.make_user("op"))


def keys() -> list[str | None]:
    return list(DagRun.objects.order_by("pk").values_list("partition_key", flat=True))


SCHEDULED = "with DAG('d', schedule=PartitionedAssetTimetable(assets=Asset('a'), default_partition_mapper={})):\n    EmptyOperator(task_id='t')\n"

# ---- mappers and windows


def test_a_mapper_of_ones_own_maps_in_a_process_of_its_own(place: Place):
    place.write(SCHEDULED.format("Strip('eu::')"))
    assert own.registered == {}  # nothing of it is here
    emit("eu::sales")
    assert keys() == [] and PluginCall.objects.get().kind == "map_partition"
    place.answer()
    emit("plain")
    place.answer()
    assert keys() == ["sales", "plain"]
    assert {run.partition_date for run in DagRun.objects.all()} == {datetime(2026, 3, 1, tzinfo=UTC)}


def test_a_window_of_ones_own_says_what_is_waited_for(place: Place):
    place.write(SCHEDULED.format("RollupMapper(upstream_mapper=StartOfWeekMapper(), window=Workdays())"))
    dag = Dag.objects.get(pk="d")
    for day in (2, 3, 4, 5):  # a Monday in March 2026 and what follows
        emit(f"2026-03-{day:02d}T00:00:00")
        place.answer()
    (progress,) = partitions.progress(dag)
    assert keys() == [] and (progress.received, progress.required) == (4, 5)
    emit("2026-03-06T00:00:00")
    place.answer()
    assert len(keys()) == 1 and not PendingPartition.objects.exists()


def test_a_mapper_within_another_is_asked_too(place: Place):
    place.write(SCHEDULED.format("ChainMapper(Strip('eu::'), StartOfDayMapper())"))
    emit("eu::2026-03-04T10:00:00")
    place.answer()
    assert keys() == ["2026-03-04"]


@pytest.mark.parametrize(("key", "reason"), [("bad", "of the mapper"), ("odd", "no key of 1 to 250 characters")])
def test_a_key_that_a_mapper_cannot_map_is_written_down(place: Place, key: str, reason: str):
    place.write(SCHEDULED.format("Strip('x')"))
    emit(key)
    place.answer()
    entry = AuditEntry.objects.get(event="failed to map partition_key")
    assert keys() == [] and entry.dag_id == "d" and reason in entry.extra["reason"]


def test_an_answer_that_comes_twice_or_lies_makes_no_second_run(place: Place):
    place.write(SCHEDULED.format("Strip('x')"))
    emit("xk")
    call = PluginCall.objects.get()
    value = {"keys": [{"key": "k", "expected": None, "date": None}], "carried": None}
    for _ in range(2):
        own_mappers.answered(call.pk, call.payload, value, None, timezone.now())
    assert keys() == ["k"]
    emit("xk")
    call = PluginCall.objects.get()
    own_mappers.answered(
        call.pk, call.payload, {"keys": [{"key": 7, "expected": 1, "date": "x"}]}, None, timezone.now()
    )
    assert keys() == ["k"] and AuditEntry.objects.filter(event="failed to map partition_key").count() == 1


def test_an_event_is_mapped_again_where_the_schedule_changed_meanwhile(place: Place, monkeypatch: pytest.MonkeyPatch):
    place.write(SCHEDULED.format("Strip('x')"))
    emit("yk")
    with monkeypatch.context() as held:  # or, on a busy machine, the answer comes before the change
        held.setattr(place.processor.desk, "turn", lambda *_: None)
        place.write(SCHEDULED.format("Strip('y')"))
    place.answer()
    assert keys() == ["k"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("class Mine(Strip): pass\n" + SCHEDULED.format("Mine('x')"), "Mine is a partition mapper of your own that no"),
        (
            "class Mine(Workdays): pass\n"
            + SCHEDULED.format("RollupMapper(upstream_mapper=StartOfDayMapper(), window=Mine())"),
            "Mine is a window of your own that no plugin registers: list it in windows",
        ),
        (
            "class Mine(BaseDeadlineReference): pass\nwith DAG('d', deadline=DeadlineAlert(Mine(), timedelta(1), SyncCallback('a.b'))):\n    EmptyOperator(task_id='t')\n",
            "Mine is a deadline reference of your own that no plugin registers: list it in deadline_references",
        ),
    ],
)
def test_a_class_that_no_plugin_registers_is_refused_where_it_is_used(place: Place, text: str, complaint: str):
    assert complaint in place.write(text, errors=1)


# ---- references of deadlines

LATE = "with DAG('d', deadline=DeadlineAlert({}, timedelta(hours=1), SyncCallback('a.b'), name='n')):\n    EmptyOperator(task_id='t') >> task(print, task_id='u')()\n"


@pytest.mark.django_db(transaction=True)
def test_a_reference_of_ones_own_is_asked_when_a_run_is_made(emptied: None, place: Place, caplog: Any):
    secrets.set_variable("secret_hour", "hunter22")
    place.write(LATE.format("DeadlineReference.Closing"))
    run = actions.trigger_dag("d")
    assert not Deadline.objects.exists()
    with caplog.at_level("INFO", logger="dags_app.plugin_calls"):
        place.answer()
    at = run.run_after.replace(hour=18, minute=0, second=0, microsecond=0)
    assert run.deadlines.get().deadline_time == at and run.deadlines.get().name == "n"
    assert "asked for d ***" in caplog.text and "hunter22" not in caplog.text
    assert control.step(max(at, timezone.now()) + timedelta(seconds=1)).deadlines_missed == 1


def test_a_reference_keeps_its_data_and_may_have_no_answer(place: Place):
    place.write(LATE.format("WithData(2031)"))
    actions.trigger_dag("d")
    place.answer()
    assert Deadline.objects.get().deadline_time == datetime(2031, 1, 1, 1, tzinfo=UTC)
    place.write(LATE.format("WithData(None)"))
    run = actions.trigger_dag("d")
    place.answer()
    assert not run.deadlines.exists()


def test_a_reference_that_fails_harms_no_run_and_is_written_down(place: Place):
    place.write(LATE.format("DeadlineReference.Broken"))
    run = actions.trigger_dag("d")
    place.answer()
    assert not Deadline.objects.exists() and run.state == "running"
    entry = AuditEntry.objects.get(event="deadline reference failed")
    assert (entry.run_id, entry.extra["deadline"]) == (run.run_id, "n")
    assert "no way to the database" in entry.extra["reason"]


def test_a_task_may_have_one_too(place: Place):
    place.write(
        "alert = DeadlineAlert(WithData(2031), timedelta(0), SyncCallback('a.b'))\n"
        "with DAG('d'):\n    EmptyOperator(task_id='t') >> task(print, task_id='u', deadline=alert)()\n"
    )
    actions.trigger_dag("d")
    place.answer()
    assert Deadline.objects.get().task_id == "u"


def test_nothing_is_asked_where_nobody_has_a_class_of_his_own(place: Place):
    place.write(SCHEDULED.format("IdentityMapper()"))
    emit("k")
    assert keys() == ["k"] and not PluginCall.objects.exists() and plugin_calls.heard("on_asset_changed") == set()
