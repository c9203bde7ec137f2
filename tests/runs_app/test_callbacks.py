"""Callbacks in real children: each hook, its context, and what a callback cannot break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runs_app import actions
from runs_app.models import Callback

from .engine import states
from .test_worker import log_of, parse, run_of, slot

assert parse and slot  # fixtures

NOTE = """
import json

def note(kind):
    def callback(context):
        ti = context.get("ti")
        known = dict(
            kind=kind, task=ti.task_id if ti else None, state=ti.state if ti else None, reason=context.get("reason"),
            error=repr(context["exception"]) if context.get("exception") else None, run=context["dag_run"].run_id,
            ended=bool(ti and ti.end_date),
        )
        with open({path!r}, "a") as file:
            file.write(json.dumps(known) + "\\n")
    return callback

def hooks():
    kinds = ("execute", "success", "failure", "retry", "skipped")
    return {{f"on_{{kind}}_callback": note(kind) for kind in kinds}}
"""


@pytest.fixture
def notes(tmp_path: Path) -> Any:
    path = tmp_path / "notes.jsonl"

    def read(*names: str) -> list[Any]:
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [tuple(line[name] for name in names) if len(names) > 1 else line[names[0]] for line in lines]

    read.code = NOTE.format(path=str(path))  # type: ignore[attr-defined]
    return read


def test_every_hook_is_called_with_what_it_is_about(slot: Any, parse: Any, notes: Any):
    parse(
        notes.code
        + """
dag.on_failure_callback = [note("dag failure")]

@task(**hooks())
def good(): pass

@task(retries=1, retry_delay=timedelta(0), **hooks())
def bad(): raise ValueError("no")

@task(**hooks())
def left_out():
    from airflow.sdk.exceptions import AirflowSkipException
    raise AirflowSkipException("not today")

@task(**hooks())
def below(): pass

good(); bad() >> below(); left_out()
"""
    )
    run = run_of(slot)
    assert run.state == "failed"
    assert sorted(notes("task", "kind", "state")) == sorted(
        [
            ("good", "execute", "running"),
            ("good", "success", "success"),
            ("bad", "execute", "running"),
            ("bad", "retry", "up_for_retry"),
            ("bad", "execute", "running"),
            ("bad", "failure", "failed"),
            ("left_out", "execute", "running"),
            ("left_out", "skipped", "skipped"),
            ("bad", "dag failure", "failed"),
        ]
    )
    by = {kind: (error, reason, ended) for kind, error, reason, ended in notes("kind", "error", "reason", "ended")}
    assert by["failure"] == ("ValueError('no')", None, True)
    assert by["retry"][0] == "ValueError('no')"
    assert by["dag failure"] == (None, "task_failure", True)
    assert set(notes("run")) == {run.run_id}


def test_a_run_that_ends_well_tells_so(slot: Any, parse: Any, notes: Any):
    parse(notes.code + 'dag.on_success_callback = [note("dag")]\n@task\ndef a(): pass\na()')
    run_of(slot)
    assert notes("kind", "task", "reason", "state") == [("dag", "a", "success", "success")]


@pytest.mark.parametrize("way", ["raise ValueError('mine')", "sys.exit(3)"])
def test_a_callback_that_fails_is_logged_and_keeps_neither_the_next_nor_the_state(
    slot: Any, parse: Any, notes: Any, way: str
):
    parse(
        notes.code
        + f"""
def broken(context):
    {way}

@task(on_success_callback=[broken, note("after")], on_execute_callback=[broken])
def a(): return 1

a()
"""
    )
    run = run_of(slot)
    assert (states(run), notes("kind")) == ({"a": "success"}, ["after"])
    assert run.xcoms.get().value == 1
    log = log_of(run)
    assert "on_success_callback broken failed" in log and "on_execute_callback broken failed" in log


@pytest.mark.parametrize("hook", ["success", "failure"])
def test_a_callback_that_ends_the_process_changes_no_state(slot: Any, parse: Any, hook: str):
    work = "return 1" if hook == "success" else "raise ValueError('no')"
    parse(f"@task(on_{hook}_callback=lambda context: os._exit(9))\ndef a():\n    {work}\na()")
    run = run_of(slot)
    assert states(run) == {"a": "success" if hook == "success" else "failed"}
    assert "ended while its callbacks ran" in log_of(run)
    assert not Callback.objects.exists()


def test_a_callback_is_not_part_of_the_tasks_time(slot: Any, parse: Any, notes: Any):
    parse(
        notes.code
        + """
def slow(context):
    time.sleep(1.2)

@task(execution_timeout=timedelta(seconds=1), on_failure_callback=[slow, note("after")])
def a(): raise ValueError("no")

a()
"""
    )
    run = run_of(slot)
    assert (states(run), notes("kind")) == ({"a": "failed"}, ["after"])
    assert "took longer than its execution_timeout" not in log_of(run)


def test_the_callbacks_of_a_task_that_died_run_elsewhere(slot: Any, parse: Any, notes: Any):
    parse(
        notes.code
        + """
@task(retries=1, retry_delay=timedelta(0), **hooks())
def dies():
    os.kill(os.getpid(), signal.SIGKILL)

dies()
"""
    )
    run = actions.trigger_dag("d")
    slot.drain()
    assert states(run) == {"dies": "failed"}
    ends = [each for each in notes("kind", "state", "error") if each[0] != "execute"]
    assert [each[:2] for each in ends] == [("retry", "up_for_retry"), ("failure", "failed")]
    assert all("SIGKILL" in each[2] for each in ends)
    assert not Callback.objects.filter(done_at__isnull=True).exists()


def test_what_the_engine_skips_calls_nobody(slot: Any, parse: Any, notes: Any):
    parse(
        notes.code
        + """
@task.branch
def choose(): return "left"

@task(**hooks())
def left(): pass

@task(**hooks())
def right(): pass

choose() >> [left(), right()]
"""
    )
    run = run_of(slot)
    assert states(run)["right"] == "skipped"
    assert notes("task", "kind") == [("left", "execute"), ("left", "success")]
