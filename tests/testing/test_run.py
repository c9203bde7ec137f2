"""Whole runs in no time: what stands for tasks, what fails, what waits, and what a test can say of it."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.params import ParamError
from orchestrator.operators.branch import BaseBranchOperator
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.hitl import HITLOperator
from orchestrator.operators.python import PythonOperator, ShortCircuitOperator
from orchestrator.operators.times import DateTimeSensor
from orchestrator.sdk import (
    DAG,
    BaseHook,
    BaseOperator,
    BaseOperatorLink,
    BaseSensorOperator,
    Connection,
    Param,
    PokeReturnValue,
    Variable,
    XCom,
    get_current_context,
    task,
)
from orchestrator.sdk.exceptions import AirflowFailException, AirflowSkipException
from orchestrator.testing import run
from orchestrator.triggers.base import BaseTrigger, TaskFailedEvent


class Job(BaseTrigger):
    """Would wait for something outside."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Job", {}

    async def run(self) -> Any:
        raise AssertionError("no trigger runs in a tested run")
        yield


class Submit(BaseOperator):
    def __init__(self, timeout: timedelta | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout

    def execute(self, context: Any) -> None:
        self.defer(trigger=Job(), method_name="done", timeout=self.timeout)

    def done(self, context: Any, event: Any = None) -> Any:
        return event


def chain_of(count: int, **arguments: Any) -> DAG:
    with DAG("chain") as dag:
        value: Any = 0
        for number in range(count):

            @task(task_id=f"t{number}", **arguments)
            def more(value: int) -> int:
                return value + 1

            value = more(value)
    return dag


def pipeline() -> DAG:
    with DAG("pipeline") as dag:

        @task
        def extract() -> list[int]:
            raise AssertionError("the real source is never asked")

        @task
        def double(value: int) -> int:
            return value * 2

        @task(retries=1, retry_delay=timedelta(minutes=5))
        def load(values: Any) -> int:
            return sum(values)

        load(double.expand(value=extract()))
    return dag


def test_what_stands_for_a_task_goes_on_to_those_below():
    found = run(pipeline(), returns={"extract": [1, 2, 3]})
    found.assert_success().assert_xcoms(load=12, double=[2, 4, 6])
    found.assert_states({"extract": "success", "double": "success", "double[2]": "success"})
    found.assert_order("extract", "double[0]", "load")


def test_one_instance_of_a_mapped_task_can_be_told_apart():
    found = run(pipeline(), returns={"extract": [1, 2], "double[1]": 100}, fails={"load": 1})
    found.assert_success().assert_xcoms(load=102).assert_tries(load=2)


def test_a_function_stands_for_a_task_with_its_context():
    found = run(pipeline(), returns={"extract": lambda context: [context["ti"].try_number, context["run_id"]][:1]})
    found.assert_xcoms(load=2)


def test_retries_wait_by_a_clock_that_takes_no_time():
    began = time.monotonic()
    found = run(pipeline(), returns={"extract": [1]}, fails={"load": 1}, at="2026-03-29T01:00:00+00:00")
    found.assert_success().assert_tries(load=2)
    assert found.ended_at == datetime(2026, 3, 29, 1, 5, tzinfo=UTC)
    assert time.monotonic() - began < 60, "five minutes went by, not here"


@pytest.mark.parametrize(
    ("failure", "state", "tries"),
    [
        (1, "success", 2),
        (2, "failed", 2),
        (True, "failed", 2),
        (ValueError("bad row"), "failed", 2),
        (AirflowFailException, "failed", 1),
        (AirflowSkipException("nothing new"), "skipped", 1),
        ([ValueError, None], "success", 2),
        ([None, ValueError], "success", 1),
    ],
)
def test_what_fails_fails_as_often_as_it_is_told(failure: Any, state: str, tries: int):
    found = run(chain_of(2, retries=1), fails={"t0": failure})
    found.assert_states(t0=state).assert_tries(t0=tries)
    found.assert_states(t1={"success": "success", "failed": "upstream_failed", "skipped": "skipped"}[state])


def test_branches_and_short_circuits_follow_what_they_are_given():
    class Choose(BaseBranchOperator):
        def choose_branch(self, context: Any) -> str:
            raise AssertionError

    with DAG("branches") as dag:
        choose = Choose(task_id="choose")
        stop = ShortCircuitOperator(task_id="stop", python_callable=lambda: True)

        @task.branch
        def way() -> str:
            return "left"

        choose >> [EmptyOperator(task_id="a"), EmptyOperator(task_id="b")]
        stop >> EmptyOperator(task_id="never")
        way() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    found = run(dag, returns={"choose": "b", "stop": False, "way": "right"})
    found.assert_states(a="skipped", b="success", never="skipped", left="skipped", right="success")
    run(dag, returns={"choose": "b"}).assert_states(never="success", left="success", right="skipped")


def test_a_sensor_waits_in_no_time_and_times_out_as_ever():
    class Counting(BaseSensorOperator):
        def poke(self, context: Any) -> Any:
            pokes.append(1)
            return PokeReturnValue(len(pokes) == 3, "there")

    with DAG("sensors") as dag:
        Counting(task_id="wait", poke_interval=600, mode="reschedule")
    pokes: list[int] = []
    found = run(dag, at="2026-01-01")
    found.assert_xcoms(wait="there").assert_tries(wait=1)
    assert found.ended_at == datetime(2026, 1, 1, 0, 20, tzinfo=UTC)

    with DAG("late") as dag:
        Counting(task_id="wait", poke_interval=600, timeout=1000)
    pokes = [0] * 10
    run(dag).assert_failed().assert_states(wait="failed")
    run(dag, returns={"wait": "given"}).assert_success().assert_xcoms(wait="given")


def test_a_deferred_task_goes_on_with_its_event():
    with DAG("jobs") as dag:
        Submit(task_id="job")
    run(dag, events={"job": {"status": "done"}}).assert_xcoms(job={"status": "done"})
    run(dag, events={"job": TaskFailedEvent()}).assert_states(job="failed")
    with pytest.raises(AssertionError, match=r"job waits for .*Job: .*events=\{'job': payload\}"):
        run(dag)


def test_people_answer_as_the_test_says():
    def asking(**arguments: Any) -> DAG:
        with DAG("asks") as dag:
            HITLOperator(task_id="ask", subject="Which?", options=["a", "b"], params={"n": 1}, **arguments)
        return dag

    chosen = run(asking(), events={"ask": "b"}).assert_success().xcom("ask")
    assert (chosen["chosen_options"], chosen["params_input"]) == (["b"], {"n": 1})
    chosen = run(asking(), events={"ask": {"options": ["a"], "params": {"n": 5}}}).xcom("ask")
    assert chosen["params_input"] == {"n": 5}
    assert run(asking(defaults=["a"])).assert_success().xcom("ask")["chosen_options"] == ["a"]
    with pytest.raises(AssertionError, match=r"ask asks 'Which\?': .*events=\{'ask': 'a'\}"):
        run(asking())


def test_a_deferral_without_event_ends_with_its_timeout():
    with DAG("jobs") as dag:
        Submit(task_id="job", timeout=timedelta(hours=2))
    found = run(dag, at="2026-01-01")
    found.assert_failed()
    assert found.ended_at == datetime(2026, 1, 1, 2, tzinfo=UTC)
    assert "imeout" in found.reasons["job"]


def test_waiting_for_a_moment_needs_no_event():
    with DAG("moments") as dag:
        DateTimeSensor(task_id="noon", target_time="2026-01-01T12:00:00+00:00", deferrable=True)
        DateTimeSensor(task_id="two", target_time="2026-01-01T14:00:00+00:00", poke_interval=60)
    found = run(dag, at="2026-01-01").assert_success()
    assert found.ended_at == datetime(2026, 1, 1, 14, tzinfo=UTC)


def test_stores_and_conf_are_the_tests_own(monkeypatch: pytest.MonkeyPatch):
    with DAG("stores", params={"n": Param(1, type="integer")}) as dag:

        @task
        def read(params: Any = None) -> list[Any]:
            ours = BaseHook.get_connection("db")
            return [
                Variable.get("word"),
                Variable.get("table", deserialize_json=True),
                ours.host,
                ours.port,
                params["n"],
            ]

    with dag:
        read()
    found = run(
        dag,
        conf={"n": 7},
        variables={"word": "go", "table": {"a": 1}},
        connections={"db": "postgres://u:p@there:5433/x"},
    )
    found.assert_xcoms(read=["go", {"a": 1}, "there", 5433, 7])
    same = run(dag, connections={"db": Connection("db", "x", host="h")}, variables={"word": "", "table": 1})
    assert same.xcom("read")[2] == "h"
    run(dag).assert_failed()
    with pytest.raises(ParamError):
        run(dag, conf={"n": "seven"})


def test_callbacks_run_and_the_environment_is_as_before():
    told: list[str] = []
    handler = os.environ.get("AIRFLOW_CTX_DAG_ID")

    def tell(context: Any) -> None:
        told.append(f"{context['ti'].task_id} {os.environ['AIRFLOW_CTX_DAG_ID']}")

    with DAG("calls", on_failure_callback=lambda context: told.append(context["reason"])) as dag:
        PythonOperator(task_id="bad", python_callable=print, on_failure_callback=tell)
    run(dag, fails={"bad": True})
    assert told[0] == "bad calls"
    assert told[1] == "task_failure"
    assert os.environ.get("AIRFLOW_CTX_DAG_ID") == handler


def test_the_logical_date_is_in_the_dags_zone():
    with DAG("zones", schedule="0 6 * * *", start_date=datetime(2026, 1, 1)) as dag:

        @task
        def date() -> str:
            return get_current_context()["ts"]

    with dag:
        date()
    assert run(dag, at="2026-03-29T06:00:00+02:00").xcom("date") == "2026-03-29T04:00:00+00:00"


def test_names_that_are_no_tasks_are_told():
    with pytest.raises(ValueError, match=r"fails: 'lod' is no task of pipeline: it has double, extract, load"):
        run(pipeline(), fails={"lod": 1})


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda found: found.assert_success(), r"ended as failed \(failed: t1\), not as success"),
        (lambda found: found.assert_states(t0="failed", nothing="x"), r"t0 is success, not failed; nothing is no task"),
        (lambda found: found.assert_tries(t1=1), r"t1 began 2 tries, not 1"),
        (lambda found: found.assert_order("t1", "t0"), r"not in the order t1, t0: they began as t0, t1"),
        (lambda found: found.assert_order("t0", "t9"), r"never began: t9"),
        (lambda found: found.assert_xcoms(t0=5), r"t0 returned 1, not 5"),
        (lambda found: found.xcom("t1"), r"t1 pushed no XCom 'return_value'"),
    ],
)
def test_a_failed_assertion_shows_the_run(check: Any, text: str):
    found = run(chain_of(2, retries=1), fails={"t1": True})
    with pytest.raises(AssertionError, match=text) as caught:
        check(found)
    assert "t1  failed after 2 tries: RuntimeError: planned by the test" in str(caught.value)


def test_twenty_tasks_take_no_more_than_a_few_forks_would():
    """The goal is 20 ms; machines differ by five times, so the yardstick is measured beside it."""

    def least(of: Any) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            of()
            times.append(time.perf_counter() - began)
        return min(times)

    def parse() -> None:
        compile(
            "\n".join(f"def f{n}(a, b=1):\n    return [a + b for b in range({n})]" for n in range(400)), "x", "exec"
        )

    dag = chain_of(20)
    assert least(lambda: run(dag)) < 2 * least(parse)


class Page(BaseOperatorLink):
    """As those of Google's package: it reads what its task pushed, by the whole key."""

    name = "Page"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        return "https://example.org/" + XCom.get_value(ti_key=ti_key, key="page")


class Publish(BaseOperator):
    operator_extra_links = (Page(),)

    def execute(self, context: Any) -> None:
        context["ti"].xcom_push("page", "7")


def test_a_link_reads_what_its_task_pushed():
    with DAG("d") as dag:
        Publish(task_id="publish")
    assert run(dag).assert_success().xcom("publish", Page().xcom_key) == "https://example.org/7"
