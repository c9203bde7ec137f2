"""A worker slot with real children, on the test's own database."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from dags_app import secrets
from orchestrator.core.serde import dag_from_json
from orchestrator.runtime.client import ForkServer
from runs_app import actions, cancel, logs
from runs_app.models import Attempt, Callback, DagRun, Process, StateEvent, TaskInstance, XCom
from runs_app.worker import Slot
from tests.support import factories
from tests.support.servers import wait_for

HEAD = "import os, signal, sys, time\nfrom datetime import timedelta\nfrom airflow.sdk import DAG, task\nfrom airflow.sdk import BaseHook, Variable\n"


@pytest.fixture
def parse(tmp_path: Path) -> Callable[[str], None]:
    """Make the DAG ``d`` from the body of a ``with DAG`` block."""

    def make(body: str, arguments: str = "") -> None:
        inside = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
        source = f'{HEAD}with DAG("d"{arguments}) as dag:\n{inside}'
        (tmp_path / "d.py").write_text(source)
        server = ForkServer()
        try:
            found = server.parse(str(tmp_path), "d.py", timeout=20, memory_bytes=1 << 30)
        finally:
            server.close()
        assert found.errors == []
        spec = dag_from_json(found.dags[0])
        factories.make_dag(spec=spec, source=source, file=factories.make_file("d.py"))

    return make


@pytest.fixture
def slot(emptied: None, redis_server: Any) -> Iterator[Slot]:
    made = Slot(["default"])
    made.start()
    yield made
    made.stop()
    connection.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats and graces of a fraction of a second."""
    monkeypatch.setattr(settings.ORCH, "heartbeat_seconds", 0.1)
    monkeypatch.setattr(settings.ORCH, "kill_grace_seconds", 0.3)


def run_of(slot: Slot) -> DagRun:
    """Run the DAG to where this slot can bring it."""
    run = actions.trigger_dag("d")
    slot.drain()
    run.refresh_from_db()
    return run


def started(slot: Slot) -> tuple[DagRun, threading.Thread]:
    """Start a run in a thread; back once its first task prints."""
    run = actions.trigger_dag("d")
    thread = threading.Thread(target=lambda: (slot.drain(), connection.close()))
    thread.start()
    wait_for(lambda: "begun" in log_of(run), 20, "the task having begun")
    return run, thread


def lines_of(run: DagRun, task_id: str | None = None) -> list[dict[str, Any]]:
    found = []
    instances = TaskInstance.objects.filter(run=run, **({"task_id": task_id} if task_id else {}))
    for attempt in Attempt.objects.filter(task_instance__in=instances).order_by("pk"):
        lines, _ = logs.read_lines(run.pk, attempt.task_instance_id, attempt.token, 0, 1 << 20)
        found += [json.loads(line) for line in lines]
    return found


def log_of(run: DagRun, task_id: str | None = None) -> str:
    return "\n".join(line["event"] for line in lines_of(run, task_id))


def attempt_of(run: DagRun) -> Attempt:
    return Attempt.objects.filter(task_instance__run=run).latest("pk")


def test_tasks_of_one_key_never_run_beside_each_other(slot, parse, tmp_path):
    trace = tmp_path / "trace"
    parse(
        f"""
@task(concurrency_key="{{{{ dag_run.conf['tenant'] }}}}")
def alone(number):
    with open("{trace}", "a", buffering=1) as file:
        file.write("begin\\n")
        time.sleep(0.1)
        file.write("end\\n")

alone.expand(number=[1, 2, 3, 4])
"""
    )
    other = Slot(["default"])
    other.start()
    run = actions.trigger_dag("d", conf={"tenant": "acme"})
    threads = [threading.Thread(target=lambda each=each: (each.drain(), connection.close())) for each in (slot, other)]
    for thread in threads:
        thread.start()

    def over() -> bool:
        run.refresh_from_db()
        return run.state == "success" or (slot.drain(), other.drain()) is None

    wait_for(over, 30, "the end of the run")
    for thread in threads:
        thread.join(10)
    other.stop()
    assert trace.read_text().split() == ["begin", "end"] * 4


def test_values_go_from_task_to_task_and_output_to_the_log(slot, parse):
    parse(
        """
@task
def one():
    print("out"); print("err", file=sys.stderr)
    return {"n": 41}

@task
def two(value):
    return value["n"] + 1

two(one())
"""
    )
    run = run_of(slot)
    assert run.state == "success"
    assert {each.key: each.value for each in run.xcoms.filter(task_id="two")} == {"return_value": 42}
    by = {(line["logger"], line["event"]) for line in lines_of(run, "one")}
    assert {("task.stdout", "out"), ("task.stderr", "err")} <= by
    closed = Attempt.objects.filter(task_instance__run=run)
    assert all(each.outcome == "success" and each.cpu_seconds and each.peak_bytes for each in closed)
    assert StateEvent.objects.filter(run=run, old="scheduled", new="running").count() == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os._exit(7)", "exit code 7"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("raise ValueError('boom')", "ValueError: boom"),
        ("sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_however_a_task_ends_badly_the_reason_is_named(slot, parse, body, reason):
    parse(f"@task\ndef t():\n    {body}\nt()")
    run = run_of(slot)
    assert run.state == "failed"
    assert reason in attempt_of(run).reason
    assert reason.split(": ")[-1] in log_of(run)


def test_a_retry_waits_for_its_time_and_forgets_what_was_pushed(slot, parse):
    parse(
        """
@task(retries=1, retry_delay=timedelta(seconds=0))
def t(ti=None):
    ti.xcom_push("seen", ti.try_number)
    if ti.try_number == 1:
        ti.xcom_push("first only", True)
        raise ValueError("not yet")
t()
"""
    )
    run = run_of(slot)
    assert run.state == "success"
    assert {each.key: each.value for each in run.xcoms.all()} == {"seen": 2}
    assert list(Attempt.objects.values_list("try_number", "outcome")) == [(1, "up_for_retry"), (2, "success")]


def test_an_execution_timeout_ends_even_what_ignores_it(slot, parse, short, monkeypatch):
    monkeypatch.setattr("runs_app.worker.RESULT_GRACE_SECONDS", 0.3)
    parse(
        """
@task(execution_timeout=timedelta(seconds=0.3))
def t():
    signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("begun", flush=True)
    time.sleep(60)
t()
"""
    )
    began = time.monotonic()
    run = run_of(slot)
    assert time.monotonic() - began < 15
    assert run.state == "failed"
    assert "execution_timeout" in attempt_of(run).reason


@pytest.mark.parametrize("ask", ["clear", "mark"])
def test_clearing_or_marking_a_running_task_stops_its_process(slot, parse, short, ask):
    parse(
        """
@task
def t(ti=None):
    print("begun", os.getpid(), flush=True)
    time.sleep(60 if ti.token == 1 else 0)
t()
"""
    )
    run, thread = started(slot)
    pid = int(log_of(run).split("begun ")[1].split()[0])
    instance = TaskInstance.objects.get(run=run)
    if ask == "clear":
        actions.clear(run.pk, task_ids=["t"])
    else:
        actions.set_task_state([instance.pk], "success", user=None)
    thread.join(20)
    assert not thread.is_alive()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 30, "the end of the process")
    instance.refresh_from_db()
    if ask == "clear":
        slot.drain()
        instance.refresh_from_db()
    assert instance.state == "success"
    assert list(Attempt.objects.filter(outcome__isnull=True)) == []


def test_a_cancelled_run_lets_its_task_clean_up_and_then_ends_its_process(slot, parse, short, tmp_path):
    parse(
        f"""
from airflow.sdk import BaseOperator
class Remote(BaseOperator):
    def execute(self, context):
        print("begun", os.getpid(), flush=True)
        while True:
            try:
                time.sleep(60)
            except BaseException:
                print("does not want to end", flush=True)
    def on_kill(self):
        open({str(tmp_path / "killed")!r}, "w").write("remote job")
Remote(task_id="t")
"""
    )
    run, thread = started(slot)
    pid = int(log_of(run).split("begun ")[1].split()[0])
    cancel.cancel_run(run.pk)
    thread.join(20)
    assert not thread.is_alive()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 30, "the end of the process")
    assert (tmp_path / "killed").read_text() == "remote job"
    run.refresh_from_db()
    assert (run.state, TaskInstance.objects.get(run=run).state) == ("cancelled", "cancelled")


def test_a_stopping_worker_hands_back_what_does_not_end_in_time_and_spends_no_retry(slot, parse, short, monkeypatch):
    monkeypatch.setattr(settings.ORCH, "drain_seconds", 0.2)
    parse("@task\ndef t():\n    print('begun', flush=True)\n    time.sleep(60)\nt()")
    run, thread = started(slot)
    slot.claimer.draining = True
    thread.join(20)
    instance = TaskInstance.objects.get(run=run)
    assert (instance.state, instance.try_number) == ("scheduled", 1)
    assert attempt_of(run).outcome == "interrupted"
    assert slot.drain() == 0, "a stopping worker claims nothing"


def test_a_slot_that_was_found_dead_kills_its_child_and_starts_a_new_life(slot, parse, short):
    parse(
        """
@task
def t(ti=None):
    print("begun", os.getpid(), flush=True)
    time.sleep(60 if ti.token == 1 else 0)  # another slot, or this one in its new life, may be given it again
t()
"""
    )
    run, thread = started(slot)
    pid = int(log_of(run).split("begun ")[1].split()[0])
    before = slot.lease.pk
    Process.objects.filter(pk=before).update(ended_at="2026-01-01T00:00:00Z", end_reason="silent")
    thread.join(20)
    assert not thread.is_alive()
    assert not Path(f"/proc/{pid}").exists()
    wait_for(lambda: slot.lease.pk != before, 30, "a new lease")


def test_what_a_task_started_ends_with_it(slot, parse):
    parse(
        """
@task
def t():
    import subprocess
    print("begun", subprocess.Popen(["sleep", "60"]).pid, flush=True)
    os._exit(1)
t()
"""
    )
    run = run_of(slot)
    pid = int(log_of(run).split("begun ")[1].split()[0])
    wait_for(lambda: not _alive(pid), 30, "the grandchild's end")


def test_secrets_a_task_reads_never_reach_its_log_or_rendered_fields(slot, parse):
    values = {"conn_type": "postgres", "host": "h", "password": "opensesame-91", "extra": '{"api_key": "k-123456"}'}
    secrets.set_connection("db", values)
    secrets.set_variable("mail_password", "hunter2-hunter2")
    parse(
        """
from airflow.providers.standard.operators.bash import BashOperator
@task
def t():
    conn = BaseHook.get_connection("db")
    print(conn.password, conn.extra, Variable.get("mail_password"))
    raise ValueError(conn.password)
t() >> BashOperator(task_id="b", bash_command="echo {{ var.value.mail_password }}", trigger_rule="always")
"""
    )
    run = run_of(slot)
    instance = TaskInstance.objects.get(run=run, task_id="b")
    everything = log_of(run) + attempt_of(run).reason + json.dumps(instance.rendered.fields)
    everything += "".join(each.reason for each in Attempt.objects.all())
    assert "***" in everything
    for secret in ("opensesame-91", "k-123456", "hunter2-hunter2"):
        assert secret not in everything


def test_what_a_file_reads_while_it_is_imported_is_what_holds_when_the_task_starts(slot, parse):
    secrets.set_connection("db", {"conn_type": "postgres", "host": "h", "password": "opensesame-91"})
    parse(
        """
where = Variable.get("where", default=None)
password = BaseHook.get_connection("db").password if where else ""
@task
def t():
    print("it is", password)
    return where
t()
"""
    )
    for place in ("Basel", "Basel", "Bern"):
        secrets.set_variable("where", place)
        run = run_of(slot)
        assert XCom.objects.get(run=run).value == place
        assert "it is ***" in log_of(run)


def test_the_command_that_a_bash_function_returns_is_shown_as_it_was_rendered(slot, parse):
    parse(
        """
@task.bash
def t(name):
    return f"echo {name} of {{{{ dag_run.dag_id }}}}"
t("run")
"""
    )
    run = run_of(slot)
    assert TaskInstance.objects.get(run=run).rendered.fields["bash_command"] == "echo run of d"


def test_callbacks_of_a_task_that_died_and_of_the_dag_run(slot, parse, tmp_path):
    parse(
        f"""
@task(on_failure_callback=lambda context: open({str(tmp_path / "task")!r}, "w").write(context["task_instance"].task_id))
def t():
    os._exit(1)
t()
""",
        f', on_failure_callback=lambda context: open({str(tmp_path / "dag")!r}, "w").write(context["reason"])',
    )
    run_of(slot)
    slot.drain()
    assert (tmp_path / "task").read_text() == "t"
    assert "t" in (tmp_path / "dag").read_text()
    assert not Callback.objects.filter(done_at__isnull=True).exists()


def test_a_full_disk_under_the_logs_fails_no_task_and_is_told_later(slot, parse, monkeypatch):
    parse("@task\ndef t():\n    print('x' * 100)\nt()")
    whole = type(logs.store()).append
    full = [True]

    def append(self: Any, key: str, data: bytes) -> int:
        if full[0]:
            raise OSError(28, "No space left on device")
        return whole(self, key, data)

    monkeypatch.setattr(type(logs.store()), "append", append)
    run = run_of(slot)
    assert run.state == "success"
    assert lines_of(run) == []
    full[0] = False
    actions.clear(run.pk)
    slot.drain()
    assert "x" * 100 in log_of(run)


def test_a_version_that_cannot_be_imported_here_fails_its_task_with_the_reason(slot, parse, monkeypatch, tmp_path):
    parse("if os.environ.get('AIRFLOW_BREAK'): import nothing_of_that_name\n@task\ndef t(): pass\nt()")
    monkeypatch.setenv("AIRFLOW_BREAK", "1")
    slot.server.close()
    run = run_of(slot)
    assert run.state == "failed"
    assert "nothing_of_that_name" in attempt_of(run).reason


def test_overlooked_work_is_found_without_an_invitation(slot, parse, short, monkeypatch):
    monkeypatch.setattr("runs_app.worker.IDLE_RESCUE_SECONDS", 0.1)
    parse("@task\ndef t(): pass\nt()")
    run = actions.trigger_dag("d")
    wait_for(lambda: DagRun.objects.get(pk=run.pk).state == "success", 20, "the run's end, though nobody was invited")


def test_a_task_finds_no_credential_of_ours(slot, parse, monkeypatch):
    monkeypatch.setenv("FERNET_KEYS", "not-to-be-seen-1")
    monkeypatch.setenv("SECRET_KEY", "not-to-be-seen-2")
    monkeypatch.setenv("BROKER_URL", "redis://not-to-be-seen-3")
    parse(
        """
@task
def t():
    print(dict(os.environ))
    print([os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")])
    print(sorted(name for name in sys.modules if name.split(".")[0] in {"django", "psycopg", "celery", "redis"}))
t()
"""
    )
    text = log_of(run_of(slot))
    assert "not-to-be-seen" not in text
    assert "sqlite3" not in text and "PGSQL" not in text
    assert "\n[]" in text


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_producer_wakes_its_consumer_in_the_same_slot(slot: Slot, tmp_path: Path):
    """Two files' worth of DAGs, real children: the event's extra reaches the consumer's task."""
    from django.utils import timezone

    from dags_app import asset_sync

    source = (
        "from airflow.sdk import DAG, Asset, AssetAlias, Metadata, asset, task\n"
        "raw = Asset('raw', 's3://raw')\n"
        "with DAG('p', schedule=None):\n"
        "    @task(outlets=[raw, AssetAlias('x')])\n"
        "    def write(*, outlet_events):\n"
        "        outlet_events[AssetAlias('x')].add(Asset('late'), extra={'n': 7})\n"
        "        yield Metadata(raw, {'rows': 3})\n"
        "    write()\n"
        "@asset(schedule=raw & AssetAlias('x'))\n"
        "def clean(context, raw, outlet_events):\n"
        "    told = context['triggering_asset_events']\n"
        "    print('told', raw.uri, told[raw][0].extra, told[AssetAlias('x')][0].extra, told[raw][0].source_task_instance.task_id)\n"
        "    print('in', [each.extra for each in context['inlet_events'][raw]])\n"
    )
    (tmp_path / "f.py").write_text(source)
    server = ForkServer()
    try:
        found = server.parse(str(tmp_path), "f.py", timeout=20, memory_bytes=1 << 30)
    finally:
        server.close()
    assert found.errors == []
    for each in found.dags:
        spec = dag_from_json(each)
        dag = factories.make_dag(
            spec=spec,
            source=source,
            file=factories.make_file("f.py"),
            asset_expression=asset_sync.expression_of(spec),
        )
        asset_sync.store({dag.pk: spec}, {dag.pk: dag.version_id}, timezone.now())
    run = actions.trigger_dag("p")
    assert slot.drain() == 2
    run.refresh_from_db()
    consumer = DagRun.objects.get(dag_id="clean")
    text = log_of(consumer)
    assert "told s3://raw/ {'rows': 3} {'n': 7} write" in text, text
    assert "in [{'rows': 3}]" in text
    assert (run.state, consumer.state) == ("success", "success")


@pytest.mark.parametrize("left", ["return 'a\\0b'", "raise ValueError('a\\0b')", "print('a\\0b')"])
def test_a_text_with_a_nul_character_holds_up_no_slot(slot, parse, left: str):
    """PostgreSQL stores none: what cannot be written ends its own task, and the slot goes on with others."""
    parse(f"@task\ndef odd():\n    {left}\n\n@task\ndef other():\n    return 1\n\nodd()\nother()")
    run = actions.trigger_dag("d")
    thread = threading.Thread(target=lambda: (slot.drain(), connection.close()))
    thread.start()
    thread.join(20)
    stuck = thread.is_alive()
    if stuck:  # let it end all the same, so that the next test finds its database as ever
        TaskInstance.objects.filter(run=run).update(token=99)
        thread.join(20)
    assert not stuck, "the slot still tries to write a result that can never be written"
    states = dict(TaskInstance.objects.filter(run=run).values_list("task_id", "state"))
    assert states["other"] == "success"
    assert states["odd"] in {"success", "failed"}
    if states["odd"] == "failed" and "return" in left:  # on PostgreSQL
        assert "cannot be stored" in attempt_of_task(run, "odd").reason


def attempt_of_task(run: DagRun, task_id: str) -> Attempt:
    return Attempt.objects.filter(task_instance__run=run, task_instance__task_id=task_id).latest("pk")


def test_a_file_reads_variables_and_connections_while_a_worker_imports_it_and_is_imported_anew_when_they_change(
    slot, parse, monkeypatch
):
    """Many files do so at their top, outside of any task: what they read there is as new as the attempt."""
    monkeypatch.setenv("AIRFLOW_VAR_KIND", "of the environment")
    secrets.set_variable("place", "north")
    secrets.set_connection("db", {"conn_type": "http", "host": "example.org", "password": "opensesame-17"})
    parse(
        """
PLACE, KIND, HOST = Variable.get("place", default=""), Variable.get("kind", default=""), None
try:
    HOST = BaseHook.get_connection("db")
    Variable.set("written", "again")
except Exception:
    pass
@task
def t():
    print(os.getppid(), PLACE, KIND, HOST and HOST.host, HOST and HOST.password)
t()
"""
    )
    first, second = log_of(run_of(slot)), log_of(run_of(slot))
    assert "north of the environment example.org ***" in first
    assert "north of the environment example.org ***" in second
    secrets.set_variable("place", "south")
    third = log_of(run_of(slot))
    assert "south of the environment example.org ***" in third and "opensesame-17" not in third
    loaded_by = [re.search(r"(\d+) (?:north|south)", each)[1] for each in (first, second, third)]
    assert loaded_by[0] == loaded_by[1] != loaded_by[2]
    assert secrets.get_variable("written") is None
