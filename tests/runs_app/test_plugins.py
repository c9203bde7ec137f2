"""Plugins in real attempts, from the files of the version and without any plugins folder."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from dags_app.models import Dag
from dags_app.processor import Processor
from runs_app import actions
from runs_app.models import TaskInstance
from tests.dags_app.test_plugins import GOOD
from tests.runs_app.test_worker import log_of, slot  # noqa: F401  # fixtures


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
