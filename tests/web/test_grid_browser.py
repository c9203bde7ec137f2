"""The grid in a real browser: drawn where one looks, walked by keys, filtered by its address, live run by run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from orchestrator.core.states import TaskState
from runs_app import forecast, notify, transitions
from runs_app.models import TaskInstance
from tests.support import factories
from tests.support.forecasts import running

from .conftest import shop_spec
from .test_browser import CHROMIUM, browser, chromium, is_live  # noqa: F401  # fixtures

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


def end(instance: TaskInstance, new: TaskState) -> None:
    """End a task instance as the engine would: with its event, committed, then told."""
    with transaction.atomic():
        step = transitions.Step(instance.pk, TaskState(instance.state), new, "test")
        assert transitions.move_many(
            instance.run_id, [step], actor="user:ada", at=factories.DAY + timedelta(hours=9), by_user=True
        )
        notify.run_changed(instance.run_id, instance.dag_id)


def test_a_year_of_runs_has_cells_only_where_one_looks_and_each_is_a_link(browser: Any):  # noqa: F811
    arrows = {f"t{number:03}": () for number in range(120)}
    dag = factories.make_dag(spec=factories.make_spec("wide", arrows))
    for number in range(90):
        factories.make_run(dag, f"run {number:02}")
    page = browser()
    page.goto("/dags/wide?runs=90")
    page.wait_for_selector(".grid[aria-colcount='91']")
    cells = page.locator(".grid [data-cell]")
    assert cells.count() < 120 * 90 / 2
    newest = page.locator("[data-key='task t000'] a[data-cell]").last
    assert newest.get_attribute("href") == "/dags/wide/runs/run%2089/tasks/t000"
    page.evaluate("document.querySelector('.grid-scroll').scrollTo(0, 1e6)")
    page.wait_for_selector("[data-key='task t119'] a[data-cell]")
    page.evaluate("document.querySelector('.grid-scroll').scrollLeft = 0")
    first = page.locator("[data-key='task t119'] a[href$='/runs/run%2000/tasks/t119']")
    first.wait_for()
    assert page.locator("[data-key='task t000'] [data-cell]").count() == 0
    first.click()
    page.wait_for_url("**/runs/run%2000/tasks/t119")


def test_the_older_runs_are_asked_for_once_and_before_any_script_runs(browser: Any):  # noqa: F811
    dag = factories.make_dag(spec=factories.make_spec("long", {"a": ()}))
    for number in range(60):
        factories.make_run(dag, f"run {number:02}")
    page = browser()
    page.goto("/dags/long?runs=60&run_type=manual")
    page.wait_for_selector(".grid[aria-colcount='61']")
    asked = page.evaluate(
        """performance.getEntriesByType("resource").filter((each) => each.name.includes("skip="))
             .map((each) => [each.initiatorType, new URL(each.name).search])"""
    )
    assert asked == [["link", "?runs=60&run_type=manual&skip=50"]]


def test_arrows_walk_and_jump_and_the_focus_stays_where_it_is_when_a_run_comes(browser: Any):  # noqa: F811
    dag = factories.make_dag(spec=shop_spec())
    for number in range(3):
        factories.make_run(dag, f"run {number}")
    page = browser()
    page.goto("/dags/shop")
    is_live(page)
    page.focus(".g-cells [tabindex='0']")
    label = "document.activeElement.getAttribute('aria-label') + ' ' + document.activeElement.getAttribute('href')"
    assert page.evaluate(label).endswith("/runs/run%202/tasks/extract")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.evaluate(label).endswith("/runs/run%200/tasks/extract")
    page.keyboard.press("Shift+ArrowDown")
    assert page.evaluate(label).startswith("load, success")
    page.keyboard.press("Shift+ArrowUp")
    assert page.evaluate(label).endswith("/dags/shop/runs/run%200")
    page.keyboard.press("ArrowDown")
    with transaction.atomic():
        fresh = factories.make_run(dag, "run 3", state="running", states={"extract": "running"})
        notify.run_changed(fresh.pk, "shop")
    page.wait_for_selector(".grid[aria-colcount='5']")
    assert page.evaluate(label).endswith("/runs/run%200/tasks/extract")


def test_only_what_changed_is_fetched_and_shown(browser: Any):  # noqa: F811
    dag = factories.make_dag(spec=shop_spec())
    old = factories.make_run(dag, "old")
    factories.make_run(dag, "new")
    page = browser()
    asked: list[str] = []
    page.goto("/dags/shop")
    is_live(page)
    page.wait_for_load_state("networkidle")  # what it asks for as it gets live may tell the change already
    page.on("request", lambda request: asked.append(request.url))
    end(factories.instance_of(old, "extract"), TaskState.FAILED)
    page.wait_for_selector("[data-key='task extract'] .st-failed")
    data = [url for url in asked if "grid.json" in url]
    assert data and all("since=" in url for url in data)


def test_tasks_are_found_by_name_and_by_state_and_the_address_keeps_it(browser: Any):  # noqa: F811
    dag = factories.make_dag(spec=shop_spec())
    factories.make_run(dag, "first", state="failed", states={"checks.sums": "failed", "extract": "success"})
    page = browser()
    page.goto("/dags/shop")
    page.fill("[data-filter]", "sum")
    page.wait_for_selector("[data-key='task checks.sums']")
    assert page.is_hidden("[data-key='task extract']")
    page.fill("[data-filter]", "")
    page.click("[data-states] summary")
    page.check("[data-states] input[value=success]")
    page.wait_for_selector("[data-key='task checks.sums']", state="hidden")
    assert page.url.endswith("?task_state=success")
    page.reload()
    page.wait_for_selector("[data-key='task extract']")
    assert page.is_hidden("[data-key='task checks.sums']")


def test_a_mapped_task_opens_in_place_and_cells_tell_their_times(browser: Any):  # noqa: F811
    dag = factories.make_dag(spec=shop_spec())
    run = factories.make_run(dag, "first")
    factories.make_mapped(run, "load", 3)
    TaskInstance.objects.filter(run=run, task_id="load", map_index=2).update(rendered_map_index="oslo")
    page = browser()
    page.goto("/dags/shop")
    page.click("[data-task=load]")
    page.wait_for_selector("[data-key='instance load 2'] >> text=oslo")
    cell = page.locator("[data-key='instance load 2'] a[data-cell]")
    assert cell.get_attribute("href") == "/dags/shop/runs/first/tasks/load/mapped/2"
    cell.hover()
    page.wait_for_selector(".tip >> text=took 5.0s")
    page.click("[data-task=load]")
    page.wait_for_selector("[data-key='instance load 2']", state="detached")


def test_the_tip_over_a_running_run_says_when_it_ends(browser: Any):  # noqa: F811
    forecast.forget()
    running()
    page = browser()
    page.goto("/dags/etl")
    page.hover(".g-bar:last-child")
    page.wait_for_selector(".tip >> text=nine of ten by")


def test_filters_of_runs_are_in_the_address_and_older_runs_a_link_away(browser: Any):  # noqa: F811
    dag = factories.make_dag(spec=shop_spec())
    for number in range(8):
        factories.make_run(dag, f"run {number}", state="failed" if number == 3 else "success")
    page = browser()
    page.goto("/dags/shop?runs=5")
    page.wait_for_selector(".grid[aria-colcount='6']")
    page.click("text=Older")
    page.wait_for_url("**page=2*")
    page.wait_for_selector(".grid[aria-colcount='4']")
    page.click("summary[aria-label=State]")
    page.check(".filters input[value=failed]")
    page.wait_for_selector(".grid[aria-colcount='2']")
    assert "state=failed" in page.url
    assert "runs=5" in page.url
    page.select_option("[data-runs]", "10")
    page.wait_for_url("**runs=10*")
    page.uncheck(".filters input[value=failed]")
    page.wait_for_selector(".grid[aria-colcount='9']")
    assert "runs=10" in page.url
