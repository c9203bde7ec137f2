"""The examples, as a newcomer runs them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator import compat
from orchestrator.core.due import next_run
from orchestrator.runtime.client import ForkServer
from orchestrator.runtime.loader import load
from orchestrator.runtime.local import Result, run_dag

FOLDER = Path(__file__).parents[2] / "examples" / "dags"
FILES = sorted(path.name for path in FOLDER.glob("*.py"))
NEVER_ALONE = {"nothing_to_do", "mail", "how", "bike", "each_shop.each_order.pack", "each_shop.each_order.post"}
"""Tasks that are there to be skipped, or wait for somebody to say yes."""


def run(file: str, **options: Any) -> Result:
    compat.install()
    (dag,) = load(str(FOLDER), file).values()
    return run_dag(dag, say=lambda line: None, **options)


def answers(what: str, args: dict[str, Any]) -> Any:
    """What a server would answer: another DAG was started, and has ended well."""
    if what == "trigger_dag":
        return {"run_id": f"run of {args['dag_id']}"}
    return {"dag_runs_count": 1, "run_state": "success"}.get(what)


@pytest.fixture(scope="module")
def server():
    made = ForkServer()
    yield made
    made.close()


@pytest.mark.parametrize("file", FILES)
def test_an_example_is_one_dag_of_the_files_name_with_words_and_tags(server: ForkServer, file: str):
    found = server.parse(str(FOLDER), file, timeout=20, memory_bytes=1 << 30)
    assert found.errors == []
    (dag,) = found.dags
    assert dag["dag_id"] == file.removesuffix(".py")
    assert dag["tags"]


@pytest.mark.parametrize("file", FILES)
def test_an_example_runs_to_success(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORCHESTRATOR_TASK_OUTPUT", str(tmp_path))
    found = run(file, provider=answers)
    assert found.succeeded, found.reasons
    skipped = {task_id for (task_id, _), state in found.states.items() if state == "skipped"}
    assert skipped <= NEVER_ALONE | {"stay_in"}


@pytest.mark.parametrize(("weather", "way"), [("sunny", "go_for_a_walk"), ("rainy", "stay_in"), ("windy", "stay_in")])
def test_the_weather_decides_the_way(weather: str, way: str):
    states = run("choose_a_path.py", conf={"weather": weather}).states
    assert [task for task in ("go_for_a_walk", "stay_in") if states[task, -1] == "success"] == [way]
    assert states["write_diary", -1] == "success"


def test_what_a_user_enters_is_no_part_of_a_command():
    words = "one two $(exit 7) ; exit 7"
    found = run("shell_commands.py", conf={"words": words})
    assert found.succeeded
    assert found.xcoms["count_words", -1, "return_value"] == str(len(words.split()))


def test_the_shaky_service_is_called_three_times():
    found = run("try_again.py")
    assert found.xcoms["call_a_shaky_service", -1, "return_value"] == "Hello?"


def test_the_whole_is_tried_again_from_its_beginning():
    found = run("try_the_whole_again.py")
    assert found.xcoms["deliver.check", -1, "return_value"] == "2 lines are good"
    assert [task for task, *_ in found.order].count("deliver.count") == 2


def test_the_sales_report_leaves_a_database_and_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_VAR_SALES_REPORT_FOLDER", str(tmp_path))
    for _ in range(2):  # running again replaces what was there
        assert run("sales_report.py").succeeded
        with closing(sqlite3.connect(tmp_path / "sales_report" / "sales.db")) as database:
            rows = database.execute("SELECT region, month, value FROM revenue").fetchall()
        assert len(rows) == 4 * 3
    with (FOLDER / "data" / "sales.csv").open() as file:
        orders = [line.strip().split(",") for line in file][1:]
    whole = sum(
        int(quantity) * float(price)
        for _, date, region, _, quantity, price in orders
        if region and int(quantity) > 0 and price != "n/a" and "-13-" not in date
    )
    assert sum(value for _, _, value in rows) == pytest.approx(whole, abs=0.1)
    page = (tmp_path / "sales_report" / "report.html").read_text()
    assert page.count("<rect") == 12 and "espresso beans" in page


def test_the_week_has_seven_runs_and_no_more():
    compat.install()
    (dag,) = load(str(FOLDER), "catch_up_a_week.py").values()
    spec, last, days = dag.to_spec(), None, []
    while (found := next_run(spec, last=last, now=datetime.now(UTC))) is not None:
        days.append(f"{found.logical_date:%a}")
        last = found.interval
    assert days == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
