"""Mapped groups inside mapped groups, on rows: each branch goes its own way, and costs what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dags_app.models import Pool
from dags_app.versions import known_place, load_spec
from orchestrator import wake
from orchestrator.core.branches import depth_of, index_of, name, path_of
from orchestrator.core.trigger_rules import RULES
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, task, task_group
from runs_app import actions, advance, assignment, group_retries, holds, invariants, notify, why
from runs_app.exceptions import InvalidHold
from runs_app.locking import db_now
from runs_app.models import DagRun, GroupRetry, StateEvent, TaskInstance
from tests.conformance import engine as conformance
from tests.runs_app import engine
from tests.runs_app.test_wide import rows_read
from tests.support import factories

pytestmark = pytest.mark.django_db
RULES_INSIDE = sorted(set(RULES) - {"always", "all_done_setup_success"})
AT_ONCE = {"retries": 1, "retry_delay": timedelta(0)}


@pytest.fixture(autouse=True)
def large_pool() -> None:
    Pool.objects.update_or_create(name="default_pool", defaults={"slots": 100_000})


def operator(name: str, **arguments: Any) -> Any:
    return PythonOperator(task_id=name, python_callable=print, **arguments)


def dag_of(
    outer: Any = (0, 1), *, rules: tuple[str, str, str] = ("all_success",) * 3, levels: int = 2, **more: Any
) -> Any:
    """A mapped group: a source, in it as many as that pushed of a group of three, and what comes after. Behind all, a task."""
    with DAG(f"nested{len(outer)}", max_active_tasks=10_000, default_args=AT_ONCE, **more) as dag:

        @task
        def source(x: Any) -> Any:
            return x

        @task_group
        def third(y: Any) -> None:
            operator("a") >> operator("b", trigger_rule=rules[0]) >> EmptyOperator(task_id="c")

        @task_group
        def second(y: Any) -> None:
            if levels == 3:
                third.expand(y=source.override(task_id="middle")(y)) >> operator("d", trigger_rule=rules[1])
            else:
                operator("a") >> operator("b", trigger_rule=rules[0]) >> EmptyOperator(task_id="c")

        @task_group
        def first(x: Any) -> None:
            second.expand(y=source(x)) >> operator("e", trigger_rule=rules[1])

        first.expand(x=list(outer)) >> operator("f", trigger_rule=rules[2])
    return dag


def stored(dag: Any) -> Any:
    load_spec.cache_clear()  # what is rolled back gives its primary keys to the next
    return factories.make_dag(spec=dag.to_spec(), max_active_tasks=10_000)


def states(run: DagRun) -> dict[str, str]:
    spec = load_spec(run.version_id)
    rows = TaskInstance.objects.filter(run=run).values_list("task_id", "map_index", "state")
    found = {(task_id, path_of(index, depth_of(spec, task_id))): state for task_id, index, state in rows}
    return {
        name(each, index_of(path, depth_of(spec, each)), depth_of(spec, each)): found[each, path]
        for each, path in sorted(found)
    }


def pushing(lengths: Any, otherwise: Any = lambda row, path: "success") -> Any:
    """Play each source as pushing as many elements as ``lengths`` says of its path."""

    def outcome(row: dict[str, Any]) -> Any:
        path = path_of(row["map_index"], depth_of(load_spec(row["version_id"]), row["task_id"]))
        if row["task_id"].endswith(("source", "middle")):
            length = lengths(path)
            if length is not None:
                return engine.Outcome("success", xcoms={"return_value": (list(range(length)), length)})
        return otherwise(row, path)

    return outcome


def test_each_branch_goes_on_as_soon_as_its_own_source_is_done():
    run = engine.start(stored(dag_of()))
    slot = engine.slot()
    rows = [engine.take(slot), engine.take(slot)]
    engine.end(rows[1], engine.Outcome("success", xcoms={"return_value": ([7, 8], 2)}))
    ready = {each for each, state in states(run).items() if state == "scheduled"}
    assert ready == {"first.second.a[1][0]", "first.second.a[1][1]"}
    assert states(run)["first.second.a[0]"] == "none"
    engine.end(rows[0], engine.Outcome("success", xcoms={"return_value": ([], 0)}))
    assert states(run)["first.second.a[0]"] == "skipped" and states(run)["first.e[0]"] == "skipped"
    engine.play(slot)
    assert states(run)["first.second.c[1][1]"] == "success" and engine.state_of(run) == "success"


def test_three_levels_run_to_their_end_and_indexes_say_where():
    run = engine.start(stored(dag_of(levels=3, rules=("all_success", "all_done", "all_done"))))
    engine.play(engine.slot(), pushing(lambda path: (2, 1)[path[0]] if len(path) == 1 else path[1] + 1))
    found = [each for each in states(run) if each.startswith("first.second.third.b")]
    assert found == [f"first.second.third.b{each}" for each in ("[0][0][0]", "[0][1][0]", "[0][1][1]", "[1][0][0]")]
    indexes = TaskInstance.objects.filter(run=run, task_id="first.second.third.b").order_by("map_index")
    assert list(indexes.values_list("map_index", flat=True)) == [0, 10_000, 10_001, 100_000_000]
    assert set(states(run).values()) == {"success"}
    assert invariants.check(db_now(), liveness=False) == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([2, 3]),
    st.integers(1, 3),
    st.tuples(*[st.sampled_from(RULES_INSIDE)] * 3),
    st.text("0123x", min_size=1, max_size=5),
    st.text("ssfkr", min_size=1, max_size=7),
)
def test_looking_at_a_branch_comes_to_what_looking_at_all_comes_to(
    levels: int, width: int, rules: tuple[str, str, str], lengths: str, word: str
):
    kinds = {"s": "success", "f": "failed", "k": "skipped"}

    def length(path: Any) -> int | None:
        found = lengths[sum(path) % len(lengths)]
        return None if found == "x" else int(found)

    def otherwise(row: dict[str, Any], path: Any) -> Any:
        letter = word[(sum(path) * 3 + "abcdef".find(row["task_id"][-1])) % len(word)]
        if letter == "r":
            return engine.Outcome("failed" if row["try_number"] == 1 else "success")
        return engine.Outcome(kinds[letter], retry=False)

    found = []
    for whole in (False, True):
        with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
            if whole:
                patch.setattr(advance, "matters", lambda *_: True)
                patch.setattr(advance, "decide_near", lambda *_: None)
                patch.setattr(advance, "decide_alone", lambda *_: None)
            run = engine.start(stored(dag_of(range(width), rules=rules, levels=levels)))
            engine.play(engine.slot(), pushing(length, otherwise))
            found.append((engine.state_of(run), states(run)))
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0][0] in {"success", "failed"}


def test_an_end_reads_as_few_rows_beside_many_branches_as_beside_few():
    few, many = (rows_read(stored(dag_of(range(width))), pushing(lambda path: 6)) for width in (6, 24))
    assert many < few * 1.2 + 4


def test_a_source_that_is_run_again_changes_its_own_branch_only():
    run = engine.start(stored(dag_of()))
    engine.play(engine.slot(), pushing(lambda path: 2))
    actions.clear(run.pk, task_ids=["first.source"], map_index=1, downstream=True)
    advance.start_queued(run.dag_id, run.updated_at)
    ran: list[tuple[str, int]] = []
    play = pushing(lambda path: 3)
    engine.play(engine.slot(), lambda row: ran.append((row["task_id"], row["map_index"])) or play(row))
    inner = [(f"first.second.{each}", 10_000 + at) for each in "ab" for at in range(3)]
    assert sorted(ran) == sorted([("first.source", 1), *inner, ("first.e", 1), ("f", -1)])
    assert set(states(run).values()) == {"success"} and engine.state_of(run) == "success"


def test_a_failed_inner_branch_is_run_again_by_itself_and_its_outer_group_when_it_is_spent():
    with DAG("again") as dag:

        @task_group(retries=1, retry_delay=0)
        def inner(y: Any) -> None:
            operator("a") >> operator("b")

        @task_group(retries=1, retry_delay=0)
        def outer(x: Any) -> None:
            inner.expand(y=[1, 2])

        outer.expand(x=[1, 2])
    run = engine.start(stored(dag))
    tries: list[int] = []

    def otherwise(row: dict[str, Any]) -> str:
        if row["task_id"].endswith("b") and row["map_index"] == 10_001 and len(tries) < 3:
            tries.append(row["try_number"])
            return "failed"
        return "success"

    engine.play(engine.slot(), otherwise)
    assert engine.state_of(run) == "success" and tries == [1, 2, 3]
    retried = GroupRetry.objects.values_list("group_id", "map_index", "retried")
    assert sorted(retried) == [("outer", 1, 1), ("outer.inner", 10_001, 1)]
    counts = (
        TaskInstance.objects.filter(task_id="outer.inner.a").order_by("map_index").values_list("try_number", flat=True)
    )
    assert list(counts) == [1, 1, 2, 4]
    assert {each.name for each in group_retries.listed(run.pk, load_spec(run.version_id))} == {
        "outer[1]",
        "outer.inner[1][1]",
    }
    assert invariants.check(db_now(), liveness=False) == []


def test_one_instance_is_cleared_with_its_own_branch():
    run = engine.start(stored(dag_of(levels=3)))
    engine.play(engine.slot(), pushing(lambda path: 2))
    cleared = actions.clear(run.pk, task_ids=["first.second.third.a"], map_index=100_010_001, downstream=True)
    spec = load_spec(run.version_id)
    assert {name(each.task_id, each.map_index, depth_of(spec, each.task_id)) for each in cleared} == {
        *(f"first.second.third.{each}[1][1][1]" for each in "abc"),
        "first.second.d[1][1]",
        "first.e[1]",
        "f",
    }
    upward = actions.affected(run, task_ids=["first.second.d"], map_index=10_001, upstream=True, setups=True)
    assert {each.task_name for each in upward} == {
        "first.second.d[1][1]",
        *(f"first.second.third.{each}[1][1][{at}]" for each in "abc" for at in (0, 1)),
        "first.second.middle[1][1]",
        "first.source[1]",
    }


def test_what_is_not_expanded_says_what_its_branch_waits_for():
    run = engine.start(stored(dag_of()))
    waiting = TaskInstance.objects.get(run=run, task_id="first.second.a", map_index=-3)
    assert waiting.task_name == "first.second.a[1]" and waiting.place == "1"
    reason = why.of_task(waiting, run.updated_at)[0]
    assert [each.name for each in reason.held_by] == ["first.source[1]"]


def test_more_instances_than_a_task_may_have_fail_it(settings):
    settings.ORCH = type(settings.ORCH)(**{**vars(settings.ORCH), "max_mapped_instances": 5})
    run = engine.start(stored(dag_of()))
    engine.play(engine.slot(), pushing(lambda path: 3))
    found = states(run)
    assert found["first.second.a[0][2]"] == "success" and found["first.second.a[1]"] == "failed"
    event = StateEvent.objects.get(task_instance__task_id="first.second.a", new="failed")
    assert event.reason == "would have 6 instances, and may have 5 (ORCHESTRATOR_MAX_MAPPED_INSTANCES)"


def test_a_level_has_no_more_elements_than_its_numbers():
    engine.start(stored(dag_of()))
    engine.play(engine.slot(), pushing(lambda path: 10_001 if path == (1,) else 1))
    event = StateEvent.objects.get(task_instance__task_id="first.second.a", new="failed")
    assert event.reason.startswith("maps over 10001 elements inside of other mappings")


def test_a_held_task_is_held_in_all_that_its_branches_become():
    run = engine.start(stored(dag_of()))
    held = "first.second.a"
    with pytest.raises(InvalidHold, match="not expanded yet"):
        holds.hold(run.dag_id, held, run_pk=run.pk, map_index=-3)
    holds.hold(run.dag_id, held, run_pk=run.pk)
    engine.play(engine.slot(), pushing(lambda path: 2))
    assert {state for each, state in states(run).items() if each.startswith(held)} == {"none"}
    holds.release_task(run.dag_id, held, run_pk=run.pk)
    engine.play(engine.slot())
    assert engine.state_of(run) == "success"


SOURCE = """
from orchestrator.sdk import dag, task, task_group

@dag(schedule=None)
def real():
    @task
    def source():
        return [["a", "b"], [], ["c"]]

    @task(map_index_template="{{ letter }}")
    def upper(letter):
        return letter.upper()

    @task(trigger_rule="none_failed")
    def join(letters):
        return "".join(letters)

    @task
    def three(letter, ti=None):
        return [letter * n for n in range(ti.map_path[-1] + 1)]

    @task_group
    def inner(letter):
        text = upper(letter=letter)
        task(task_id="length")(lambda word: len(word)).expand(word=three(text))
        return text

    @task_group
    def outer(letters):
        return join(inner.expand(letter=letters))

    join.override(task_id="all")(outer.expand(letters=source()))

real()
"""


@pytest.fixture
def clean_engine(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for module, each in ((wake, "_send"), (wake, "_publish"), (notify, "publish")):
        monkeypatch.setattr(module, each, lambda *_: None)
    for cached in (load_spec, known_place):
        cached.cache_clear()
    assignment._runs.clear()
    yield conformance.ENGINE
    conformance.ENGINE.close()


def test_processes_get_and_give_what_their_branch_has(monkeypatch, clean_engine):
    monkeypatch.setattr(conformance, "text_of", lambda spec: SOURCE)
    made = clean_engine.start(clean_engine.store({"dag_id": "real"}), {"run_type": "manual", "run_id": "r"})
    clean_engine.drive(made, "last")
    found = conformance.answer_about(made)
    assert found["run_state"] == "success"
    pushed = {
        (each["task_id"], each["map_index"]): each["xcom"]["return_value"]
        for each in found["task_instances"]
        if "xcom" in each
    }
    assert pushed["all", -1] == "ABC"
    assert [pushed["outer.join", at] for at in range(3)] == ["AB", "", "C"]
    assert [pushed["outer.inner.length", at] for at in (0, 10_000, 10_001, 200_000_000)] == [0, 0, 1, 0]
    label = TaskInstance.objects.get(run=made, task_id="outer.inner.upper", map_index=20_000).rendered_map_index
    assert label == "c"
