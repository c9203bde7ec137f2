"""Functions and notifiers that are told how tasks and runs end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.runtime.local import run_dag
from orchestrator.sdk import DAG, AirflowSkipException, BaseNotifier, task


class Notes:
    """Callbacks that write one line each; a file, since each attempt is a process of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, kind: str) -> Any:
        def callback(context: Any) -> None:
            what = context["ti"].task_id if context.get("task") is not None else context["dag"].dag_id
            error = f" {context['exception']}" if context.get("exception") else ""
            with self.path.open("a") as file:
                file.write(f"{kind} {what}{error}\n")

        return callback

    def read(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


def every(notes: Notes) -> dict[str, Any]:
    return {f"on_{kind}_callback": notes(kind) for kind in ("execute", "success", "failure", "retry", "skipped")}


def quietly(line: str) -> None:
    return None


def test_each_end_calls_its_own(notes: Notes):
    with DAG("d", default_args={**every(notes), "retry_delay": timedelta(0)}) as dag:

        @task
        def good():
            pass

        @task(retries=1)
        def bad():
            raise ValueError("no")

        @task
        def left_out():
            raise AirflowSkipException("not today")

        good(), bad(), left_out()
    run_dag(dag, say=quietly)
    found = notes.read()
    assert [each for each in found if "good" in each] == ["execute good", "success good"]
    assert [each for each in found if "bad" in each] == ["execute bad", "retry bad no", "execute bad", "failure bad no"]
    assert [each.split(" ")[0] for each in found if "left_out" in each] == ["execute", "skipped"]


def test_a_list_of_callbacks_is_called_in_order_and_a_broken_one_stops_nobody(notes: Notes):
    def broken(context: Any) -> None:
        raise RuntimeError("the callback itself")

    with DAG("d") as dag:

        @task(on_success_callback=[notes("first"), broken, notes("second")])
        def good():
            pass

        good()
    assert run_dag(dag, say=quietly).succeeded
    assert notes.read() == ["first good", "second good"]


@pytest.mark.parametrize(("fails", "line"), [(False, "success only"), (True, "failure only")])
def test_the_dag_is_told_how_its_run_ended(notes: Notes, fails: bool, line: str):
    with DAG("d", on_success_callback=notes("success"), on_failure_callback=[notes("failure")]) as dag:

        @task
        def only():
            assert not fails

        only()
    run_dag(dag, say=quietly)
    assert [each.strip() for each in notes.read()] == [line]


class Postcard(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, path: Path, text: str) -> None:
        super().__init__()
        self.path, self.text = path, text

    def notify(self, context: Any) -> None:
        with self.path.open("a") as file:
            file.write(self.text + "\n")


def test_one_notifier_serves_many_tasks_with_fields_rendered_for_each(notes: Notes):
    with DAG("d", default_args={"on_success_callback": Postcard(notes.path, "{{ ti.task_id }} is through")}) as dag:

        @task
        def one():
            pass

        @task
        def two():
            pass

        one() >> two()
    run_dag(dag, say=quietly)
    assert notes.read() == ["one is through", "two is through"]


def test_a_dag_tests_itself(capsys: pytest.CaptureFixture[str]):
    with DAG("d", params={"n": 1}) as dag:

        @task
        def double(params) -> int:
            return params["n"] * 2

        double()
    found = dag.test(run_conf={"n": 21})
    assert found.succeeded and found.xcoms["double", -1, "return_value"] == 42
    assert "success" in capsys.readouterr().out


def test_a_notifier_of_a_package_fills_in_late_what_was_left_open(notes: Notes):
    class Mail(Postcard):
        def notify(self, context: Any) -> None:
            self.text = "{{ ti.task_id }} by default"
            env = self.get_template_env(dag=context.get("dag"))
            self._do_render_template_fields(self, ["text"], context, env, set())
            super().notify(context)

    with DAG("d", default_args={"on_success_callback": Mail(notes.path, "")}) as dag:

        @task
        def one():
            pass

        one()
    run_dag(dag, say=quietly)
    assert notes.read() == ["one by default"]
