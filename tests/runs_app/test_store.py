"""The state store of task instances: real attempts write it, and the next one finds it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from dags_app.models import Dag
from runs_app import actions, answers, store, sweep
from runs_app.models import AssetStoreEntry, TaskInstance, TaskStoreEntry
from tests.runs_app.test_worker import log_of, parse, run_of, slot  # noqa: F401  # fixtures
from tests.support import factories


def entries() -> dict[str, object]:
    return dict(store.alive(timezone.now()).values_list("key", "value"))


@pytest.fixture
def instance(db):
    return factories.instance_of(factories.make_run(factories.make_dag("d"), "r"), "a")


def test_the_next_try_finds_what_the_one_before_wrote(parse, slot):  # noqa: F811
    parse("""
@task(retries=1, retry_delay=timedelta(0))
def t(task_state_store, ti):
    job = task_state_store.get("job", "none")
    print("found", job)
    task_state_store.set("job", {"id": 7, "try": ti.try_number})
    task_state_store.set("gone", 1)
    task_state_store.delete("gone")
    if job == "none":
        os._exit(9)
t()""")
    run = run_of(slot)
    assert TaskInstance.objects.get().state == "success"
    assert "found none" in log_of(run) and "found {'id': 7, 'try': 1}" in log_of(run)
    assert entries() == {"job": {"id": 7, "try": 2}}


def test_a_clear_keeps_it_and_an_async_task_may_use_it(parse, slot):  # noqa: F811
    parse("""
@task
async def t(task_state_store):
    await task_state_store.aset("count", (await task_state_store.aget("count", 0)) + 1)
t()""")
    run = run_of(slot)
    actions.clear(run.pk)
    slot.drain()
    assert entries() == {"count": 2}


def test_each_instance_of_a_mapped_task_has_its_own_and_may_clear_all(parse, slot):  # noqa: F811
    parse("""
@task
def t(x, task_state_store):
    assert task_state_store.get("x") is None
    task_state_store.set("x", x)
    if x == 3:
        task_state_store.clear(all_map_indices=True)
        task_state_store.set("last", x)
t.expand(x=[1, 2, 3])""")
    run_of(slot)
    assert set(TaskInstance.objects.values_list("state", flat=True)) == {"success"}
    assert entries() == {"last": 3}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('.set("k", None)', "cannot keep None"),
        ('.set("k", float("nan"))', "not JSON compliant"),
        ('.set("k", object())', "has no JSON form"),
        ('.set("k", 1, retention=7)', "must be a timedelta"),
        ('.set("k", "x" * 70000)', "at most 65535 are kept"),
        ('.set("", 1)', "1 to 512 characters"),
    ],
)
def test_what_cannot_be_kept_fails_the_task_with_the_reason(parse, slot, call, message):  # noqa: F811
    parse(f"@task\ndef t(task_state_store):\n    task_state_store{call}\nt()")
    run = run_of(slot)
    assert TaskInstance.objects.get().state == "failed" and message in log_of(run)


def test_retention_says_when_a_key_expires(parse, slot):  # noqa: F811
    parse("""
from airflow.sdk import NEVER_EXPIRE
@task
def t(task_state_store):
    task_state_store.set("usual", 1)
    task_state_store.set("short", 1, retention=timedelta(hours=1))
    task_state_store.set("ever", 1, retention=NEVER_EXPIRE)
t()""")
    run_of(slot)
    left = {each.key: each.expires_at and each.expires_at - each.updated_at for each in TaskStoreEntry.objects.all()}
    assert left == {"usual": timedelta(days=30), "short": timedelta(hours=1), "ever": None}


def test_a_success_forgets_where_it_is_told_to(parse, slot, monkeypatch):  # noqa: F811
    monkeypatch.setattr(settings.ORCH, "store_clear_on_success", True)
    parse("@task\ndef t(task_state_store):\n    task_state_store.set('k', 1)\nt()")
    run_of(slot)
    assert entries() == {}


def test_an_attempt_that_was_given_up_neither_reads_nor_writes(instance):
    run = instance.run
    scope = answers.Scope(dag_id="d", run_pk=run.pk, run_id="r", task_id="a", map_index=-1, token=instance.token + 1)
    for what, args in (("task_store_set", {"key": "k", "value": 1}), ("task_store_get", {"key": "k"})):
        with pytest.raises(answers.Refused, match="no longer holds"):
            answers.answer(scope, what, args)


@pytest.mark.django_db
def test_an_expired_key_is_gone_for_everybody_and_then_deleted(instance, capsys):
    now = timezone.now()
    store.put(instance.pk, "old", 1, expires_at=now - timedelta(seconds=1), now=now)
    store.put(instance.pk, "new", 1, expires_at=now + timedelta(days=1), now=now)
    assert entries() == {"new": 1}
    sweep._clean_stores(None, None, now)
    assert TaskStoreEntry.objects.count() == 1
    store.put(instance.pk, "old", 1, expires_at=now - timedelta(seconds=1), now=now)
    call_command("store", "clean")
    assert "1 expired keys deleted" in capsys.readouterr().out


def test_the_command_lists_and_clears(instance, capsys):
    now = timezone.now()
    store.put(instance.pk, "k", {"a": 1}, expires_at=None, now=now)
    call_command("store", "list", "d", "r", "a")
    assert '{"a": 1}' in capsys.readouterr().out
    call_command("store", "clear", "d", "r", "a", "--key", "k")
    assert entries() == {}


# ---- of assets


@pytest.fixture
def deploy(tmp_path, emptied):
    """Parse a file with the real processor, which knows its assets afterwards."""
    from dags_app.processor import Processor
    from dags_app.versions import known_place, load_spec

    def make(body: str) -> None:
        inside = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
        head = "from airflow.sdk import DAG, Asset, AssetAlias, task\nORDERS, ITEMS = Asset('orders'), Asset('items')\n"
        (tmp_path / "d.py").write_text(f"{head}with DAG('d'):\n{inside}")
        load_spec.cache_clear()  # the test before had other rows under these ids
        known_place.cache_clear()
        processor = Processor(str(tmp_path))
        try:
            assert processor.settle().errors == 0
        finally:
            processor.close()
        Dag.objects.update(is_paused=False)

    return make


def asset_entries() -> dict[tuple[str, str], object]:
    return {
        (name, key): value for name, key, value in AssetStoreEntry.objects.values_list("asset__name", "key", "value")
    }


def test_what_a_task_keeps_about_an_asset_is_there_in_the_next_run_and_for_others(slot, deploy):  # noqa: F811
    deploy("""
@task(inlets=[ORDERS], outlets=[ORDERS, ITEMS])
def load(asset_state_store):
    state = asset_state_store[ORDERS]
    state.set("runs", state.get("runs", 0) + 1)
    asset_state_store[ITEMS].set("x", 1)
    asset_state_store[Asset.ref(name="items")].delete("x")
@task(inlets=[ORDERS])
def consume(asset_state_store):
    print("runs so far:", asset_state_store.get("runs"))
load() >> consume()""")
    for _ in range(2):
        run = run_of(slot)
    assert run.state == "success" and "runs so far: 2" in log_of(run, "consume")
    assert asset_entries() == {("orders", "runs"): 2}
    assert AssetStoreEntry.objects.get().updated_by == {
        "kind": "task", "dag_id": "d", "run_id": run.run_id, "task_id": "load", "map_index": -1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "body", "message"),
    [
        ("inlets=[ORDERS], outlets=[ITEMS]", "asset_state_store.get('x')", "names 2 assets: say which"),
        ("inlets=[ORDERS]", "asset_state_store[ITEMS].get('x')", "is not in this task's inlets or outlets"),
        ("inlets=[ORDERS]", "asset_state_store['orders']", "not by a str"),
        ("inlets=[ORDERS]", "asset_state_store.set('x', None)", "cannot keep None"),
        (
            "",
            "from airflow.sdk import get_current_context; get_current_context()['asset_state_store']",
            "names no asset in its inlets or outlets",
        ),
    ],
)
def test_what_cannot_be_asked_of_an_assets_store_says_why(slot, deploy, arguments, body, message):  # noqa: F811
    deploy(f"@task({arguments})\ndef t(asset_state_store=None, **context):\n    {body}\nt()")
    run = run_of(slot)
    assert run.state == "failed" and message in log_of(run)
