"""Operators that run functions and commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.operators.bash import BashOperator, BashSensor
from orchestrator.operators.python import BranchPythonOperator, PythonOperator, PythonSensor, ShortCircuitOperator
from orchestrator.operators.virtualenv import ExternalPythonOperator, PythonVirtualenvOperator, source_of
from orchestrator.sdk import EmptyOperator, get_current_context, task
from orchestrator.sdk.exceptions import AirflowException

from .running import reason, run, state


def test_a_function_gets_what_its_parameters_name():
    def work(ds, who, ti=None, **context):
        return [ds, who, ti.task_id, context["run_id"] == get_current_context()["run_id"], "dag" in context]

    found = run(lambda: PythonOperator(task_id="t", python_callable=work, op_kwargs={"who": "{{ ds }}!"}))
    assert found.xcoms["t", -1, "return_value"] == ["2024-03-01", "2024-03-01!", "t", True, True], reason(found, "t")


def test_an_async_function_is_awaited():
    def make():
        @task
        async def t():
            import asyncio

            await asyncio.sleep(0)
            return 7

        t()

    assert run(make).xcoms["t", -1, "return_value"] == 7


def test_a_short_circuit_stops_all_below_or_what_is_directly_below():
    def make(ignore: bool) -> Any:
        stop = ShortCircuitOperator(task_id="t", python_callable=lambda: False, ignore_downstream_trigger_rules=ignore)
        stop >> EmptyOperator(task_id="next") >> EmptyOperator(task_id="last", trigger_rule="all_done")

    assert state(run(lambda: make(True)), "last") == "skipped"
    assert state(run(lambda: make(False)), "last") == "success"


def test_a_branch_to_nowhere_fails_and_names_the_id():
    def make():
        BranchPythonOperator(task_id="t", python_callable=lambda: "nowhere") >> EmptyOperator(task_id="a")

    found = run(make)
    assert "Invalid tasks found: {'nowhere'}" in reason(found, "t")
    assert state(found, "a") == "upstream_failed"


def test_a_sensor_pokes_until_its_function_says_yes(tmp_path: Path):
    def looked() -> bool:
        (tmp_path / "seen").open("a").write(".")
        return len((tmp_path / "seen").read_text()) >= 3

    found = run(lambda: PythonSensor(task_id="t", python_callable=looked, poke_interval=0.01, timeout=10))
    assert state(found, "t") == "success" and (tmp_path / "seen").read_text() == "..."


# ---- commands


def test_the_last_line_of_a_command_is_its_result():
    found = run(lambda: BashOperator(task_id="t", bash_command="echo one; echo {{ ds }}"))
    assert found.xcoms["t", -1, "return_value"] == "2024-03-01"


@pytest.mark.parametrize(("code", "end"), [(0, "success"), (99, "skipped"), (3, "failed")])
def test_the_exit_code_decides_how_a_command_ends(code: int, end: str):
    found = run(lambda: BashOperator(task_id="t", bash_command=f"exit {code}"))
    assert state(found, "t") == end
    assert end != "failed" or "non-zero exit code 3" in reason(found, "t")


def test_an_environment_that_is_given_replaces_the_own_but_for_the_context():
    command = 'echo "$MINE $HOME $AIRFLOW_CTX_TASK_ID"'
    found = run(lambda: BashOperator(task_id="t", bash_command=command, env={"MINE": "m"}))
    assert found.xcoms["t", -1, "return_value"] == "m  t"
    found = run(lambda: BashOperator(task_id="t", bash_command=command, env={"MINE": "m"}, append_env=True))
    assert found.xcoms["t", -1, "return_value"] == f"m {os.environ.get('HOME', '')} t"


def test_a_command_may_come_from_a_function():
    def make():
        @task.bash(env={"WHO": "{{ ds }}"}, append_env=True)
        def t(word: str):
            return f'echo {word} "$WHO"'

        t("hello")

    assert run(make).xcoms["t", -1, "return_value"] == "hello 2024-03-01"


def test_a_folder_that_is_not_there_is_named():
    found = run(lambda: BashOperator(task_id="t", bash_command="true", cwd="/nowhere/at/all"))
    assert "/nowhere/at/all" in reason(found, "t")


def test_a_command_is_asked_until_it_says_zero(tmp_path: Path):
    command = f"echo . >> {tmp_path}/seen; test $(wc -l < {tmp_path}/seen) -ge 3"
    found = run(lambda: BashSensor(task_id="t", bash_command=command, poke_interval=0.01, timeout=10))
    assert state(found, "t") == "success" and (tmp_path / "seen").read_text() == ".\n.\n.\n"


def test_another_exit_code_than_the_one_to_retry_fails_the_sensor():
    found = run(lambda: BashSensor(task_id="t", bash_command="exit 4", retry_exit_code=1, poke_interval=0.01))
    assert "return code 4" in reason(found, "t")


# ---- other interpreters


def shout(word, ds=None, times=1):
    import sys

    return {"said": f"{word}!" * times, "ds": ds, "program": sys.executable}


def test_a_function_runs_with_another_interpreter_and_gets_plain_context():
    found = run(
        lambda: ExternalPythonOperator(
            task_id="t", python=sys.executable, python_callable=shout, op_args=["ho"], op_kwargs={"times": 2}
        )
    )
    assert found.xcoms["t", -1, "return_value"] == {
        "said": "ho!ho!",
        "ds": "2024-03-01",
        "program": sys.executable,
    }, reason(found, "t")


def test_an_interpreter_that_is_not_there_is_named():
    found = run(lambda: ExternalPythonOperator(task_id="t", python="/no/python", python_callable=shout))
    assert "'/no/python' is no program" in reason(found, "t")


def test_a_virtual_environment_is_made_and_kept_where_it_is_wanted(tmp_path: Path):
    def make():
        PythonVirtualenvOperator(
            task_id="t", python_callable=shout, op_args=["ho"], venv_cache_path=str(tmp_path), python_version=None
        )

    first = run(make).xcoms["t", -1, "return_value"]
    assert first["program"].startswith(str(tmp_path))
    assert run(make).xcoms["t", -1, "return_value"] == first
    assert len(list(tmp_path.iterdir())) == 1


def test_decorators_are_no_part_of_the_source():
    @task.virtualenv
    def inner(x):
        return x + 1

    assert source_of(inner.function).splitlines()[0] == "def inner(x):"
    with pytest.raises(AirflowException, match=r"def|functions"):
        source_of(lambda x: x)
