"""The functions that provider packages call."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from orchestrator.compat import package_calls
from orchestrator.compat.configuration import AirflowConfigException, Configuration
from orchestrator.compat.lineage import HookLineageCollector, get_hook_lineage_collector
from orchestrator.compat.scripts import write_python_script
from orchestrator.compat.task_variables import context_to_airflow_vars
from orchestrator.compat.timeouts import timeout
from orchestrator.sdk.exceptions import AirflowTaskTimeout


def test_what_is_secret_by_its_name_is_not_shown():
    assert package_calls.redact({"password": "x", "host": "h", "nested": {"api_key": "k"}}) == {
        "password": "***",
        "host": "h",
        "nested": {"api_key": "***"},
    }


def test_what_takes_longer_is_ended():
    with pytest.raises(AirflowTaskTimeout, match="too slow"), timeout(0.01, "too slow"):
        time.sleep(5)


def test_the_context_is_told_to_a_job_elsewhere():
    context = {"ti": SimpleNamespace(dag_id="d", task_id="t", try_number=2), "dag_run": SimpleNamespace(run_id="r")}
    assert context_to_airflow_vars(context, in_env_var_format=True) == {
        "AIRFLOW_CTX_DAG_ID": "d",
        "AIRFLOW_CTX_TASK_ID": "t",
        "AIRFLOW_CTX_TRY_NUMBER": "2",
        "AIRFLOW_CTX_DAG_RUN_ID": "r",
    }
    assert context_to_airflow_vars(context)["airflow.ctx.dag_id"] == "d"


def test_a_dotted_path_in_the_configuration_is_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__AWS__SESSION_FACTORY", "collections.OrderedDict")
    assert Configuration().getimport("aws", "session_factory").__name__ == "OrderedDict"
    monkeypatch.setenv("AIRFLOW__AWS__SESSION_FACTORY", "collections.Nothing")
    with pytest.raises(AirflowConfigException, match="cannot be imported"):
        Configuration().getimport("aws", "session_factory")


def test_hooks_note_what_they_touch_and_nobody_keeps_it():
    made = HookLineageCollector()
    made.add_input_asset(None, uri="s3://b/k")
    made.add_input_asset(None, uri="s3://b/k")
    assert [(each.asset.uri, each.count) for each in made.collected_assets.inputs] == [("s3://b/k", 2)]
    ours = get_hook_lineage_collector()
    ours.add_input_asset(None, scheme="file", asset_kwargs={"path": "/x"})
    assert not ours.has_collected


def test_a_function_travels_as_a_script(tmp_path):
    import pickle
    import subprocess
    import sys

    given, script, answer = tmp_path / "in", tmp_path / "script.py", tmp_path / "out"
    given.write_bytes(pickle.dumps({"args": [2], "kwargs": {"b": 3}}))
    write_python_script(
        {
            "op_args": [2],
            "op_kwargs": {"b": 3},
            "pickling_library": "pickle",
            "python_callable": "add",
            "python_callable_source": "def add(a, b):\n    return a + b\n",
        },
        str(script),
    )
    subprocess.run([sys.executable, str(script), str(given), str(answer), "none"], check=True)
    assert pickle.loads(answer.read_bytes()) == 5
