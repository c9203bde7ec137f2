"""The functions that provider packages call."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.compat import kerberos, package_calls
from orchestrator.compat.configuration import AirflowConfigException, Configuration
from orchestrator.compat.lineage import HookLineageCollector, get_hook_lineage_collector
from orchestrator.compat.scripts import prepare_virtualenv, write_python_script
from orchestrator.compat.task_variables import context_to_airflow_vars
from orchestrator.compat.timeouts import timeout
from orchestrator.sdk.exceptions import AirflowException, AirflowTaskTimeout


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


def test_an_empty_text_is_no_json_but_no_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", "")
    assert Configuration().getjson("openlineage", "transport", fallback={}) == {}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    assert Configuration().getjson("openlineage", "transport") == {"type": "console"}
    assert Configuration().get("core", "security") == ""  # hooks that know Kerberos ask without a fallback


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


def test_a_program_gets_an_environment_of_its_own(tmp_path: Path):
    python = prepare_virtualenv(str(tmp_path / "venv"), sys.executable, system_site_packages=False)
    found = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == tmp_path / "venv"
    with pytest.raises(AirflowException, match="no-such-python is not installed"):
        prepare_virtualenv(str(tmp_path / "none"), "no-such-python", system_site_packages=False)


def test_principals_of_services_name_a_host():
    parts = kerberos.get_components("hive/_HOST@EXAMPLE.ORG")
    assert parts == ["hive", "_HOST", "EXAMPLE.ORG"]
    assert kerberos.replace_hostname_pattern(parts, "Node-1.example.org") == "hive/node-1.example.org@EXAMPLE.ORG"
    assert kerberos.principal_from_username("ann", "EXAMPLE.ORG") == "ann@EXAMPLE.ORG"
    assert kerberos.get_components(None) is None


@pytest.mark.parametrize("module", ["airflow.utils.operator_helpers", "airflow.sdk.execution_time.context"])
def test_packages_find_how_the_context_is_named(module: str):
    code = f"import orchestrator.compat; orchestrator.compat.install(); import {module} as found; print(found.DEFAULT_FORMAT_PREFIX)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said.stdout == "airflow.ctx.\n", said.stderr
