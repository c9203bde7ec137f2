"""Undo as people do it in a browser, and cells of the grid that are acted on at once and undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dags_app.models import Dag
from runs_app.models import DagRun, TaskInstance
from tests.support import factories

from .conftest import shop_spec
from .test_browser import browser, chromium, is_live, needs_chromium

__all__ = ["browser", "chromium"]
pytestmark = needs_chromium


def states() -> list[tuple[str, str]]:
    return list(TaskInstance.objects.order_by("pk").values_list("task_id", "state"))


def make_days(count: int = 4) -> Dag:
    """A DAG whose runs of the last days failed in one task."""
    dag = factories.make_dag(spec=shop_spec())
    for day in range(count):
        at = factories.DAY + timedelta(days=day)
        factories.make_run(
            dag, f"day {day}", logical_date=at, run_after=at, state="failed", states={"checks.sums": "failed"}
        )
    return dag


def test_a_clear_is_undone_by_the_button_of_its_message(browser: Any):
    make_days(1)
    before = states()
    page = browser()
    page.goto("/dags/shop/runs/day 0")
    is_live(page)
    page.click("#main a:has-text('Clear')")
    page.wait_for_selector("dialog #affected >> text=3")
    page.click("dialog button.main")
    page.wait_for_selector(".toast >> text=they run again")
    assert states() != before
    page.click(".toast button:has-text('Undo')")
    page.wait_for_selector(".toast >> text=Undone: Cleared")
    assert states() == before
    page.wait_for_selector("#tasks .st-failed, #main >> text=failed")
    assert page.locator(".toast button").count() == 0


def test_a_triggered_run_is_undone_from_its_own_page_which_is_left(browser: Any):
    dag = make_days(1)
    page = browser()
    page.goto("/dags/shop")
    page.keyboard.press("t")
    page.click("dialog button.main")
    page.wait_for_url("**/runs/manual__*")
    page.click(".toast button:has-text('Undo')")
    page.wait_for_url("**/dags/shop")
    page.wait_for_selector(".toast >> text=Undone: Triggered shop")
    assert dag.runs.count() == 1


def test_without_a_script_the_message_is_a_form(browser: Any):
    make_days(1)
    before = states()
    page = browser(java_script_enabled=False)
    page.goto("/dags/shop/runs/day 0/clear")
    page.click("button.main")
    page.click(".toast button:has-text('Undo')")
    page.wait_for_selector(".toast >> text=Undone: Cleared")
    assert states() == before


def test_cells_are_picked_with_clicks_cleared_at_once_and_put_back(browser: Any):
    make_days()
    before = states()
    page = browser()
    page.goto("/dags/shop")
    cell = "[data-key='task {}'] a[href*='day%20{}']".format
    page.click(cell("extract", 1), modifiers=["Control"])
    page.click(cell("checks.sums", 2), modifiers=["Shift"])
    page.wait_for_selector("#picks >> text=4 picked")
    page.click(cell("checks.sums", 2), modifiers=["Control"])
    page.wait_for_selector("#picks >> text=3 picked")
    assert page.url.endswith("/dags/shop")
    page.click("#picks button:has-text('Clear')")
    page.wait_for_selector("dialog >> text=Clear 3 task instances")
    page.check("dialog [name=downstream]")
    page.wait_for_selector("dialog #affected b:has-text('6')")
    page.click("dialog button.main")
    page.wait_for_selector(".toast >> text=6 task instances cleared")
    page.wait_for_selector("#picks", state="hidden")
    assert set(DagRun.objects.filter(run_id__in=["day 1", "day 2"]).values_list("state", flat=True)) != {"failed"}
    page.click(".toast button:has-text('Undo')")
    page.wait_for_selector(".toast >> text=Undone: 6 task instances cleared")
    assert states() == before


def test_cells_are_picked_by_keys_and_by_a_drag(browser: Any):
    make_days()
    page = browser()
    page.goto("/dags/shop")
    page.focus(".g-cells [tabindex='0']")
    page.keyboard.press("x")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+X")
    page.wait_for_selector("#picks >> text=2 picked")
    assert page.locator(".grid [aria-selected=true]").count() == 2
    page.keyboard.press("Escape")
    page.wait_for_selector("#picks", state="hidden")
    cell = "[data-key='task {}'] a[href*='day%20{}']".format
    page.hover(cell("extract", 0))
    page.mouse.down()
    page.hover(cell("extract", 1))
    page.hover(cell("load", 2))
    page.mouse.up()
    page.wait_for_selector("#picks >> text=9 picked")
    assert page.url.endswith("/dags/shop")
    page.click(cell("extract", 0))
    page.wait_for_url("**/runs/day%200/tasks/extract**")
