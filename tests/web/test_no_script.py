"""What people do most, in a browser with JavaScript switched off: links and forms carry it all."""

from __future__ import annotations

from typing import Any

from runs_app.models import DagRun
from tests.support import factories

from .test_browser import browser, chromium, make_shop, needs_chromium

__all__ = ["browser", "chromium"]
pytestmark = needs_chromium


def test_a_run_is_triggered_from_the_form_of_its_params(browser: Any):
    make_shop()
    page = browser(java_script_enabled=False)
    page.goto("/dags/shop")
    page.click("a:has-text('Trigger')")
    page.select_option("[name='param.region']", "south")
    page.fill("[name='param.limit']", "0")
    page.click("button.main")
    assert "minimum" in page.inner_text(".wrong")
    assert page.input_value("[name='param.limit']") == "0"
    page.fill("[name='param.limit']", "5")
    page.click("button.main")
    page.wait_for_url("**/runs/manual__*")
    assert DagRun.objects.exclude(run_id="first").get().conf == {"region": "south", "limit": 5}


def test_a_run_is_triggered_at_a_date_and_with_json(browser: Any):
    make_shop()
    page = browser(java_script_enabled=False)
    page.goto("/dags/shop/trigger")
    page.check("[name=mode][value=json]", force=True)
    page.fill("[name=conf]", '{"limit": 9}')
    page.click("summary:has-text('Dates, run id, note')")
    page.check("[name=when][value=date]", force=True)
    page.fill("[name=logical_date]", "2026-05-04T03:02:01")
    page.click("button.main")
    page.wait_for_url("**/runs/manual__*")
    made = DagRun.objects.exclude(run_id="first").get()
    assert made.conf == {"limit": 9}
    assert f"{made.logical_date:%Y-%m-%d %H:%M:%S}" == "2026-05-04 03:02:01"


def test_a_failed_task_is_found_its_log_read_and_cleared(browser: Any):
    run = make_shop()
    task = factories.instance_of(run, "extract")
    factories.set_state(task, "failed")
    factories.add_log(task.attempts.get(), "the disk is full", level="error")
    factories.make_run(run.dag, "second", state="running")
    page = browser(java_script_enabled=False)
    page.goto("/dags/shop/runs")
    page.click("#main a:has-text('first')")
    page.click("#main a:has-text('extract')")
    assert "the disk is full" in page.inner_text("[role=log]")
    page.click("a:has-text('Clear')")
    assert "extract" in page.inner_text("#affected")
    page.click("button.main")
    page.wait_for_url("**/runs/first**")
    task.refresh_from_db()
    assert task.state != "failed"
    assert not page.is_visible("[data-theme-switch]")
