"""XComs through the database, by real children of a worker slot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from runs_app import actions
from runs_app.models import DagRun, TaskInstance, XCom

from .test_worker import log_of, parse, run_of, slot

assert parse and slot  # the fixtures


def test_a_mapped_tasks_results_are_read_from_rows_by_the_chunk(slot: Any, parse: Any):
    parse(
        """
@task
def one(n):
    return n if n != 3 else None

@task
def read(values):
    print(json.dumps([len(values), values[-1], values[1:3], values[::-2], list(values), [v for v in values] == list(values)]))

import json
from orchestrator.sdk.xcom_arg import LazyXComSequence
LazyXComSequence.CHUNK = 3
read(one.expand(n=list(range(10))))
"""
    )
    run = run_of(slot)
    assert run.state == "success"
    pushed = [0, 1, 2, 4, 5, 6, 7, 8, 9]
    said = json.loads(next(line for line in log_of(run, "read").splitlines() if line.startswith("[9")))
    assert said == [9, 9, [1, 2], pushed[::-2], pushed, True]


def test_other_runs_and_other_dags_can_be_pulled_from(slot: Any, parse: Any):
    parse(
        """
@task
def push(run_id, ti):
    ti.xcom_push("where", run_id)
    return ti.xcom_pull(task_ids="push", key="where", include_prior_dates=True)

@task
def pull(ti, dag_run):
    first = dag_run.conf.get("first")
    print("PULLED", [
        ti.xcom_pull(task_ids="push", key="where") == ti.run_id,
        ti.xcom_pull(task_ids="push", key="where", run_id=first),
        ti.xcom_pull(task_ids="push", key="where", dag_id="d", run_id=first),
        ti.xcom_pull(task_ids="nowhere", include_prior_dates=True),
        ti.xcom_pull(task_ids="only_before", include_prior_dates=True),
    ])

push() >> pull()
"""
    )
    first = run_of(slot)
    instance = TaskInstance.objects.get(run=first, task_id="push")
    names = {"run": first, "dag_id": "d", "task_id": "only_before", "key": "return_value", "value": "old"}
    XCom.objects.create(task_instance=instance, timestamp=timezone.now(), **names)
    second = actions.trigger_dag("d", conf={"first": first.run_id})
    slot.drain()
    assert f"PULLED [True, '{first.run_id}', '{first.run_id}', None, 'old']" in log_of(second, "pull")


def test_clearing_has_the_backend_delete_what_it_keeps(
    slot: Any, parse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    prefix = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_"
    pytest.importorskip("fsspec")
    monkeypatch.setenv("AIRFLOW__CORE__XCOM_BACKEND", "orchestrator.sdk.xcom_store.XComObjectStorageBackend")
    monkeypatch.setenv(f"{prefix}PATH", f"file://{tmp_path}/xcoms")
    monkeypatch.setenv(f"{prefix}THRESHOLD", "10")
    slot.server.close()  # its children have the environment it was started in
    parse(
        """
@task
def large():
    return "x" * 1000

@task
def read(value):
    print("LENGTH", len(value))

read(large())
"""
    )
    run = run_of(slot)

    def files() -> list[str]:
        return [path.name for path in (tmp_path / "xcoms").rglob("*.json")]

    before = files()
    assert len(before) == 1 and XCom.objects.get(run=run, task_id="large").value["__type"] == "stored"
    actions.clear(run.pk)
    slot.drain()
    assert DagRun.objects.get(pk=run.pk).state == "success"
    assert len(files()) == 1 and files() != before, "the value of the first try is gone, that of the second is there"
    assert log_of(run, "read").count("LENGTH 1000") == 2


def test_rendered_fields_keep_their_structure_and_hide_what_secret_names_hold(slot: Any, parse: Any):
    parse(
        """
@task
def t(**kwargs):
    pass

t(env={"PASSWORD": "abc", "DAY": "{{ run_id }}"}, numbers={1})
"""
    )
    run = run_of(slot)
    fields = TaskInstance.objects.get(run=run).rendered.fields["op_kwargs"]
    assert fields == {"env": {"PASSWORD": "***", "DAY": run.run_id}, "numbers": [1]}


def test_rendered_fields_are_cut_after_secrets_are_hidden(slot: Any, parse: Any, settings: Any):
    settings.ORCH.rendered_max_length = 60
    parse(
        """
from airflow.sdk import mask_secret

@task.bash
def t():
    mask_secret("hunter-22-and-some-more")
    return "echo " + "x" * 45 + "hunter-22-and-some-more" + "y" * 4000

t()
"""
    )
    try:
        fields = TaskInstance.objects.get(run=run_of(slot)).rendered.fields
    finally:
        settings.ORCH.rendered_max_length = 1 << 16
    assert "hunter" not in str(fields) and fields["bash_command"] == f"echo {'x' * 45}***{'y' * 7}... (4053 characters)"
