"""Mapping inside of mapping, through whole runs: against loops of plain Python, and what skips, fails and is tried again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, TaskGroup, task, task_group
from orchestrator.sdk.exceptions import AirflowSkipException, DagError
from orchestrator.testing import run

KINDS = ("argument", "task", "literal", "kwargs", "product", "pairs", "joined")
AT = "2024-03-01"


@task
def same(value: Any) -> Any:
    return value


@task(trigger_rule="none_failed")
def total(own: Any, results: Any) -> Any:
    return [own, list(results)]


def trees(depth: int) -> st.SearchStrategy[Any]:
    return st.integers(0, 9) if not depth else st.lists(trees(depth - 1), max_size=3)


@st.composite
def nestings(draw: st.DrawFn) -> tuple[list[str], list[Any]]:
    """How each inner level gets its elements, and what the outermost goes over."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
    return kinds, draw(trees(len(kinds) + 1))


# ---- with loops


def expected(value: Any, kinds: list[str], literal: Any) -> Any:
    if not kinds:
        return value
    kind, rest = kinds[0], kinds[1:]
    if kind == "literal":
        elements = literal[len(rest)]
    elif kind == "product":
        elements = [each for each in value for _ in range(2)]
    elif kind == "pairs":
        elements = [[each, each] for each in value] if not rest else value
    elif kind == "joined":
        elements = [*value, *value]
    else:
        elements = value
    return [value, [expected(each, rest, literal) for each in elements]]


# ---- with groups


def body(value: Any, kinds: list[str], literal: Any) -> Any:
    if not kinds:
        return same(value)
    kind, rest = kinds[0], kinds[1:]

    @task_group(group_id=f"level{len(rest)}")
    def inner(value: Any, other: Any = None) -> Any:
        return body(value, rest, literal)

    if kind == "argument":
        made = inner.expand(value=value)
    elif kind == "task":
        made = inner.expand(value=same.override(task_id="source")(value))
    elif kind == "literal":
        made = inner.expand(value=literal[len(rest)])
    elif kind == "kwargs":
        dicts = task(task_id="dicts")(lambda value: [{"value": each} for each in value])(value)
        made = inner.expand_kwargs(dicts)
    elif kind == "product":
        made = inner.expand(value=same.override(task_id="source")(value), other=["x", "y"])
    elif kind == "pairs":
        source = same.override(task_id="source")(value)
        made = inner.expand(value=source.zip(source) if not rest else source)
    else:
        source = same.override(task_id="source")(value)
        made = inner.expand(value=source.concat(source))
    return total(value, made)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(nestings(), st.lists(trees(0), max_size=3), st.lists(trees(1), max_size=2))
def test_groups_in_groups_come_to_what_loops_in_loops_come_to(case: Any, flat: list[int], lists: list[Any]):
    kinds, values = case
    literal = {0: flat, 1: lists}
    with DAG("nested") as dag:

        @task_group
        def outermost(value: Any) -> Any:
            return body(value, kinds, literal)

        outermost.expand(value=same.override(task_id="first")(values))
    found = run(dag, at=AT)
    last = "outermost.total" if kinds else "outermost.same"
    results = [found.xcoms.get((f"{last}[{at}]", "return_value")) for at in range(len(values))]
    plain = [expected(each, kinds, literal) for each in values]
    assert as_lists(results) == as_lists(plain), found._table()
    assert found.state == "success"


def as_lists(value: Any) -> Any:
    return [as_lists(each) for each in value] if isinstance(value, (list, tuple)) else value


def shops(*, retries: int = 0, **arguments: Any) -> DAG:
    """Shops with orders: each order is packed and posted, each shop closed; a report in the end."""
    with DAG("shops") as dag:

        @task_group(retries=retries, retry_delay=0, **arguments)
        def order(order: Any) -> Any:
            return same.override(task_id="post")(same.override(task_id="pack")(order))

        @task_group
        def shop(orders: Any) -> Any:
            return same.override(task_id="close", trigger_rule="none_failed")(order.expand(order=orders))

        same.override(task_id="report", trigger_rule="all_done")(
            shop.expand(orders=same.override(task_id="source")([["a", "b"], [], ["c"]]))
        )
    return dag


def test_what_comes_after_an_inner_group_has_a_list_however_many_there_are():
    found = run(shops(), at=AT)
    assert found.xcom("report") == [["a", "b"], [], ["c"]]
    found.assert_states({"shop.order.pack[1]": "skipped", "shop.close[1]": "success"})


def test_a_failure_stays_in_its_branch():
    found = run(shops(), at=AT, fails={"shop.order.pack[0][1]": True})
    found.assert_states(
        {
            "shop.order.post[0][0]": "success",
            "shop.order.post[0][1]": "upstream_failed",
            "shop.close[0]": "upstream_failed",
            "shop.close[2]": "success",
        }
    )


def test_a_failed_inner_branch_is_run_again_by_itself():
    found = run(shops(retries=1), at=AT, fails={"shop.order.post[0][1]": 1, "shop.order.pack[2][0]": True})
    found.assert_states({"shop.close[0]": "success", "shop.order.post[2][0]": "upstream_failed"})
    found.assert_tries(
        {
            "shop.order.pack[0][0]": 1,
            "shop.order.pack[0][1]": 2,
            "shop.order.post[0][1]": 2,
            "shop.order.pack[2][0]": 2,
            "shop.close[0]": 1,
        }
    )
    assert any("group shop.order[0][1]  failed: retry 1 of 1" in line for line in found.lines)


def test_an_outer_group_gives_the_inner_ones_their_retries_again():
    with DAG("both") as dag:

        @task_group(retries=1, retry_delay=0)
        def inner(y: Any) -> None:
            same.override(task_id="work")(y)

        @task_group(retries=1, retry_delay=0)
        def outer(x: Any) -> None:
            inner.expand(y=same.override(task_id="source")(x))

        outer.expand(x=[[1, 2], [3]])
    found = run(dag, at=AT, fails={"outer.inner.work[0][1]": 3})
    found.assert_success().assert_tries(
        {"outer.inner.work[0][1]": 4, "outer.inner.work[0][0]": 2, "outer.source[0]": 2, "outer.source[1]": 1}
    )
    found.assert_tries({"outer.inner.work[1][0]": 1})


def test_a_branch_operator_skips_in_its_own_branch():
    with DAG("branches") as dag:

        @task.branch
        def choose(y: int) -> str:
            return "outer.inner.odd" if y % 2 else "outer.inner.even"

        @task_group
        def inner(y: Any) -> None:
            choose(y) >> [same.override(task_id="odd")(y), same.override(task_id="even")(y)]

        @task.branch
        def enter(x: Any) -> Any:
            return ["outer.inner.choose"] if x else []

        @task_group
        def outer(x: Any) -> None:
            enter(x) >> inner.expand(y=x)

        outer.expand(x=same.override(task_id="source")([[1, 2], [], [4]]))
    found = run(dag, at=AT)
    found.assert_states(
        {
            "outer.inner.odd[0][0]": "success",
            "outer.inner.even[0][0]": "skipped",
            "outer.inner.odd[0][1]": "skipped",
            "outer.inner.even[0][1]": "success",
            "outer.inner.choose[1]": "skipped",
            "outer.inner.even[2][0]": "success",
        }
    )


def test_a_branch_that_leaves_out_an_inner_group_leaves_it_out_in_its_own_branch():
    with DAG("left") as dag:

        @task.branch
        def enter(x: Any) -> Any:
            return "outer.inner.work" if x > 1 else "outer.other"

        @task_group
        def inner(y: Any) -> None:
            same.override(task_id="work")(y)

        @task_group
        def outer(x: Any) -> None:
            enter(x) >> [same.override(task_id="other")(x), inner.expand(y=[x, x])]

        outer.expand(x=[1, 2])
    run(dag, at=AT).assert_states(
        {
            "outer.inner.work[0][0]": "skipped",
            "outer.inner.work[0][1]": "skipped",
            "outer.other[0]": "success",
            "outer.inner.work[1][1]": "success",
            "outer.other[1]": "skipped",
        }
    )


@pytest.mark.parametrize("fails", [{}, {"outer.inner.work[0][0]": True}])
def test_setups_and_teardowns_are_those_of_their_branch(fails: dict[str, Any]):
    def plain(task_id: str, **arguments: Any) -> PythonOperator:
        return PythonOperator(task_id=task_id, python_callable=print, **arguments)

    with DAG("scopes") as dag:

        @task_group
        def inner(y: Any) -> None:
            start, stop = plain("start").as_setup(), plain("stop").as_teardown()
            start >> same.override(task_id="work")(y) >> stop
            start >> stop

        @task_group
        def outer(x: Any) -> None:
            inner.expand(y=x)

        outer.expand(x=same.override(task_id="source")([["a", "b"], ["c"]]))
    found = run(dag, at=AT, fails={**fails, "outer.inner.start[0][1]": True})
    found.assert_states(
        {
            "outer.inner.work[0][0]": "failed" if fails else "success",
            "outer.inner.stop[0][0]": "success",
            "outer.inner.work[0][1]": "upstream_failed",
            "outer.inner.stop[0][1]": "upstream_failed",
            "outer.inner.stop[1][0]": "success",
        }
    )


def test_a_mapped_task_inside_of_a_mapped_group_and_over_its_results():
    with DAG("tasks") as dag:

        @task_group
        def group(x: Any) -> Any:
            doubled = task(task_id="double")(lambda y: y * 2).expand(y=x)
            again = task(task_id="more")(lambda y: y + 1).expand(y=doubled)
            return task(task_id="sum")(lambda values: sum(values))(again)

        same.override(task_id="all")(group.expand(x=same.override(task_id="source")([[1, 2], [3]])))
    found = run(dag, at=AT).assert_success()
    assert found.xcom("group.more[0][1]") == 5 and found.xcom("all") == [8, 7]


def test_a_task_may_skip_elements_and_know_its_place():
    with DAG("skips") as dag:

        @task
        def odd(y: int, ti: Any = None) -> Any:
            if y % 2 == 0:
                raise AirflowSkipException
            return [*ti.map_path, ti.map_index]

        @task_group
        def group(x: Any) -> Any:
            odd.expand(y=x)

        group.expand(x=[[1, 2], [3, 4, 5]])
    found = run(dag, at=AT)
    assert found.xcom("group.odd") == [[0, 0, 0], [1, 0, 10_000], [1, 2, 10_002]]
    found.assert_states({"group.odd[0][1]": "skipped", "group.odd[1][1]": "skipped"})


@pytest.mark.parametrize(
    ("pushed", "said"),
    [
        ([[1], 7], r"tasks map over its element\[1\], which is 7: it must be a list or a dict"),
        ([[1], "text"], r"its element\[1\], which is 'text'"),
    ],
)
def test_who_pushes_elements_that_cannot_be_mapped_over_fails(pushed: Any, said: str):
    found = run(shops(), at=AT, returns={"source": pushed})
    found.assert_states(source="failed")
    assert __import__("re").search(said, found.reasons["source"])


def test_an_element_without_the_argument_that_is_mapped_over_fails_who_pushed_it():
    with DAG("kwargs") as dag:

        @task_group
        def inner(y: Any) -> None:
            same(y)

        @task_group
        def outer(xs: Any, name: Any) -> None:
            inner.partial().expand(y=xs)

        outer.expand_kwargs(same.override(task_id="source")([{"xs": [1], "name": "a"}, {"name": "b"}]))
    found = run(dag, at=AT)
    assert "its element[1] has no 'xs', which tasks map over" in found.reasons["source"]


def test_more_levels_than_numbers_can_name_are_refused():
    def deeper(levels: int) -> None:
        @task_group(group_id=f"g{levels}")
        def group(x: Any) -> None:
            deeper(levels - 1) if levels else same(x)

        group.expand(x=[1])

    with DAG("deep") as dag:
        deeper(4)
    with pytest.raises(DagError, match="more than 4 mappings"):
        dag.to_spec()


def test_an_element_of_a_function_of_map_cannot_be_mapped_over():
    with DAG("map") as dag:

        @task_group
        def inner(y: Any) -> None:
            same(y)

        @task_group
        def outer(x: Any) -> None:
            inner.expand(y=x)

        outer.expand(x=same.override(task_id="source")([1]).map(lambda each: [each]))
    with pytest.raises(DagError, match=r"group 'outer.inner' maps over an element of what .map\(\) makes"):
        dag.to_spec()


def test_a_plain_group_in_between_changes_nothing():
    with DAG("between") as dag:

        @task_group
        def inner(y: Any) -> Any:
            return same(y)

        @task_group
        def outer(x: Any) -> Any:
            with TaskGroup("between"):
                return task(task_id="sum")(lambda values: sum(values))(inner.expand(y=x))

        same.override(task_id="all")(outer.expand(x=[[1, 2], [3]]))
    assert run(dag, at=AT).assert_success().xcom("all") == [3, 3]
