"""What authors may write, and what is refused where it is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrator.operators.bash import BashOperator
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import (
    DAG,
    Asset,
    BaseOperator,
    Label,
    TaskGroup,
    TriggerRule,
    chain,
    cross_downstream,
    dag,
    result,
    setup,
    task,
    task_group,
    teardown,
)
from orchestrator.sdk.exceptions import DagError, DuplicateTaskIdFound


def empty(*names: str) -> list[EmptyOperator]:
    return [EmptyOperator(task_id=name) for name in names]


def upstream(dag: DAG) -> dict[str, tuple[str, ...]]:
    return {name: each.upstream for name, each in dag.to_spec().tasks.items()}


# ---- default_args


def test_the_nearest_default_wins_and_unknown_ones_are_nobodys():
    class Own(BaseOperator):
        def __init__(self, *, region: str = "none", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.region = region

    with DAG("d", default_args={"retries": 1, "region": "dag", "max_active_runs": 3, "owner": "me"}) as dag:
        with TaskGroup("g", default_args={"retries": 2, "region": "group"}):
            inner = Own(task_id="inner", region="call")
            other = Own(task_id="other")
        outer = EmptyOperator(task_id="outer", retries=5)
    assert (inner.retries, inner.region, other.region) == (2, "call", "group")
    assert (outer.retries, outer.owner) == (5, "me")
    assert dag.to_spec().owners == ("me",)


def test_operators_may_be_abstract():
    class Job(BaseOperator, ABC):
        @abstractmethod
        def name(self) -> str: ...

    class Load(Job):
        def name(self) -> str:
            return "load"

    assert Load(task_id="load").name() == "load"
    with pytest.raises(TypeError, match="abstract"):
        Job(task_id="job")  # type: ignore[abstract]


def test_arguments_of_the_call_reach_mapped_tasks_through_default_args_too():
    with DAG("d", default_args={"retries": 4}) as dag:
        BashOperator.partial(task_id="b").expand(bash_command=["a", "b"])
    assert dag.to_spec().tasks["b"].retries == 4


# ---- arrows


def test_chain_goes_list_by_list():
    with DAG("d") as dag:
        a, b, c, d, e, f = empty("a", "b", "c", "d", "e", "f")
        chain(a, [b, c], [d, e], f)
    assert upstream(dag) == {"a": (), "b": ("a",), "c": ("a",), "d": ("b",), "e": ("c",), "f": ("d", "e")}


def test_lists_of_different_lengths_cannot_be_chained():
    with DAG("d"):
        a, b, c = empty("a", "b", "c")
        with pytest.raises(DagError, match="different lengths"):
            chain([a, b], [c])


def test_cross_downstream_joins_every_one_to_every_one():
    with DAG("d") as dag:
        a, b, c, d = empty("a", "b", "c", "d")
        cross_downstream([a, b], [c, d])
    assert upstream(dag)["c"] == upstream(dag)["d"] == ("a", "b")


def test_labels_stand_on_every_arrow_between_two_groups():
    with DAG("d") as dag:
        with TaskGroup("g") as g:
            empty("a", "b")
        with TaskGroup("h") as h:
            empty("c")
        g >> Label("then") >> h
    assert dag.to_spec().edge_labels == {"g.a": {"h.c": "then"}, "g.b": {"h.c": "then"}}
    assert dag.to_spec().groups["g"].downstream_groups == ("h",)


def test_arrows_between_two_dags_are_refused():
    with DAG("d"):
        (a,) = empty("a")
    with DAG("e"):
        (b,) = empty("b")
    with pytest.raises(DagError, match="more than one DAG"):
        a >> b


# ---- groups


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [(True, True, "g.h.a"), (True, False, "a"), (False, True, "h.a"), (False, False, "a")],
)
def test_the_id_of_a_task_in_nested_groups(outer: bool, inner: bool, expected: str):
    with DAG("d") as dag, TaskGroup("g", prefix_group_id=outer), TaskGroup("h", prefix_group_id=inner):
        empty("a")
    assert list(dag.to_spec().tasks) == [expected]
    assert dag.to_spec().tasks[expected].group_id == ("g.h" if outer else "h")


def test_a_group_and_a_task_cannot_share_an_id():
    with DAG("d"):
        empty("a")
        with pytest.raises(DuplicateTaskIdFound, match="'a'"):
            TaskGroup("a")


def test_calling_a_task_or_a_group_twice_numbers_it():
    with DAG("d") as dag:

        @task
        def t():
            pass

        @task_group
        def g():
            t()

        t(), t(), g(), g()
    assert list(dag.to_spec().tasks) == ["t", "t__1", "g.t", "g__1.t"]


# ---- setup and teardown


def test_what_is_defined_inside_a_teardown_stands_between_it_and_its_setups():
    with DAG("d") as dag:
        s, t, a, b = empty("s", "t", "a", "b")
        s.as_setup() >> t.as_teardown(setups=s)
        with t as scope:
            empty("c")
            scope.add_task(a)
        assert b
    assert upstream(dag) == {"s": (), "t": ("a", "c", "s"), "a": ("s",), "b": (), "c": ("s",)}
    assert dag.to_spec().tasks["t"].trigger_rule == "all_done_setup_success"


def test_decorated_setups_and_teardowns_know_what_they_are():
    with DAG("d") as dag:

        @setup
        def make():
            pass

        @teardown(on_failure_fail_dagrun=True)
        def remove():
            pass

        @task
        def work():
            pass

        with make() >> remove():
            work()
    tasks = dag.to_spec().tasks
    assert tasks["make"].is_setup and tasks["remove"].is_teardown and tasks["remove"].on_failure_fail_dagrun
    assert tasks["work"].upstream == ("make",) and tasks["remove"].upstream == ("make", "work")


def test_only_all_success_may_stand_directly_behind_a_setup():
    with DAG("d") as dag:
        EmptyOperator(task_id="s").as_setup() >> EmptyOperator(task_id="a", trigger_rule=TriggerRule.ALL_DONE)
    with pytest.raises(DagError, match="'a' directly behind a setup"):
        dag.to_spec()


# ---- mapping


def test_what_cannot_be_mapped_is_refused_where_it_is_written():
    with DAG("d"):

        @task
        def t(x, y=None):
            pass

        for wrong, words in (
            (lambda: t.expand(x=5), "int"),
            (lambda: t.expand(x="abc"), "str"),
            (lambda: t.expand(z=[1]), "unexpected keyword argument 'z'"),
            (lambda: t.expand(), "no arguments"),
            (lambda: PythonOperator.partial(task_id="p", nonsense=1), "nonsense"),
            (
                lambda: PythonOperator.partial(task_id="p", python_callable=print).expand(retries_delay=[1]),
                "retries_delay",
            ),
            (lambda: t.expand_kwargs({"x": 1}), "expected XComArg or list"),
        ):
            with pytest.raises((TypeError, ValueError), match=words):
                wrong()


def test_a_name_of_a_group_has_no_dots():
    with DAG("d"), pytest.raises(ValueError, match="dots stand between a group and what it holds"):
        TaskGroup("a.b")


def test_an_argument_that_a_function_does_not_take_is_refused():
    with DAG("d"):

        @task
        def t(x):
            pass

        with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
            t(1, y=2)


def test_a_result_cannot_be_looped_over():
    with DAG("d"):

        @task
        def t():
            return [1]

        with pytest.raises(TypeError, match="not iterable"):
            list(t())
        with pytest.raises(ValueError, match="only supports str lookup"):
            t()[0]


def test_zip_concat_and_map_say_how_long_they_are():
    with DAG("d") as dag:

        @task
        def numbers():
            return [1, 2]

        @task
        def show(x):
            pass

        first, second = numbers(), numbers()
        show.expand(x=first.zip(second, fillvalue=0))
        show.expand(x=first.concat([7, 8]))
        show.expand(x=first.map(str))
    specs = dag.to_spec().tasks
    kinds = [specs[name].map.inputs["x"].kind for name in ("show", "show__1", "show__2")]
    assert kinds == ["zip", "concat", "map"]
    assert specs["show"].map.inputs["x"].fill and specs["show__1"].map.inputs["x"].parts[1].length == 2


# ---- the DAG itself


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"schedule": "@daily", "schedule_interval": "@hourly"}, "give only one"),
        ({"schedule": 5}, "5 is no schedule"),
        ({"schedule": "@daily", "catchup": True}, "catchup needs a start_date"),
        ({"schedule": "@continuous", "start_date": datetime(2024, 1, 1)}, "max_active_runs=1"),
        ({"schedule": [Asset("a"), "b"]}, "must be assets"),
        ({"start_date": "2024-01-01"}, "start_date must be a datetime"),
        ({"dagrun_timeout": 5}, "dagrun_timeout must be a timedelta"),
        ({"tags": ["x" * 101]}, "at most 100 characters"),
        ({"max_active_runs": "x"}, "max_active_runs must be an integer, not 'x'"),
        ({"description": 3}, "description must be a text, not 3"),
        ({"default_args": ["x"]}, "default_args must be a dict"),
        ({"owner_links": {"ann": "x"}}, "owner_links has 'x' for 'ann', which is no link"),
        ({"allowed_run_types": ["sometimes"]}, "allowed_run_types has 'sometimes'; known are manual, scheduled"),
    ],
)
def test_a_dag_that_cannot_be_says_which_and_why(how: dict[str, Any], words: str):
    with pytest.raises((DagError, TypeError, ValueError), match=words) as found:
        DAG("the_dag", **how).to_spec()
    assert "the_dag" in str(found.value)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"trigger_rule": "sometimes"}, "sometimes"),
        ({"weight_rule": "heavy"}, "heavy"),
        ({"priority_weight": "1"}, "priority_weight"),
        ({"execution_timeout": 5}, "execution_timeout"),
        ({"pool_slots": 0}, "pool slots"),
        ({"retries": -1}, "retries"),
        ({"retries": "x"}, "'retries' must be an integer, not 'x'"),
        ({"queue": 3}, "'queue' must be a text, not 3"),
        ({"depends_on_past": "x"}, "'depends_on_past' must be true or false"),
        ({"retry_exponential_backoff": "x"}, "'retry_exponential_backoff' must be a number"),
        ({"task_id": "no spaces"}, "alphanumeric"),
        ({"task_id": "x" * 251}, "251"),
    ],
)
def test_a_task_that_cannot_be_says_which_and_why(how: dict[str, Any], words: str):
    with pytest.raises((DagError, TypeError), match=words):
        EmptyOperator(**{"task_id": "t", **how})


def test_assets_may_stand_in_inlets_and_outlets():
    with DAG("d") as dag:

        @task(inlets=[Asset("raw", "file:///raw.csv")], outlets=Asset("clean"))
        def t():
            pass

        t()
    assert dag.to_spec().tasks["t"].operator == "_PythonDecoratedOperator"


def test_old_names_of_arguments_are_taken():
    with DAG("d", schedule_interval=timedelta(days=1), concurrency=3, fail_stop=True, default_view="tree") as dag:
        EmptyOperator(task_id="a", task_concurrency=2, sla=timedelta(1), provide_context=True)
    spec = dag.to_spec()
    assert (spec.max_active_tasks, spec.fail_fast, spec.timetable["delta"]) == (3, True, 86400.0)
    assert spec.tasks["a"].max_active_tis_per_dag == 2


def test_a_decorator_that_is_not_there_names_those_that_are():
    with pytest.raises(AttributeError, match=r"@task.brunch: known are bash, branch"):
        task.brunch  # noqa: B018


def test_a_task_may_note_things_about_its_outlets():
    from orchestrator.runtime.local import run_dag
    from orchestrator.sdk import Metadata

    clean = Asset("clean")
    with DAG("d") as dag:

        @task(outlets=[clean])
        def by_context(outlet_events):
            outlet_events[clean].extra = {"rows": 3}
            return 0

        @task(outlets=[clean])
        def by_yield():
            yield Metadata(clean, {"rows": 3})
            return 3

        by_context(), by_yield()
    found = run_dag(dag, say=lambda line: None)
    assert found.succeeded, found.reasons
    assert found.xcoms["by_yield", -1, "return_value"] == 3
    assert found.xcoms["by_context", -1, "return_value"] == 0


def test_what_a_dag_calls_its_result_is_said_of_the_task():
    @dag
    def returned():
        @task
        def first():
            return 1

        return first()

    @dag
    def marked():
        @result
        @task
        def each(number):
            return number

        each.expand(number=[1, 2])
        return 5

    for made, task_id in ((returned(), "first"), (marked(), "each")):
        assert made.to_spec().tasks[task_id].display["returns_dag_result"] is True
    with pytest.raises(TypeError, match="above @task"):
        result(print)
