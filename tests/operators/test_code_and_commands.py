"""Operators that run functions and commands."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from orchestrator import compat
from orchestrator.operators.bash import BashOperator, BashSensor
from orchestrator.operators.branch import SkipMixin
from orchestrator.operators.external_python import ExternalPythonOperator, source_of
from orchestrator.operators.python import BranchPythonOperator, PythonOperator, PythonSensor, ShortCircuitOperator
from orchestrator.operators.virtualenv import PythonVirtualenvOperator
from orchestrator.runtime.loader import load
from orchestrator.runtime.local import run_dag
from orchestrator.sdk import BaseOperator, EmptyOperator, get_current_context, task
from orchestrator.sdk.exceptions import AirflowException

from .running import DATE, reason, run, state


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


def test_an_empty_environment_is_one():
    found = run(lambda: BashOperator(task_id="t", bash_command='echo "[$HOME]"', env={}))
    assert found.xcoms["t", -1, "return_value"] == "[]"


def test_a_command_without_a_folder_has_one_of_its_own_that_goes_with_it():
    found = run(lambda: BashOperator(task_id="t", bash_command="touch x; ls; pwd"))
    folder = Path(found.xcoms["t", -1, "return_value"])
    assert folder != Path.cwd() and not folder.exists()


@pytest.mark.parametrize("codes", [7, [6, 7], {7}, range(5, 10)])
def test_several_exit_codes_may_skip(codes: Any):
    assert (
        state(run(lambda: BashOperator(task_id="t", bash_command="exit 7", skip_on_exit_code=codes)), "t") == "skipped"
    )
    assert (
        state(run(lambda: BashOperator(task_id="t", bash_command="exit 99", skip_on_exit_code=codes)), "t") == "failed"
    )
    assert (
        state(run(lambda: BashOperator(task_id="t", bash_command="exit 99", skip_on_exit_code=None)), "t") == "failed"
    )


def test_the_last_line_may_be_made_into_something():
    how = {"output_processor": json.loads, "bash_command": "echo log; echo '{\"n\": 1}'"}
    assert run(lambda: BashOperator(task_id="t", **how)).xcoms["t", -1, "return_value"] == {"n": 1}
    quiet = run(lambda: BashOperator(task_id="t", do_xcom_push=False, **how))
    assert not quiet.xcoms and state(quiet, "t") == "success"


def test_the_output_is_read_in_its_encoding():
    how = {"bash_command": r"printf 'gr\xfcn'", "output_encoding": "latin-1"}
    assert run(lambda: BashOperator(task_id="t", **how)).xcoms["t", -1, "return_value"] == "grün"


def test_a_command_longer_than_an_argument_may_be_runs():
    found = run(lambda: BashOperator(task_id="t", bash_command=f"true {'x' * 200_000}; echo done"))
    assert found.xcoms["t", -1, "return_value"] == "done", reason(found, "t")


def test_a_script_is_found_beside_the_dag_file_and_on_the_search_path_and_rendered(tmp_path: Path):
    for folder in ("dags", "scripts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dags" / "near.sh").write_text("echo near {{ params.who }}")
    (tmp_path / "scripts" / "far.bash").write_text("{% include 'part.txt' %} {{ ds }}")
    (tmp_path / "scripts" / "part.txt").write_text("echo far")
    (tmp_path / "dags" / "d.py").write_text(
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
        f"with DAG('d', template_searchpath=[{str(tmp_path / 'scripts')!r}], params={{'who': 'me'}}) as dag:\n"
        "    BashOperator(task_id='near', bash_command='near.sh')\n"
        "    BashOperator(task_id='far', bash_command='far.bash')\n"
        "    BashOperator(task_id='gone', bash_command='gone.sh')\n"
        "    BashOperator(task_id='plain', bash_command='echo near.sh ')\n"
    )
    compat.install()
    found = run_dag(load(str(tmp_path / "dags"), "d.py")["d"], say=lambda line: None, logical_date=DATE)
    values = {task_id: found.xcoms.get((task_id, -1, "return_value")) for task_id in ("near", "far", "gone", "plain")}
    assert values == {"near": "near me", "far": "far 2024-03-01", "gone": None, "plain": "near.sh"}
    assert "gone.sh" in reason(found, "gone")


def test_a_stub_is_a_task_for_another_language():
    def make(function: Any) -> Any:
        return run(lambda: task.stub(queue="go")(function)())

    def empty(): ...

    def named():
        """Words."""

    for function in (empty, named):
        assert "is a @task.stub" in reason(make(function), function.__name__)
    with pytest.raises(ValueError, match="must be an empty function"):
        make(test_the_output_is_read_in_its_encoding)


def test_run_if_and_skip_if_gate_a_task():
    def make() -> None:
        def is_friday(context: Any) -> tuple[bool, str]:
            return context["logical_date"].isoweekday() == 5, "not a Friday"

        @task.run_if(is_friday)
        @task
        def runs():
            return 1

        @task.skip_if(lambda context: context["ds"] == "2024-03-01", skip_message="not today")
        @task.bash
        def skipped():
            return "echo 1"

        runs()
        skipped()

    found = run(make)
    assert state(found, "runs") == "success"
    assert "not today" in reason(found, "skipped") and state(found, "skipped") == "skipped"


def test_an_operator_of_ones_own_may_override_the_steps_and_skip():
    class Louder(PythonOperator):
        def determine_kwargs(self, context: Any) -> Any:
            return {**super().determine_kwargs(context), "word": "ho"}

        def execute_callable(self) -> Any:
            return super().execute_callable().upper()

    class Chooses(BranchPythonOperator):
        def choose_branch(self, context: Any) -> Any:
            return [f"{super().choose_branch(context)}"]

    class Skips(BaseOperator, SkipMixin):
        def execute(self, context: Any) -> None:
            self.skip(ti=context["ti"], tasks=[self.dag.get_task("never")])

    def make() -> None:
        Louder(task_id="loud", python_callable=lambda word, ds: f"{word} {ds}")
        Chooses(task_id="choose", python_callable=lambda: "a") >> [
            EmptyOperator(task_id="a"),
            EmptyOperator(task_id="b"),
        ]
        Skips(task_id="skips") >> [EmptyOperator(task_id="never"), EmptyOperator(task_id="ever")]

    found = run(make)
    assert found.xcoms["loud", -1, "return_value"] == "HO 2024-03-01"
    ends = {task_id: state(found, task_id) for task_id in ("a", "b", "never", "ever")}
    assert ends == {"a": "success", "b": "skipped", "never": "skipped", "ever": "success"}


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


def test_what_another_interpreter_gets_and_gives_back():
    def work(logical_date, params, ds_nodash, templates_dict, **context):
        return {
            "date": logical_date.isoformat(),
            "kind": type(logical_date).__module__.split(".")[0],
            "params": params,
            "more": sorted(set(context) & {"ti", "dag", "run_id", "data_interval_end"}),
            "words": virtualenv_string_args,  # noqa: F821
            "templates": templates_dict,
            "day": ds_nodash,
        }

    def make(python: str) -> Any:
        return lambda: ExternalPythonOperator(
            task_id="t",
            python=python,
            python_callable=work,
            params={"n": 1},
            string_args=["a", "b c"],
            templates_dict={"x": "{{ ds }}"},
            env_vars={"A": "b"},
        )

    found = run(make(sys.executable))
    assert found.xcoms.get(("t", -1, "return_value")) == {
        "date": "2024-03-01T08:00:00+00:00",
        "kind": "pendulum",
        "params": {"n": 1},
        "more": ["data_interval_end", "run_id"],
        "words": ["a", "b c"],
        "templates": {"x": "2024-03-01"},
        "day": "20240301",
    }, reason(found, "t")


def _leave(code):
    import sys

    sys.exit(code)


def _fail():
    raise ValueError("odd input")


@pytest.mark.parametrize(
    ("codes", "end"), [(None, "failed"), (3, "skipped"), ([2, 3], "skipped"), (range(5), "skipped")]
)
def test_exit_codes_of_another_interpreter_may_skip(codes: Any, end: str):
    how = {"python": sys.executable, "python_callable": _leave, "op_args": [3], "skip_on_exit_code": codes}
    assert state(run(lambda: ExternalPythonOperator(task_id="t", **how)), "t") == end


def test_an_error_in_another_interpreter_is_told_with_its_words():
    found = run(lambda: ExternalPythonOperator(task_id="t", python=sys.executable, python_callable=_fail))
    assert "exit status 1.\nValueError: odd input" in reason(found, "t")


def test_arguments_that_cannot_travel_are_named():
    how = {"python": sys.executable, "python_callable": shout, "op_kwargs": {"word": lambda: 1, "times": 2}}
    assert "cannot be pickled: ['word']" in reason(run(lambda: ExternalPythonOperator(task_id="t", **how)), "t")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"python_callable": lambda: 1}, "only supports functions"),
        (
            {"serializer": "marshal"},
            "Unsupported serializer 'marshal'. Expected one of 'pickle', 'cloudpickle', 'dill'",
        ),
    ],
)
def test_what_another_interpreter_cannot_run_is_refused(how: dict[str, Any], said: str):
    with pytest.raises((ValueError, AirflowException), match=said):
        ExternalPythonOperator(**{"task_id": "t", "python": sys.executable, "python_callable": shout, **how})


def test_a_serializer_that_is_not_installed_is_replaced_and_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "dill", None)
    how = {"python": sys.executable, "python_callable": shout, "op_args": ["x"], "serializer": "dill"}
    said: list[str] = []
    found = run(lambda: ExternalPythonOperator(task_id="t", **how), say=said.append)
    assert found.xcoms["t", -1, "return_value"]["said"] == "x!", reason(found, "t")
    assert "dill is not installed where the task runs: pickle is used" in "\n".join(said)


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
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".lock"]


def _wheel(folder: Path, name: str) -> Path:
    """A package as pip takes it, without asking anybody else."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", "WORD = 'from the wheel'\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")
    return path


def test_requirements_are_installed_once_for_all_who_share_them(tmp_path: Path):
    (tmp_path / "cache").mkdir()

    def use():
        import sys

        import small_package

        return [small_package.WORD, sys.prefix]

    def make() -> None:
        how = {
            "python_callable": use,
            "requirements": f"# what it needs\n{_wheel(tmp_path, 'small_package')}  # by file\n",
            "pip_install_options": ["--no-index"],
            "system_site_packages": False,
            "venv_cache_path": str(tmp_path / "cache"),
        }
        PythonVirtualenvOperator(task_id="a", **how) >> PythonVirtualenvOperator(task_id="b", **how)

    found = run(make)
    values = [found.xcoms.get((task_id, -1, "return_value")) for task_id in "ab"]
    assert values[0] == values[1] and values[0][0] == "from the wheel", found.reasons
    assert len(list((tmp_path / "cache").glob("venv-*/install_complete_marker.json"))) == 1


def test_what_cannot_be_installed_leaves_nothing_behind(tmp_path: Path):
    how = {
        "requirements": ["no-such-package-at-all"],
        "pip_install_options": ["--no-index"],
        "venv_cache_path": tmp_path,
    }
    found = run(lambda: PythonVirtualenvOperator(task_id="t", python_callable=shout, op_args=["x"], **how))
    assert "task 't': its requirements cannot be installed" in reason(found, "t")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_the_address_of_an_index_comes_from_a_connection_and_not_into_the_command_line(monkeypatch: pytest.MonkeyPatch):
    from orchestrator.operators.virtualenv import pip_conf

    monkeypatch.setenv("AIRFLOW_CONN_PI", "http://me:p%40ss@index.example.org/simple")
    made = PythonVirtualenvOperator(
        task_id="t", python_callable=shout, index_urls="https://a.example.org", index_urls_from_connection_ids="pi"
    )
    assert made._urls()[1].startswith("https://me:p%40ss@index.example.org")
    assert "index-url = https://a.example.org\nextra-index-url =\n    https://me" in pip_conf(made._urls())
    assert "p%40ss" not in made._needs()


def test_decorators_are_no_part_of_the_source():
    @task.virtualenv
    def inner(x):
        return x + 1

    assert source_of(inner.function).splitlines()[0] == "def inner(x):"
    with pytest.raises(AirflowException, match=r"def|functions"):
        source_of(lambda x: x)
