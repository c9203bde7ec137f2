"""Whole DAGs, run without servers."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.params import ParamError
from orchestrator.operators.python import BranchPythonOperator
from orchestrator.runtime.local import run_dag
from orchestrator.sdk import DAG, BaseOperator, Param, Variable, task
from orchestrator.sdk.exceptions import AirflowSkipException
from orchestrator.triggers.base import BaseTrigger, TriggerEvent
from orchestrator.triggers.temporal import DateTimeTrigger


class Waiting(BaseOperator):
    """Defers to the trigger that it was given."""

    def __init__(self, trigger: BaseTrigger, timeout: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trigger, self.timeout = trigger, timeout

    def execute(self, context: Any) -> None:
        self.defer(trigger=self.trigger, method_name="execute_complete", kwargs={"more": (1, 2)}, timeout=self.timeout)

    def execute_complete(self, context: Any, event: Any, more: Any) -> Any:
        return [event, more]


class Odd(BaseTrigger):
    """Yields what its arguments say."""

    def __init__(self, event: Any = None, error: str = "", seconds: float = 0.0) -> None:
        super().__init__()
        self.event, self.error, self.seconds = event, error, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Odd", {"event": self.event, "error": self.error, "seconds": self.seconds}

    async def run(self) -> Any:
        import asyncio

        await asyncio.sleep(self.seconds)
        if self.error:
            raise ValueError(self.error)
        yield TriggerEvent(self.event)


def run(dag: DAG, **options: Any) -> Any:
    return run_dag(dag, say=lambda line: None, **options)


def states(found: Any) -> dict[str, str]:
    return {f"{task_id}{index if index >= 0 else ''}": state for (task_id, index), state in found.states.items()}


def test_values_go_from_task_to_task():
    with DAG("d") as dag:

        @task
        def extract(params=None, ds=None):
            return {"n": params["n"], "day": ds}

        @task(multiple_outputs=False)
        def double(value):
            return value["n"] * 2

        double(extract())
    dag.params["n"] = Param(1, type="integer")

    found = run(dag, conf={"n": 21}, logical_date=datetime(2026, 3, 1, tzinfo=UTC))

    assert found.succeeded
    assert found.xcoms["extract", -1, "return_value"] == {"n": 21, "day": "2026-03-01"}
    assert found.xcoms["double", -1, "return_value"] == 42
    with pytest.raises(ParamError):
        run(dag, conf={"n": "many"})


def test_mapped_tasks_expand_over_what_was_pushed():
    with DAG("d") as dag:

        @task
        def numbers():
            return [1, 2, 3]

        @task
        def square(n):
            return n * n

        @task
        def total(values):
            return sum(values)

        total(square.expand(n=numbers()))

    found = run(dag)

    assert found.xcoms["total", -1, "return_value"] == 14
    assert states(found) == dict.fromkeys(["numbers", "square0", "square1", "square2", "total"], "success")


def test_a_branch_skips_and_a_crash_fails_only_its_task():
    with DAG("d") as dag:
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "left")

        @task
        def left():
            os._exit(3)

        @task
        def right(): ...

        @task(trigger_rule="all_done")
        def last():
            return "here"

        choose >> [left(), right()] >> last()

    found = run(dag)

    assert states(found) == {"choose": "success", "left": "failed", "right": "skipped", "last": "success"}
    assert "exit code 3" in found.reasons["left", -1]


def test_a_failure_fails_the_run_and_what_hangs_on_it():
    with DAG("d") as dag:

        @task
        def bad():
            raise ValueError("no")

        @task
        def skips():
            raise AirflowSkipException

        @task
        def below(): ...

        bad() >> below()
        skips()

    found = run(dag)

    assert states(found) == {"bad": "failed", "skips": "skipped", "below": "upstream_failed"}
    assert (found.state, found.succeeded) == ("failed", False)
    assert found.reasons["bad", -1] == "ValueError: no"


def test_retries_are_made_at_once(tmp_path: Path):
    with DAG("d") as dag:

        @task(retries=2, retry_delay=timedelta(hours=1))
        def third_time(ti=None):
            with (tmp_path / "tries").open("a") as file:
                file.write(str(ti.try_number))
            if ti.try_number < 3:
                raise ValueError("again")

        third_time()

    assert run(dag).succeeded
    assert (tmp_path / "tries").read_text() == "123"


def test_retries_wait_where_that_is_asked_for():
    with DAG("d") as dag:

        @task(retries=1, retry_delay=timedelta(seconds=0.3))
        def second_time(ti=None):
            assert ti.try_number == 2

        second_time()

    began = time.monotonic()
    assert run(dag, wait_retries=True).succeeded
    assert time.monotonic() - began >= 0.3


def test_deferred_tasks_wait_together_and_get_their_events():
    moment = datetime.now(UTC) + timedelta(seconds=0.2)
    with DAG("d") as dag:
        Waiting(task_id="slow", trigger=Odd(event={"a": {1}}, seconds=0.4))
        Waiting(task_id="dated", trigger=DateTimeTrigger(moment))

    found = run(dag)

    assert found.xcoms["slow", -1, "return_value"] == [{"a": {1}}, (1, 2)]
    assert found.xcoms["dated", -1, "return_value"] == [moment, (1, 2)]


def test_a_trigger_that_fails_or_takes_too_long_fails_its_task():
    with DAG("d") as dag:
        Waiting(task_id="fails", trigger=Odd(error="boom"))
        Waiting(task_id="late", trigger=Odd(seconds=60), timeout=0.2)
        Waiting(task_id="ends", trigger=DateTimeTrigger(datetime.now(UTC), end_from_trigger=True))

    found = run(dag)

    assert states(found) == {"fails": "failed", "late": "failed", "ends": "success"}
    assert found.reasons["fails", -1] == "TaskDeferralError: the trigger failed: ValueError: boom"
    assert found.reasons["late", -1] == "TaskDeferralTimeout: Trigger timeout"


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_sensor_is_poked_until_it_says_yes(tmp_path: Path, mode: str):
    with DAG("d") as dag:

        @task.sensor(poke_interval=0.05, timeout=10, mode=mode)
        def third_poke():
            with (tmp_path / "pokes").open("a") as file:
                file.write(".")
            return (tmp_path / "pokes").stat().st_size >= 3

        third_poke()

    assert run(dag).succeeded
    assert (tmp_path / "pokes").read_text() == "..."


@pytest.mark.parametrize("in_process", [False, True])
def test_variables_come_from_whoever_answers(in_process: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_VAR_NEAR", "environment")
    with DAG("d") as dag:

        @task
        def read():
            Variable.set("own", "kept here")
            return [Variable.get("near"), Variable.get("far"), Variable.get("own")]

        read()

    def answers(what: str, args: dict[str, Any]) -> Any:
        assert (what, args) == ("variable", {"key": "far"})
        return {"value": "database"}

    found = run(dag, provider=answers, in_process=in_process)

    assert found.xcoms["read", -1, "return_value"] == ["environment", "database", "kept here"]


def test_callbacks_are_called(tmp_path: Path):
    def note(context: Any) -> None:
        with (tmp_path / "notes").open("a") as file:
            file.write(f"{context['task'].task_id if context.get('task') else context['reason']};")

    with DAG("d", on_failure_callback=note) as dag:

        @task(on_failure_callback=note)
        def crashes():
            os._exit(1)

        crashes()

    assert not run(dag).succeeded
    assert (tmp_path / "notes").read_text() == "crashes;crashes;"


def test_what_is_logged_is_said_with_the_name_of_its_task():
    import logging

    with DAG("d") as dag:

        @task
        def talks():
            logging.getLogger("mine").warning("look\nout")

        talks()

    said: list[str] = []
    run_dag(dag, say=said.append)

    assert "  talks | WARNING look" in said and "  talks | WARNING out" in said
    assert any(line.startswith("talks  success") for line in said)


def test_dag_test_runs_the_dag(capfd: pytest.CaptureFixture[str]):
    with DAG("d") as dag:

        @task
        def hello():
            print("hello there")

        hello()

    assert dag.test(run_conf={"a": 1}).succeeded
    assert "hello there" in capfd.readouterr().out
