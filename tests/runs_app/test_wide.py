"""Wide runs: the end of one instance costs the same however many others there are, and comes to the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dags_app.models import Pool
from dags_app.versions import load_spec
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, task_group
from runs_app import advance, reach, view
from runs_app.models import DagRun
from tests.runs_app import engine
from tests.support import factories

pytestmark = pytest.mark.django_db
RULES = [
    "all_success",
    "all_done",
    "one_success",
    "one_failed",
    "none_failed",
    "all_done_min_one_success",
    "none_skipped",
]


@pytest.fixture(autouse=True)
def large_pool() -> None:
    Pool.objects.update_or_create(name="default_pool", defaults={"slots": 100_000})


def dag_of(width: int, kind: str, rules: tuple[str, str] = ("all_success", "all_done")) -> Any:
    """A mapped task, or a mapped group of three, and behind it a task of each rule."""
    again = {"retries": 1, "retry_delay": timedelta(0)}
    with DAG(f"{kind}{width}", max_active_tasks=10_000, default_args=again) as dag:
        if kind == "task":
            head: Any = PythonOperator.partial(task_id="m", python_callable=print).expand(
                op_args=[[index] for index in range(width)]
            )
        else:

            @task_group
            def g(x: int) -> None:
                first = PythonOperator(task_id="a", python_callable=print)
                (
                    first
                    >> PythonOperator(task_id="b", python_callable=print, trigger_rule=rules[0])
                    >> EmptyOperator(task_id="c")
                )

            head = g.expand(x=list(range(width)))
        for name, rule in zip(("e", "f"), rules, strict=True):
            head >> PythonOperator(task_id=name, python_callable=print, trigger_rule=rule)
    spec = dag.to_spec()
    return factories.make_dag(spec=spec, max_active_tasks=10_000)


def outcomes(word: str) -> Callable[[dict[str, Any]], Any]:
    """One letter an instance, over and over: success, failed, skipped, and failed once."""
    kinds = {"s": "success", "f": "failed", "k": "skipped"}

    def outcome(row: dict[str, Any]) -> Any:
        place = (max(row["map_index"], 0) * 3 + "meabf".find(row["task_id"][-1])) % len(word)
        if word[place] == "r":
            return engine.Outcome("failed" if row["try_number"] == 1 else "success")
        return engine.Outcome(kinds[word[place]], retry=False)

    return outcome


# ---- the same


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(1, 5),
    st.sampled_from(["task", "group"]),
    st.tuples(st.sampled_from(RULES), st.sampled_from(RULES)),
    st.text("sfkr", min_size=1, max_size=7),
    st.booleans(),
)
def test_looking_at_what_an_end_reaches_comes_to_what_looking_at_all_comes_to(
    width: int, kind: str, rules: tuple[str, str], word: str, in_order: bool
):
    found = []
    for whole in (False, True):
        with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
            load_spec.cache_clear()  # what is rolled back gives its primary keys to the next
            if whole:
                patch.setattr(advance, "matters", lambda *_: True)
                patch.setattr(advance, "decide_near", lambda *_: None)
                patch.setattr(advance, "decide_alone", lambda *_: None)
            run = engine.start(dag_of(width, kind, rules))
            engine.play(engine.slot(), outcomes(word))
            found.append((engine.state_of(run), engine.states(run)))
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0][0] in {"success", "failed"}


# ---- and as cheap


def rows_read(dag: Any, outcome: Callable[[dict[str, Any]], Any]) -> float:
    """Rows of task instances that one end reads, on average."""
    with pytest.MonkeyPatch.context() as patch:
        return _rows_read(patch, dag, outcome)


def _rows_read(patch: Any, dag: Any, outcome: Callable[[dict[str, Any]], Any]) -> float:
    read: list[int] = []
    for module in (view, reach):
        before = module.fetch

        def counted(sql: str, values: Any = (), *, before: Any = before) -> Any:
            rows = before(sql, values)
            if "FROM runs_app_taskinstance" in sql:
                read.append(len(rows))
            return rows

        patch.setattr(module, "fetch", counted)
    run = engine.start(dag)
    slot = engine.slot()
    read.clear()
    ran = engine.play(slot, outcome, limit=10_000)
    assert engine.state_of(run) in {"success", "failed"}
    return sum(read) / len(ran)


@pytest.mark.parametrize("kind", ["task", "group"])
@pytest.mark.parametrize("word", ["s", "f", "sf", "ks"])
def test_an_end_reads_as_few_rows_in_a_wide_run_as_in_a_narrow_one(kind: str, word: str):
    narrow, wide = (rows_read(dag_of(width, kind), outcomes(word)) for width in (60, 240))
    assert wide < narrow * 1.2 + 4


def test_a_try_that_is_due_at_once_reads_its_own_row(monkeypatch: pytest.MonkeyPatch):
    with DAG("retries", max_active_tasks=10_000) as dag:
        m = PythonOperator.partial(task_id="m", python_callable=print, retries=1, retry_delay=timedelta(0))
        m.expand(op_args=[[index] for index in range(50)]) >> PythonOperator(task_id="e", python_callable=print)
    run = engine.start(factories.make_dag(spec=dag.to_spec(), max_active_tasks=10_000))
    monkeypatch.setattr(advance, "settle_whole", None)
    row = engine.take(engine.slot())
    assert engine.end(row, "failed").ready == {"default": 1}
    assert engine.states(run)["m[0]"] == "scheduled"


@pytest.mark.parametrize(
    ("condition", "index"), [(reach.OPEN, "task_instance_unfinished"), ("changed", "task_instance_changed")]
)
def test_what_is_unfinished_is_found_by_its_index(condition: str, index: str):
    engine.start(engine.python_dag("d", {"a": ()}))
    run = DagRun.objects.get()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(
            f"{explain} SELECT task_id FROM runs_app_taskinstance WHERE run_id = %s AND {condition} LIMIT 32", [run.pk]
        )
        assert index in str(cursor.fetchall())
