"""Deadlines: made with a run, gone in time, missed once, and what they call."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dags_app import secrets
from orchestrator.core.deadlines import need_by
from orchestrator.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, SyncCallback, VariableInterval
from orchestrator.sdk.exceptions import DagError
from runs_app import actions, control, deadlines
from runs_app.claim import claim_callback
from runs_app.models import Callback, DagRun, Deadline
from runs_app.triggerer import Triggerer
from tests.support.servers import wait_for

from .engine import play, python_dag, seconds, slot, start, state_of
from .test_worker import parse
from .test_worker import slot as real_slot

assert parse and real_slot  # fixtures
pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def told(**kwargs: Any) -> None:
    """What a deadline calls in these tests."""


def alert(reference: Any = DeadlineReference.DAGRUN_QUEUED_AT, interval: Any = None, **more: Any) -> DeadlineAlert:
    interval = timedelta(minutes=10) if interval is None else interval
    return DeadlineAlert(reference, interval, SyncCallback(told), **more)


def dag_with(*alerts: DeadlineAlert, dag_id: str = "d", **more: Any) -> Any:
    return python_dag(dag_id, {"a": ()}, deadline=list(alerts), **more)


# ---- by when


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (DeadlineReference.DAGRUN_LOGICAL_DATE, NOW + timedelta(minutes=10)),
        (DeadlineReference.DAGRUN_QUEUED_AT, NOW + timedelta(hours=1, minutes=10)),
        (DeadlineReference.FIXED_DATETIME(NOW + timedelta(days=1)), NOW + timedelta(days=1, minutes=10)),
        (DeadlineReference.AVERAGE_RUNTIME(3, 2), NOW + timedelta(hours=2, seconds=20, minutes=10)),
        (DeadlineReference.AVERAGE_RUNTIME(3), NOW + timedelta(hours=2, seconds=30, minutes=10)),
        (DeadlineReference.AVERAGE_RUNTIME(), None),
    ],
)
def test_a_run_is_needed_an_interval_after_the_reference(reference: Any, expected: Any):
    durations = [10.0, 30.0, 50.0] if reference.more.get("min_runs") == 3 else [10.0, 30.0]
    found = need_by(
        reference.serialize_reference(),
        timedelta(minutes=10),
        logical_date=NOW,
        queued_at=NOW + timedelta(hours=1),
        now=NOW + timedelta(hours=2),
        durations=durations,
    )
    assert found == expected


@given(st.lists(st.floats(0, 1e6), max_size=20), st.integers(1, 12), st.integers(1, 12))
def test_an_average_needs_enough_runs_and_looks_at_no_more(durations: list[float], most: int, least: int):
    reference = DeadlineReference.AVERAGE_RUNTIME(most, least).serialize_reference()
    found = need_by(reference, timedelta(0), logical_date=None, queued_at=NOW, now=NOW, durations=durations)
    seen = durations[:most]
    if len(seen) < least:
        assert found is None
    else:
        assert found is not None and abs((found - NOW).total_seconds() - sum(seen) / len(seen)) < 0.01


def test_a_run_without_a_logical_date_has_no_deadline_counted_from_it():
    dag = dag_with(alert(DeadlineReference.DAGRUN_LOGICAL_DATE), alert(name="queued"))
    run = start(dag, logical_date=None, interval=None)
    assert [each.name for each in run.deadlines.all()] == ["queued"]


def test_an_interval_may_be_a_variable():
    secrets.set_variable("minutes", "120")
    secrets.set_variable("words", "soon")
    dag = dag_with(*(alert(interval=VariableInterval(key)) for key in ("minutes", "words", "absent")))
    run = start(dag)
    assert run.deadlines.get().deadline_time == run.queued_at + timedelta(minutes=2)


def test_the_average_is_of_the_runs_that_ended():
    dag = dag_with(alert(DeadlineReference.AVERAGE_RUNTIME(2, 1), timedelta(0)))
    assert not start(dag).deadlines.exists()
    play(slot())
    DagRun.objects.update(started_at=NOW, ended_at=NOW + timedelta(seconds=40))
    now = timezone.now()
    assert start(dag, now=now).deadlines.get().deadline_time == now + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("make", "error", "complaint"),
    [
        (lambda: SyncCallback(lambda context: None), DagError, "define it in the module"),
        (lambda: SyncCallback("no path"), ImportError, "valid dot path"),
        (lambda: SyncCallback(told, {"context": 1}), ValueError, "reserved"),
        (lambda: AsyncCallback(told), AttributeError, "not awaitable"),
        (
            lambda: DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(0), told),
            ValueError,
            "not supported|not cur",
        ),
        (lambda: DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, 60, SyncCallback(told)), ValueError, "timedelta"),
        (lambda: DeadlineReference.AVERAGE_RUNTIME(3, 0), ValueError, "at least 1"),
        (lambda: DeadlineReference.AVERAGE_RUNTIME(3, factor=0), ValueError, "factor must be"),
        (lambda: dag_with(alert(DeadlineReference.TASK_STARTED_AT)), DagError, "TASK_STARTED_AT is the reference of a"),
        (lambda: dag_with(timedelta(1)), DagError, "DAG.*deadline must be a DeadlineAlert"),
    ],
)
def test_what_is_no_deadline_is_refused(make: Any, error: Any, complaint: str):
    with pytest.raises(error, match=complaint):
        make()


# ---- in time or not


def test_a_run_that_succeeds_in_time_has_no_deadline_left():
    run = start(dag_with(alert()))
    assert run.deadlines.count() == 1
    play(slot())
    assert (state_of(run), run.deadlines.count()) == ("success", 0)
    assert control.step(timezone.now() + timedelta(hours=1)).deadlines_missed == 0


@pytest.mark.parametrize("ends", ["open", "failed", "late"])
def test_a_deadline_is_missed_once(ends: str):
    run = start(dag_with(alert(name="soon")))
    now = timezone.now()
    if ends == "failed":
        play(slot(), lambda row: "failed")
    if ends == "late":
        play(slot(), now=now + timedelta(minutes=30))
        DagRun.objects.update(ended_at=now + timedelta(minutes=30))
    assert control.step(now).deadlines_missed == 0
    if ends == "open":
        assert control.next_due(now) == run.deadlines.get().deadline_time

    late = now + timedelta(minutes=11)
    assert [control.step(late).deadlines_missed for _ in range(3)] == [1, 0, 0]

    assert run.deadlines.get().missed
    callback = Callback.objects.get()
    assert (callback.kind, callback.on_triggerer, callback.deadline) == ("deadline", False, run.deadlines.get())
    assert state_of(run) == {"open": "running", "failed": "failed", "late": "success"}[ends]


def test_a_run_that_was_marked_in_time_is_in_time():
    run = start(dag_with(alert()))
    actions.set_run_state(run.pk, "success", user=None)
    assert control.step(timezone.now() + timedelta(hours=1)).deadlines_missed == 0
    assert not Deadline.objects.exists()


def test_who_clears_a_run_gives_it_its_time_again():
    run = start(dag_with(alert(), alert(DeadlineReference.FIXED_DATETIME(NOW + timedelta(days=999)), name="fixed")))
    play(slot(), lambda row: "failed")
    before = dict(run.deadlines.values_list("name", "deadline_time"))
    actions.clear(run.pk)
    after = dict(run.deadlines.values_list("name", "deadline_time"))
    assert after[None] > before[None] and after["fixed"] == before["fixed"]


@pytest.mark.django_db(transaction=True)
def test_many_who_look_at_once_call_once(emptied: None):
    start(dag_with(alert(), alert(name="second")))
    late, found = timezone.now() + timedelta(hours=1), []

    def look() -> None:
        found.append(deadlines.judge_due(late, 100))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(found) == 2 and Callback.objects.count() == 2


def test_a_slot_leaves_to_the_triggerer_what_is_its():
    run = start(dag_with(alert()))
    Callback.objects.create(run=run, kind="deadline", on_triggerer=True)
    assert claim_callback(slot(), timezone.now()) is None


# ---- what is called

FILE = """
import json
from airflow.sdk import AsyncCallback, BaseNotifier, DeadlineAlert, DeadlineReference, SyncCallback

PATH = {path!r}

def write(kind, context, **more):
    with open(PATH, "a") as file:
        file.write(f"{{kind}} {{context['dag_run']['dag_run_id']}} {{context['deadline']['deadline_time'].year}} {{more}}\\n")

def plain(text, context):
    write("plain", context, text=text)

def fails(context):
    raise ValueError("broken")

async def waits(context):
    import asyncio
    await asyncio.sleep(0.01)
    write("async", context)

class Tells(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, text, **kwargs):
        super().__init__(**kwargs)
        self.text = text

    def notify(self, context):
        write("notifier", context, text=self.text)

def due(callback):
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(seconds=1), callback)

with DAG("d", deadline=[
    due(SyncCallback(fails)),
    due(SyncCallback(plain, kwargs={{"text": "hello"}})),
    due(SyncCallback(Tells, kwargs={{"text": "{{{{ dag_run.dag_id }}}}"}})),
    due(AsyncCallback(waits)),
    due(AsyncCallback(Tells, kwargs={{"text": "by the triggerer"}})),
    due(AsyncCallback("no.such.function")),
]):
    @task
    def a(): pass
    a()
"""


def test_callbacks_are_called_where_they_belong(real_slot: Any, tmp_path: Path):
    from orchestrator.core.serde import dag_from_json
    from orchestrator.runtime.client import ForkServer
    from tests.support import factories

    from .test_worker import HEAD

    notes = tmp_path / "notes"
    source = HEAD + FILE.format(path=str(notes))
    (tmp_path / "d.py").write_text(source)
    server = ForkServer()
    try:
        parsed = server.parse(str(tmp_path), "d.py", timeout=20, memory_bytes=1 << 30)
    finally:
        server.close()
    assert parsed.errors == []
    factories.make_dag(
        spec=dag_from_json(parsed.dags[0]), source=source, file=factories.make_file("d.py"), is_paused=True
    )
    run = actions.trigger_dag("d")
    assert control.step(timezone.now() + seconds(5)).deadlines_missed == 6

    real_slot.drain()
    lines = notes.read_text().splitlines()
    year = f"{run.run_id} {timezone.now().year}"
    assert lines == [f"plain {year} {{'text': 'hello'}}", f"notifier {year} {{'text': 'd'}}"]
    assert Callback.objects.filter(done_at__isnull=True, on_triggerer=False).count() == 0

    triggerer = Triggerer(10)
    triggerer.lease.start()

    def look() -> bool:
        triggerer.take_callbacks()
        triggerer.listen(0.05)
        triggerer.check()
        triggerer.accept()
        return not Callback.objects.filter(done_at__isnull=True).exists()

    try:
        wait_for(look, 30, "every callback's end")
    finally:
        triggerer.stop()
    assert sorted(notes.read_text().splitlines()[2:]) == [
        f"async {year} {{}}",
        f"notifier {year} {{'text': 'by the triggerer'}}",
    ]
    from runs_app import logs

    said = {}
    for each in Callback.objects.filter(run=run).select_related("run"):
        kept, _ = logs.read_lines(run.pk, 0, each.pk, 0, 1 << 20)
        said[each.pk] = (each.outcome, b"\n".join(kept).decode())
    assert [outcome for _, (outcome, _) in sorted(said.items())] == ["failed", *["called"] * 4, "failed"]
    logs_of = [text for _, (_, text) in sorted(said.items())]
    assert "ValueError: broken" in logs_of[0] and "deadline_callback.py" not in logs_of[0]
    assert "no.such.function cannot be found here" in logs_of[5]
