"""The DAG files that are measured."""

from __future__ import annotations

from pathlib import Path

from bench.stamps import SOURCE

CHAIN = 50
WIDE = 500
MAPPED = 10_000
DEEP = 1_000
QUICK = 10
"""With ``--quick`` the large runs are so many times smaller."""

MEASURED = """
from datetime import datetime, timedelta

from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG


def chain_of(dag, length):
    last = None
    for number in range(length):
        task = PythonOperator(task_id=f"link_{{number}}", python_callable=stamp, op_args=[f"link_{{number}}"], dag=dag)
        if last is not None:
            last >> task
        last = task


def fan(dag, width, make):
    first = PythonOperator(task_id="first", python_callable=stamp, op_args=["first"], dag=dag)
    last = PythonOperator(task_id="last", python_callable=stamp, op_args=["last"], dag=dag)
    for number in range(width):
        first >> make(f"leaf_{{number}}", dag) >> last


limits = {{"max_active_tasks": 10_000, "max_active_runs": 100}}
chain = DAG("bench_chain", schedule=None, **limits)
chain_of(chain, {chain})
one = DAG("bench_one", schedule=None, **limits)
chain_of(one, 1)
fan_of_python = DAG("bench_fan", schedule=None, **limits)
fan(
    fan_of_python,
    {wide},
    lambda name, dag: PythonOperator(task_id=name, python_callable=stamp, op_args=[name], dag=dag),
)
fan_of_nothing = DAG("bench_empty", schedule=None, **limits)
fan(fan_of_nothing, {wide}, lambda name, dag: EmptyOperator(task_id=name, dag=dag))
mapped = DAG("bench_mapped", schedule=None, **limits)
PythonOperator.partial(task_id="leaf", python_callable=stamp, dag=mapped).expand(
    op_args=[[f"leaf_{{number}}"] for number in range({mapped})]
)
deep = DAG("bench_deep", schedule=None, **limits)
chain_of(deep, {deep})
clock = DAG(
    "bench_clock",
    schedule=timedelta(seconds=1),
    start_date=datetime(2024, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    **limits,
)
chain_of(clock, 1)
"""

PLAIN = """
from datetime import datetime

from orchestrator.sdk import DAG, task

with DAG("{dag_id}", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False, description="{text}"):

    @task
    def extract():
        return [1, 2, 3]

    @task
    def transform(values):
        return sum(values)

    @task
    def load(total):
        print(total)

    load(transform(extract()))
"""


def write(path: Path, text: str) -> None:
    """Put a file in place whole, as an editor that saves safely does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.write_text(text)
    fresh.replace(path)


def write_measured(folder: Path, times: Path, quick: bool) -> None:
    smaller = QUICK if quick else 1
    sizes = {"chain": CHAIN, "wide": WIDE, "mapped": MAPPED // smaller, "deep": DEEP // smaller}
    source = SOURCE.format(path=str(times)) + MEASURED.format(**sizes)
    write(folder / "bench_dags.py", source)


def write_plain(folder: Path, count: int, text: str = "plain") -> None:
    for number in range(count):
        write(folder / f"plain_{number:03}.py", PLAIN.format(dag_id=f"plain_{number:03}", text=text))
