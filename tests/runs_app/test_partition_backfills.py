"""Backfills over the partitions of a schedule."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from orchestrator.core import backfill as core
from orchestrator.core.backfill import Action, Reprocess
from orchestrator.core.spec import DagSpec
from orchestrator.core.timetables import CronPartitionTimetable
from runs_app import backfill_steps, backfills, control, invariants
from runs_app.backfills import Request
from runs_app.exceptions import BackfillRefused
from runs_app.models import Backfill, BackfillDagRun, DagRun
from tests.runs_app.engine import play, python_dag, slot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
TAIPEI = CronPartitionTimetable("0 0 * * *", timezone="Asia/Taipei", run_offset=-1)


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def hourly(**arguments: Any) -> Any:
    timetable = CronPartitionTimetable("0 * * * *", timezone="UTC", key_format="%d-%H")
    return python_dag("hourly", {"a": ()}, schedule=timetable, **arguments)


FIRST, LAST = day(1, 8), day(1, 11)


def ask(first: datetime = FIRST, last: datetime = LAST, **more: Any) -> Backfill:
    return backfills.create(Request("hourly", first, last, **more))


def keys(**wanted: Any) -> list[str | None]:
    return list(DagRun.objects.filter(**wanted).order_by("pk").values_list("partition_key", flat=True))


def kept() -> bool:
    return invariants.check(timezone.now(), liveness=False) == []


@pytest.mark.parametrize(
    ("first", "last", "dates"),
    [
        (day(17, 16), day(19, 16), [day(17, 16), day(18, 16), day(19, 16)]),
        (day(17, 17), day(19, 15), [day(18, 16)]),
        (day(18, 16), day(18, 16), [day(18, 16)]),
    ],
)
def test_partitions_are_chosen_by_when_they_begin_whatever_the_offset(first, last, dates):
    found = list(TAIPEI.partitions_between(first, last))
    assert [each.partition_date for each in found] == dates
    assert all(each.run_after == each.partition_date for each in found)
    assert found[0].partition_key == (dates[0] + timedelta(hours=8)).strftime("%Y-%m-%dT00:00:00")


def test_a_range_of_too_many_partitions_is_refused():
    spec = DagSpec("d", timetable=CronPartitionTimetable("* * * * *", timezone="UTC").to_json())
    with pytest.raises(core.BackfillError, match="at most 10000"):
        core.intervals(spec, from_date=day(1), to_date=day(30), now=day(31))
    with pytest.raises(core.BackfillError, match="No runs to create"):
        core.intervals(DagSpec("d", timetable=TAIPEI.to_json()), from_date=day(1, 17), to_date=day(1, 18), now=day(31))


def test_each_partition_gets_a_run_and_the_backfill_ends_with_the_last():
    hourly()
    backfill = ask(max_active_runs=2)
    assert keys(state="running") == ["01-08", "01-09"]
    run = DagRun.objects.get(partition_key="01-10")
    assert (run.partition_date, run.logical_date, run.data_interval_start) == (day(1, 10), None, None)
    assert (run.run_type, run.run_after, run.triggered_by) == ("backfill", day(1, 10), "backfill")
    assert run.run_id.startswith(f"backfill__{day(1, 10).isoformat()}")
    for _ in range(3):
        play(slot())
        control.step(timezone.now())
    backfill.refresh_from_db()
    assert backfill.completed_at is not None
    assert keys(state="success") == ["01-08", "01-09", "01-10", "01-11"]
    assert kept()


def test_backwards_begins_with_the_newest_partition():
    hourly()
    ask(max_active_runs=1, backwards=True)
    assert keys(state="running") == ["01-11"]


@pytest.mark.parametrize(
    ("reprocess", "made"),
    [
        (Reprocess.NONE, ["01-11"]),
        (Reprocess.FAILED, ["01-09", "01-11"]),
        (Reprocess.COMPLETED, ["01-08", "01-09", "01-11"]),
    ],
)
def test_a_new_run_is_made_beside_one_that_is_to_run_again(reprocess, made):
    dag = hourly()
    ask()
    for state, key in (("success", "01-08"), ("failed", "01-09"), ("running", "01-10")):
        ended = None if state == "running" else timezone.now()
        DagRun.objects.filter(partition_key=key).update(state=state, ended_at=ended, started_at=timezone.now())
    DagRun.objects.filter(partition_key="01-11").delete()
    Backfill.objects.update(completed_at=timezone.now())
    before = set(DagRun.objects.values_list("pk", flat=True))

    planned = backfills.plan(Request(dag.pk, day(1, 8), day(1, 11), reprocess=reprocess))
    assert {each.verdict.action for each in planned} <= {Action.CREATE, Action.SKIP}
    assert [each.run.partition_key for each in planned if each.verdict.action == Action.CREATE] == made
    backfill = ask(reprocess=reprocess)

    assert keys(backfill=backfill) == made
    reasons = dict(backfill.entries.values_list("partition_key", "exception_reason"))
    assert reasons["01-10"] == "in flight"
    assert {reason for key, reason in reasons.items() if key not in {*made, "01-10"}} <= {"already exists"}
    assert before <= set(DagRun.objects.values_list("pk", flat=True))


def test_the_newest_run_of_a_partition_counts_and_one_that_waits_is_newer_than_all():
    hourly()
    ask(last=day(1, 8))
    play(slot())
    Backfill.objects.update(completed_at=timezone.now())
    ask(last=day(1, 8), reprocess=Reprocess.COMPLETED)
    DagRun.objects.filter(state="running").update(state="queued", started_at=None)
    assert backfill_steps.states_of_partitions("hourly", ["01-08"]) == {"01-08": "queued"}


def test_who_dies_while_making_runs_loses_and_doubles_none(monkeypatch):
    hourly()
    monkeypatch.setattr(backfill_steps, "BATCH", 1)
    monkeypatch.setattr(backfills, "INLINE_SECONDS", 0.0)
    backfill = ask(last=day(2, 8))
    assert BackfillDagRun.objects.filter(settled=False).exists()
    for _ in range(30):
        backfill_steps.make_runs(backfill.pk, timezone.now(), seconds=0.0)
    assert len(keys(backfill=backfill)) == len(set(keys())) == 25
    assert kept()


def test_a_schedule_by_assets_or_at_runtime_has_no_partitions_to_backfill():
    from orchestrator.core.timetables import PartitionedAtRuntime

    python_dag("asked", {"a": ()}, schedule=PartitionedAtRuntime())
    with pytest.raises(BackfillRefused, match="non-periodic"):
        backfills.plan(Request("asked", day(1), day(2)))


def test_the_command_tells_partitions_apart_by_their_keys():
    hourly()
    words = ("hourly", "--from-date", "2026-03-01T08:00", "--to-date", "2026-03-01T09:00")

    def told(*more: str) -> Any:
        out = StringIO()
        call_command("backfill", *more, "--json", stdout=out)
        return json.loads(out.getvalue())

    planned = told("plan", *words)
    assert [(each["partition_key"], each["logical_date"]) for each in planned] == [("01-08", None), ("01-09", None)]
    made = told("create", *words)
    assert [each["partition_key"] for each in told("show", str(made["id"]))["runs"]] == ["01-08", "01-09"]
    out = StringIO()
    call_command("backfill", "plan", *words, stdout=out)
    assert "01-08" in out.getvalue()
