"""Mapped tasks: what may be mapped over, what each instance gets, and how mistakes are told."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.operators.bash import BashOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.runtime.context import WITH_INTERVAL
from orchestrator.sdk import EmptyOperator, task, task_group
from orchestrator.sdk.context import CONTEXT_KEYS
from orchestrator.sdk.exceptions import AirflowSkipException

from .running import run, state


def values(found: Any, task_id: str) -> list[Any]:
    pushed = {
        index: value for (name, index, key), value in found.xcoms.items() if (name, key) == (task_id, "return_value")
    }
    return [pushed[index] for index in sorted(pushed)]


@task
def show(**given: Any) -> Any:
    return given["value"]


def test_the_last_argument_runs_fastest_and_dicts_give_pairs():
    def make() -> None:
        @task
        def letters():
            return ["a", "b"]

        @task
        def pair(x, y, z):
            return (x, y, z)

        pair.partial(z="{{ ds }}").expand(x=letters(), y={"k": 1, "l": 2})

    day = "2024-03-01"
    expected = [("a", ("k", 1), day), ("a", ("l", 2), day), ("b", ("k", 1), day), ("b", ("l", 2), day)]
    assert values(run(make), "pair") == expected


def test_what_others_pushed_is_no_template_and_what_the_author_wrote_is():
    def make() -> None:
        @task
        def push():
            return ["{{ ds }}", ["{{ ds }}"]]

        @task
        def get(value, fixed, one=None):
            return [value, fixed, one]

        pushed = push()
        get.partial(fixed="{{ ds }}").expand(value=pushed)
        get.override(task_id="written").partial(fixed=pushed).expand(value=["{{ ds }}"])
        get.override(task_id="mixed").partial(fixed=1).expand(value=["{{ ds }}", pushed])
        BashOperator.partial(task_id="bash").expand(bash_command=push.override(task_id="commands")().map(_echo))

        @task_group
        def group(value):
            get.override(task_id="inside")(value, fixed="{{ ds }}")

        group.expand(value=pushed)

    found = run(make)
    raw, day = "{{ ds }}", "2024-03-01"
    assert values(found, "get") == [[raw, day, None], [[raw], day, None]]
    assert values(found, "written") == [[day, [raw, [raw]], None]]
    assert values(found, "mixed") == [[day, 1, None], [[raw, [raw]], 1, None]]
    assert values(found, "bash") == ["{{ ds }}", "[{{ ds }}]"]
    assert values(found, "group.inside") == [[raw, day, None], [[raw], day, None]]


def _echo(value: Any) -> str:
    return "echo '" + str(value).replace("'", "") + "'"


def test_skips_in_a_map_skip_instances_and_nothing_is_mapped_over_nothing():
    def only_even(n: int) -> int:
        if n % 2:
            raise AirflowSkipException("odd")
        return n

    def make() -> None:
        @task
        def numbers(count):
            return list(range(count))

        @task
        def one(n):
            return n

        @task
        def total(values):
            return [len(values), sum(values)]

        some = one.expand(n=numbers(5).map(only_even))
        total(some)
        none = one.override(task_id="none").expand(n=numbers.override(task_id="zero")(0))
        total.override(task_id="after", trigger_rule="all_done")(none)
        second = one.override(task_id="second", trigger_rule="none_failed").expand(n=some.map(lambda n: n * 10))
        total.override(task_id="seconds", trigger_rule="none_failed")(second)

    found = run(make)
    assert [found.states["one", index] for index in range(5)] == ["success", "skipped", "success", "skipped", "success"]
    assert state(found, "none") == "skipped" and found.xcoms["after", -1, "return_value"] == [0, 0]
    assert values(found, "second") == [0, 20, 40]
    assert found.xcoms["seconds", -1, "return_value"] == [3, 60], found.reasons


def test_zips_and_concats_of_results_and_literals():
    def make() -> None:
        @task
        def letters():
            return ["a", "b", "c"]

        @task
        def numbers():
            return {"x": 1, "y": 2}

        @task
        def one(v):
            return v

        one.override(task_id="short").expand(v=letters().zip(numbers()))
        one.override(task_id="long").expand(
            v=letters.override(task_id="l2")().zip(numbers.override(task_id="n2")(), fillvalue=0)
        )
        both = letters.override(task_id="l3")().concat(numbers.override(task_id="n3")())
        one.override(task_id="both").expand(v=both.map(str))

    found = run(make)
    assert values(found, "short") == [("a", ("x", 1)), ("b", ("y", 2))]
    assert values(found, "long") == [("a", ("x", 1)), ("b", ("y", 2)), ("c", 0)]
    assert values(found, "both") == ["a", "b", "c", "('x', 1)", "('y', 2)"]


def test_labels_name_instances_with_what_the_task_put_into_the_context():
    def make() -> None:
        @task(map_index_template="{{ label }} {{ n }}")
        def one(n, **context):
            context["ti"]  # what a function adds to its own copy of the context is its own
            from orchestrator.sdk import get_current_context

            get_current_context()["label"] = f"number {n}"
            return n

        one.expand(n=[1, 2])

    found = run(make)
    assert values(found, "one") == [1, 2], found.reasons


def test_kwargs_may_be_pushed_and_must_be_dicts_with_names():
    def make(returned: Any) -> Any:
        def define() -> None:
            @task
            def push():
                return returned

            @task
            def add(a, b=0):
                return a + b

            add.expand_kwargs(push())

        return define

    assert values(run(make([{"a": 1}, {"a": 1, "b": 2}])), "add") == [1, 3]
    found = run(make([{"a": 1}, 7]))
    assert "expand_kwargs() expects a list[dict], not list[int]" in found.reasons["add", 1]
    assert "input dict keys must all be str, but 3 is of type int" in run(make([{3: 1}])).reasons["add", 0]
    assert "expects a list[dict], not dict" in run(make({"a": 1})).reasons["add", 0]


def test_a_list_of_dicts_may_hold_results():
    def make() -> None:
        @task
        def push():
            return {"value": "{{ ds }}"}

        @task
        def add(value, more=0):
            return [value, more]

        add.expand_kwargs([{"value": 1, "more": "{{ ds }}"}, push()])

    assert values(run(make), "add") == [[1, "2024-03-01"], ["2024-03-01", 0]], "as in Airflow"


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: BashOperator.partial(task_id="t").expand(bash_command="x"), ValueError, "BashOperator.expand() got an unexpected type 'str' for keyword argument bash_command"),
        (lambda: BashOperator.partial(task_id="t").expand(bash_command=3), ValueError, "unexpected type 'int' for keyword argument bash_command"),
        (lambda: BashOperator.partial(task_id="t").expand(comand=["x"]), TypeError, "BashOperator.expand() got an unexpected keyword argument 'comand'"),
        (lambda: BashOperator.partial(task_id="t", a=1, b=2), TypeError, "BashOperator.partial() got unexpected keyword arguments 'a', 'b'"),
        (lambda: BashOperator.partial(task_id="t", bash_command="x").expand(bash_command=["x"]), TypeError, "unmappable or already specified argument: bash_command"),
        (lambda: BashOperator.partial(task_id="t").expand(), TypeError, "no arguments to expand against"),
        (lambda: BashOperator.partial(task_id="t").expand_kwargs({"a": 1}), TypeError, "expected XComArg or list[dict], not dict"),
        (lambda: BashOperator.partial(task_id="t").expand_kwargs(["a"]), TypeError, "expected XComArg or list[dict], not list"),
        (lambda: BashOperator.partial(task_id="t").expand(bash_command=EmptyOperator(task_id="e").output["k"]), ValueError, "cannot map over XCom with custom key 'k' from <Task(EmptyOperator): e>"),
        (lambda: task(lambda ds: 1).expand(ds=["x"]), ValueError, "cannot call expand() on task context variable 'ds'"),
        (lambda: task(lambda ds: 1).partial(ds="x", ti="y"), TypeError, "unexpected keyword argument 'ti'"),
        (lambda: task(lambda x: 1).partial(x=1).partial(x=2), TypeError, "duplicate partial argument: x"),
        (lambda: task(trigger_rule="always")(lambda x: 1).expand(x=EmptyOperator(task_id="e").output), ValueError, "not allowed with trigger rule 'always'"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_are_written_in_airflows_words(make: Any, kind: type, said: str):
    with pytest.raises(kind) as error:
        run(make)
    assert said in str(error.value)


def test_arguments_given_twice_at_run_time_fail_the_instance():
    def make() -> None:
        @task
        def push():
            return [{"bash_command": "true"}]

        BashOperator.partial(task_id="t", bash_command="false").expand_kwargs(push())

    assert "unmappable or already specified argument: bash_command" in run(make).reasons["t", 0]


def test_op_args_and_op_kwargs_can_be_mapped():
    def make() -> None:
        PythonOperator.partial(task_id="t", python_callable=lambda a, b=0: [a, b]).expand(
            op_args=[[1], ["{{ ds }}", 2]]
        )
        PythonOperator.partial(task_id="k", python_callable=lambda a, b=0: [a, b]).expand(op_kwargs=[{"a": "{{ ds }}"}])

    found = run(make)
    assert values(found, "t") == [[1, 0], ["2024-03-01", 2]] and values(found, "k") == [["2024-03-01", 0]]


def test_the_names_of_the_context_are_those_it_has():
    only_at_an_end = {"exception", "reason", "start_date"}
    assert CONTEXT_KEYS - only_at_an_end <= set(WITH_INTERVAL)
