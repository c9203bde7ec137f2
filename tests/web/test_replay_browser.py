"""The replay of a run in a real browser: dragged, stepped and played."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from dags_app.models import Pool
from tests.runs_app.engine import end, python_dag, seconds, slot, start, take

from .test_browser import browser, chromium, needs_chromium  # noqa: F401  # fixtures

pytestmark = needs_chromium
NOW = timezone.now() - timedelta(hours=1)


def make_run() -> None:
    """A run of a, then b: each waited 20 s and ran 40 s."""
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    start(python_dag("etl", {"a": (), "b": ("a",)}), now=NOW, run_id="r")
    claimer = slot()
    for at in (20, 80):
        end(take(claimer, NOW + seconds(at)), "success", now=NOW + seconds(at + 40))


def state(page: Any, task_id: str, wanted: str) -> None:
    page.wait_for_selector(f"#task-{task_id} .state:has(.st-{wanted})")


def test_the_slider_shows_the_moment_and_leaves_its_address(browser: Any):  # noqa: F811
    make_run()
    page = browser()
    page.goto("/dags/etl/runs/r/replay")
    state(page, "b", "success")
    slider = page.locator("input[type=range]")
    slider.evaluate("(own) => { own.value = '30'; own.dispatchEvent(new Event('input', { bubbles: true })); }")
    state(page, "a", "running")
    state(page, "b", "none")
    assert "at=30" in page.url
    page.click("[title='The next change']")
    state(page, "a", "success")
    assert float(slider.input_value()) == 60
    page.reload()
    state(page, "b", "scheduled")


def test_it_plays_sixty_times_as_fast_and_stops_at_the_end(browser: Any):  # noqa: F811
    make_run()
    page = browser()
    page.goto("/dags/etl/runs/r/replay?at=0")
    assert page.locator("select[name=speed]").input_value() == "60"
    page.select_option("select[name=speed]", "10")
    page.click("[data-play]")
    state(page, "a", "running")
    page.click("[data-play]:has-text('Pause')")
    stopped = float(page.locator("input[type=range]").input_value())
    assert 0 < stopped < 120
    page.select_option("select[name=speed]", "600")
    page.click("[data-play]:has-text('Play')")
    state(page, "b", "success")
    page.wait_for_selector("[data-play]:has-text('Play')")
    assert float(page.locator("input[type=range]").input_value()) == 120


def test_without_a_script_the_form_leads_to_the_moment(browser: Any):  # noqa: F811
    make_run()
    page = browser(java_script_enabled=False)
    page.goto("/dags/etl/runs/r/replay?at=30")
    state(page, "a", "running")
    assert not page.locator("[data-play]").is_visible()
    page.click("[title='The next change']")
    state(page, "b", "scheduled")
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    page.click("noscript .btn")
    state(page, "a", "scheduled")
