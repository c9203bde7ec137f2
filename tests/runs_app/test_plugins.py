"""Plugins in real attempts, from the files of the version and without any plugins folder."""

from __future__ import annotations

import json
import shutil

import pytest
from django.conf import settings

from dags_app.models import Dag, PluginCall
from dags_app.processor import Processor
from dags_app.versions import known_place, load_spec
from runs_app import actions
from runs_app.models import TaskInstance
from tests.dags_app.test_plugins import GOOD
from tests.runs_app.test_worker import log_of, slot  # noqa: F401  # fixtures
from tests.support import factories


@pytest.fixture
def deploy(tmp_path, monkeypatch):
    """Store a DAG file with the plugins of a folder, and take both away: a worker elsewhere has neither."""

    def make(dag_file: str, **files: str) -> None:
        dags, folder = tmp_path / "dags", tmp_path / "plugins"
        for where, name, text in ((dags, "d", dag_file), *((folder, name, text) for name, text in files.items())):
            where.mkdir(exist_ok=True)
            (where / f"{name}.py").write_text(text)
        monkeypatch.setattr(settings.ORCH, "plugins_folder", folder)
        monkeypatch.setattr(settings.ORCH, "dags_folder", dags)
        load_spec.cache_clear()  # the test before had other rows under these ids
        known_place.cache_clear()
        processor = Processor(str(dags))
        try:
            assert processor.settle().errors == 0
        finally:
            processor.close()
        shutil.rmtree(folder)
        shutil.rmtree(dags)
        Dag.objects.update(is_paused=False)

    return make


def run_of(slot) -> object:  # noqa: F811
    run = actions.trigger_dag("d")
    slot.drain()
    run.refresh_from_db()
    return run


HEAD = "from datetime import timedelta\nfrom airflow.sdk import DAG, task\nfrom airflow.providers.standard.operators.bash import BashOperator\n"


def test_macros_of_a_plugin_are_there_in_templates_and_imports(slot, deploy):  # noqa: F811
    deploy(
        HEAD + "with DAG('d'):\n    BashOperator(task_id='t', bash_command='echo {{ macros.ours.shout(\"hey\") }}')\n"
        "    @task\n    def u():\n        from ours import shout\n        print(shout('imported'))\n    u()\n",
        ours=GOOD,
    )
    run = run_of(slot)
    assert "HEY!" in log_of(run, "t") and "IMPORTED!" in log_of(run, "u")


def test_each_try_weighs_what_the_rule_says(slot, deploy):  # noqa: F811
    deploy(
        HEAD + "from ours import Sinking\nwith DAG('d'):\n"
        "    BashOperator(task_id='t', bash_command='false', retries=2, retry_delay=timedelta(hours=1), weight_rule=Sinking())\n",
        ours=GOOD,
    )
    run_of(slot)
    instance = TaskInstance.objects.get()
    assert (instance.state, instance.try_number, instance.priority_weight) == ("up_for_retry", 1, 8)


def test_a_broken_plugin_stops_no_task(slot, deploy):  # noqa: F811
    deploy(HEAD + "with DAG('d'):\n    BashOperator(task_id='t', bash_command='true')\n", bad="# Plugin\n1 / 0\n")
    assert run_of(slot).state == "success"


LISTENER = """
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

def said(*words):
    print("heard:", *words)

class Listener:
    @hookimpl
    def on_task_instance_running(self, previous_state, task_instance):
        said("running", previous_state, task_instance.task_id, task_instance.get_template_context()["dag"].dag_id)

    @hookimpl
    def on_task_instance_success(self, task_instance):
        said("success", task_instance.state)

    @hookimpl(specname="on_task_instance_failed")
    def when_it_fails(self, previous_state, task_instance, error):
        said("failed", task_instance.state, error)

    @hookimpl
    def on_task_instance_skipped(self, previous_state, task_instance):
        said("skipped", previous_state)

    @hookimpl
    def on_dag_run_running(self, dag_run, msg):
        said("run running", dag_run.run_type, msg)

    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        said("run success", dag_run.dag_id)

    @hookimpl
    def on_dag_run_failed(self, dag_run, msg):
        said("run failed", msg)

    def on_task_instance_queued(self):
        raise AssertionError("not marked, so it listens to nothing")

class Loud:
    @hookimpl
    def on_task_instance_success(self):
        raise ValueError("of the listener")

class P(AirflowPlugin):
    name = "listening"
    listeners = [Loud(), Listener()]
"""


def heard(run) -> list[str]:
    """What listeners said, in attempts and in callbacks of the run."""
    from runs_app import logs

    lines: list[bytes] = []
    for each in run.callbacks.order_by("pk"):
        lines += logs.read_lines(run.pk, 0, each.pk, 0, 1 << 20)[0] if each.has_own_log else []
    text = log_of(run) + "\n" + "\n".join(json.loads(line)["event"] for line in lines)
    return [line.removeprefix("heard: ") for line in text.splitlines() if line.startswith("heard: ")]


def test_listeners_hear_of_tasks_and_runs_and_harm_neither(slot, deploy):  # noqa: F811
    deploy(HEAD + "with DAG('d'):\n    @task\n    def t(): pass\n    t()\n", listening=LISTENER)
    run = run_of(slot)
    assert run.state == "success" and "The listener" in log_of(run) and "of the listener" in log_of(run)
    assert heard(run) == [
        "running queued t d", "success success", "run running manual started", "run success d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "more", "wanted"),
    [
        ("1 / 0", "", ["failed failed division by zero", "run failed task_failure"]),
        ("1 / 0", "retries=1, retry_delay=timedelta(hours=1)", ["failed up_for_retry division by zero"]),
        ("from airflow.exceptions import AirflowSkipException; raise AirflowSkipException()", "", ["skipped running"]),
        ("import os; os._exit(9)", "", ["failed failed the task's process ended without a result: exit code 9"]),
    ],
)
def test_listeners_hear_how_a_task_failed_even_without_its_process(slot, deploy, body, more, wanted):  # noqa: F811
    deploy(HEAD + f"with DAG('d'):\n    @task({more})\n    def t():\n        {body}\n    t()\n", listening=LISTENER)
    found = heard(run_of(slot))
    assert set(wanted) <= set(found) and "running queued t d" in found, found
    assert len([each for each in found if each.startswith("running ")]) == 1, found


def test_listeners_hear_of_what_somebody_marks_and_callbacks_do_not(slot, deploy):  # noqa: F811
    deploy(
        HEAD + "def cb(context): print('heard: a callback')\n"
        "with DAG('d', on_success_callback=cb, on_failure_callback=cb):\n"
        "    @task(on_success_callback=cb, on_failure_callback=cb)\n    def t(): pass\n    t()\n",
        listening=LISTENER,
    )
    run = actions.trigger_dag("d")
    actions.mark(run, [run], ["t"], "failed", user=None)
    slot.drain()
    actions.set_run_state(run.pk, "success", user=None)
    slot.drain()
    found = heard(run)
    assert "failed failed TaskInstance's state was manually set to `failed`." in found
    assert found[-1] == "run success d" and found.count("a callback") == 1  # of the run that the mark ended by itself
    said = {each.kind: each.outcome for each in run.callbacks.all()}
    assert said == {"running": "called", "told_failure": "called", "failure": "called", "told_success": "called"}


LINKS = """
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink
from airflow.providers.standard.operators.bash import BashOperator

class Everywhere(BaseOperatorLink):
    name = "Logs elsewhere"
    def get_link(self, operator, *, ti_key):
        return f"https://logs/{ti_key.dag_id}/{ti_key.task_id}/{ti_key.try_number}"

class OfBash(BaseOperatorLink):
    name = "Shell"
    operators = [BashOperator]
    def get_link(self, operator, *, ti_key):
        return "javascript:alert(1)"

class Broken(BaseOperatorLink):
    name = "Broken"
    def get_link(self, operator, *, ti_key):
        raise ValueError("no such link")

class P(AirflowPlugin):
    name = "links"
    global_operator_extra_links = [Everywhere(), Broken()]
    operator_extra_links = [OfBash()]
"""


def test_links_of_plugins_are_kept_shown_and_safe(slot, deploy, client):  # noqa: F811
    from orchestrator.api.auth import issue_token

    deploy(
        HEAD
        + "with DAG('d'):\n    BashOperator(task_id='t', bash_command='exit 1')\n    @task\n    def u(): pass\n    u()\n",
        links=LINKS,
    )
    run = run_of(slot)
    viewer = factories.make_user("viewer")
    headers = {"Authorization": f"Bearer {issue_token(viewer)}"}
    base = f"/api/v2/dags/d/dagRuns/{run.run_id}/taskInstances"
    assert client.get(f"{base}/t/links", headers=headers).json() == {
        "extra_links": {"Broken": None, "Logs elsewhere": "https://logs/d/t/1", "Shell": None},
        "total_entries": 3,
    }
    assert set(client.get(f"{base}/u/links", headers=headers).json()["extra_links"]) == {"Broken", "Logs elsewhere"}
    client.force_login(viewer)
    page = client.get(f"/dags/d/runs/{run.run_id}/tasks/t").content.decode()
    assert 'href="https://logs/d/t/1"' in page and "javascript:" not in page


PARTS = """
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

class Listener:
    @hookimpl
    def on_starting(self, component): print("heard: starting", type(component).__name__)
    @hookimpl
    def on_task_instance_running(self): print("heard: running")
    @hookimpl
    def before_stopping(self, component):
        print("heard: stopping", type(component).__name__)
        raise SystemExit(4)
    @hookimpl
    def on_asset_event_emitted(self, asset_event): ...
    @hookimpl
    def on_asset_created(self, asset): ...

class P(AirflowPlugin):
    name = "listening"
    listeners = [Listener()]
"""


def test_the_process_of_a_task_starts_and_stops_and_keeps_its_result(slot, deploy):  # noqa: F811
    deploy(HEAD + "with DAG('d'):\n    @task\n    def t(): return 7\n    t()\n", listening=PARTS)
    run = run_of(slot)
    assert run.state == "success" and run.xcoms.get(key="return_value").value == 7
    assert heard(run) == ["starting TaskRunnerMarker", "running", "stopping TaskRunnerMarker"]


def test_events_of_tasks_are_told_in_the_transaction_of_their_end(slot, deploy):  # noqa: F811
    deploy(
        HEAD + "from airflow.sdk import Asset, AssetAlias\nwith DAG('d'):\n"
        "    @task(outlets=[Asset('file'), AssetAlias('later')])\n"
        "    def t(outlet_events):\n        outlet_events[AssetAlias('later')].add(Asset('new'), extra={'n': 1})\n    t()\n",
        listening=PARTS,
    )
    PluginCall.objects.all().delete()  # of the parse
    run = run_of(slot)
    told = list(PluginCall.objects.order_by("pk").values_list("kind", "payload"))
    assert [kind for kind, _ in told] == ["on_asset_created", "on_asset_event_emitted", "on_asset_event_emitted"]
    events = [payload["asset_event"] for _, payload in told[1:]]
    assert [each["asset"]["name"] for each in events] == ["file", "new"]
    assert events[1]["extra"] == {"n": 1} and events[1]["source_aliases"] == [{"name": "later", "group": "asset"}]
    assert {(each["source_task_id"], each["source_run_id"]) for each in events} == {("t", run.run_id)}
