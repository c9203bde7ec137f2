"""Two runs as they lie in the database: what differs is found there, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orchestrator.logs.store import LogStore
from runs_app import comparing, logs
from runs_app.models import DagRun
from tests.runs_app.engine import play, python_dag, slot, start
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def pair() -> tuple[DagRun, DagRun]:
    """Two runs of a, then b, that left the same."""
    dag = factories.make_dag("alpha")
    runs = factories.make_run(dag, "one"), factories.make_run(dag, "two")
    for run in runs:
        first = factories.instance_of(run, "a")
        factories.make_attempt(first, lines=(f"begin of {run.run_id}", "5 rows"))
        factories.make_xcom(first, {"rows": [1, 2]})
    return runs


def found(before: DagRun, after: DagRun) -> list[tuple[str, str]]:
    result = comparing.compared(before, after, timezone.now())
    return [(each.kind, each.task_id) for each in result.differences]


def test_runs_that_left_the_same_differ_in_nothing():
    assert found(*pair()) == []


def test_runs_of_the_engine_that_went_alike_differ_in_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(logs, "store", lambda: LogStore(tmp_path))  # no logs of namesakes that were rolled back
    python_run = start(python_dag("wide", {"a": (), "b": ("a",)}))
    play(slot())
    again = start(python_run.dag)
    play(slot())
    assert found(python_run, again) == []


def test_another_value_and_another_log_line_are_found():
    before, after = pair()
    a = factories.instance_of(after, "a")
    a.xcoms.update(value={"rows": [1, 3]})
    factories.add_log(a.attempts.get(), "one more")
    assert sorted(found(before, after)) == [("log", "a"), ("xcom", "a")]


def test_only_the_last_try_s_log_counts():
    before, after = pair()
    a = factories.instance_of(after, "a")
    factories.set_state(a, "success", try_number=2, token=a.token)
    factories.make_attempt(a, lines=("begin of two", "5 rows"))
    assert found(before, after) == [("tries", "a")]


def test_another_version_says_what_it_changed():
    before, _ = pair()
    spec = factories.make_spec("alpha", {"a": (), "b": ("a",), "c": ("b",)})
    factories.make_version(before.dag, spec, "# another\n")
    before.dag.refresh_from_db()
    after = factories.make_run(before.dag, "three")
    result = comparing.compared(before, after, timezone.now())
    told = [each.kind for each in result.changes if each.task_id == "c"]
    assert "task_added" in told
    assert ("version", 1, 2) in [(each.kind, each.before, each.after) for each in result.differences]


def test_the_delay_is_what_the_run_took_longer():
    before, after = pair()
    DagRun.objects.filter(pk=after.pk).update(ended_at=after.ended_at + timedelta(seconds=90))
    after.refresh_from_db()
    assert comparing.compared(before, after, timezone.now()).delay == 90.0


def test_what_a_backfill_made_late_did_not_wait_since_its_time():
    before, after = pair()
    late = before.run_after + timedelta(days=5)
    DagRun.objects.filter(pk=before.pk).update(queued_at=late, started_at=late, ended_at=late + timedelta(seconds=10))
    before.refresh_from_db()
    assert "run_wait" not in [kind for kind, _ in found(before, after)]


def test_the_last_good_run_is_the_newest_before_it_that_succeeded():
    dag = factories.make_dag("alpha")
    factories.make_run(dag, "good-1")
    good = factories.make_run(dag, "good-2")
    factories.make_run(dag, "bad", state="failed")
    run = factories.make_run(dag, "this", state="failed")
    factories.make_run(dag, "later")
    factories.make_run(factories.make_dag("beta"), "other")
    assert comparing.last_good(run, DagRun.objects.all()) == good


def test_the_number_of_queries_does_not_grow_with_the_tasks(django_assert_max_num_queries):
    spec = factories.make_spec("wide", {f"t{number}": () for number in range(40)})
    dag = factories.make_dag(spec=spec)
    runs = factories.make_run(dag, "one"), factories.make_run(dag, "two")
    for run in runs:
        for each in run.task_instances.all():
            factories.make_attempt(each, lines=("x",))
    with django_assert_max_num_queries(14):
        assert found(*runs) == []


def test_the_command_compares_with_the_last_good_run_and_says_where_there_is_none():
    _, after = pair()
    factories.set_state(factories.instance_of(after, "b"), "failed")
    out = StringIO()
    call_command("runs", "compare", "alpha", "two", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["with"], [each["kind"] for each in told["differences"]]) == ("one", ["state"])
    out = StringIO()
    call_command("runs", "compare", "alpha", "two", stdout=out)
    assert "against one" in out.getvalue()
    with pytest.raises(CommandError, match="name one with --with"):
        call_command("runs", "compare", "alpha", "one")
    with pytest.raises(CommandError, match="has no run 'x'"):
        call_command("runs", "compare", "alpha", "one", "--with", "x")
