"""What people do every day, in a real browser, against one installation with its own workers, mail and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import mailbox
from tests.support.servers import wait_for
from tests.support.standalone import Standalone

from .dag_files import FILES
from .test_journey import CHROMIUM, OPTIONS, playwright, put

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def mails() -> Iterator[mailbox.Mailbox]:
    with mailbox.running() as made:
        yield made


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, mails: mailbox.Mailbox) -> Iterator[Standalone]:
    made = Standalone(
        tmp_path_factory.mktemp("flows"),
        ORCHESTRATOR_SMTP_URL=f"smtp://127.0.0.1:{mails.server_address[1]}/?from=alerts@example.org",
    )
    made.environment["ORCHESTRATOR_BASE_URL"] = made.url
    for name, text in FILES.items():
        put(made, text, name)
    try:
        made.start().wait_until_healthy()
        made.wait_for_dags("takings", "order", "ask", "nightly")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(installation: Standalone, chromium: Any) -> Any:
    """The cookies of somebody who has signed in."""
    context = chromium.new_context(base_url=installation.url)
    page = context.new_page()
    page.goto("/dags")
    sign_in(page, installation)
    page.wait_for_url("**/dags")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def browser(installation: Standalone, chromium: Any, signed_in: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages; an error of a script or of the policy in one of them fails the test."""
    wrong: list[str] = []
    contexts: list[Any] = []

    def open_page(**options: Any) -> Any:
        options = {"storage_state": signed_in, "viewport": {"width": 1280, "height": 800}} | options
        contexts.append(chromium.new_context(base_url=installation.url, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A refused form (422) is what its test asks for; the browser still calls it an error.
    assert [each for each in wrong if "422" not in each and "WebSocket" not in each] == []


def sign_in(page: Any, installation: Standalone) -> None:
    page.fill("input[name=username]", installation.user)
    page.fill("input[name=password]", installation.password)
    page.press("input[name=password]", "Enter")


def test_a_failure_is_followed_from_its_mail_to_its_reason_mended_and_watched_passing(installation, mails, browser):
    run_id = installation.trigger("takings")
    assert installation.wait_for_run("takings", run_id) == "failed"
    wait_for(lambda: mails.mails, 20, "the mail about the failure")
    ((recipients, mail),) = mails.mails
    assert recipients == ["team@example.org"] and "takings.add_up" in mail["Subject"]
    link = re.search(r"^Log: (\S+)", mail.get_content(), re.MULTILINE)
    assert link is not None

    page = browser(storage_state=None)
    page.goto(link[1])
    sign_in(page, installation)
    page.wait_for_url("**/tasks/add_up?try_number=1")
    page.wait_for_selector(".ln.l-error >> text=KeyError")
    assert "'sum'" in page.inner_text(".note.bad")
    assert "orchestrator/" not in page.inner_text(".ln.l-error"), "frames of ours stand above the author's"
    page.click("nav.tabs >> text=Code")
    page.wait_for_selector('text=found["sum"]')
    page.wait_for_load_state()  # before its scripts run, a click on Clear leads to a page in place of a dialog

    put(installation, FILES["takings.py"].replace('found["sum"]', 'found["total"]'), "takings.py")
    wait_for(
        lambda: 'found["total"]' in installation.get("/api/v2/dagSources/takings")["content"], 20, "the new version"
    )
    page.click("#main a:has-text('Clear')")
    page.click("dialog >> text=latest version")
    page.wait_for_selector("dialog #affected b:has-text('2')")
    page.click("dialog button.main")
    page.wait_for_selector("#head >> text=success")
    page.click("nav.crumbs >> nth=0 >> a >> nth=-1")
    page.wait_for_selector("#task-publish >> text=success")


def test_links_of_version_2_lead_to_the_log_the_run_and_the_question_whether_to_mark(installation, browser):
    run_id = installation.trigger("takings", run_id="old:link+1")
    installation.wait_for_run("takings", run_id)
    page, run = browser(), quote(run_id, safe="")
    page.goto(f"/dags/takings/grid?dag_run_id={run}&task_id=publish&base_date=2026-01-01T00%3A00%3A00%2B0000&tab=logs")
    page.wait_for_selector("[role=log] >> text=published 12")
    page.goto(f"/log?dag_id=takings&task_id=publish&map_index=-1&run_id={run}")
    page.wait_for_selector("[role=log] >> text=published 12")
    page.goto(f"/confirm?task_id=publish&dag_id=takings&dag_run_id={run}&upstream=false&downstream=false&state=failed")
    page.click("button.main")
    page.wait_for_selector(".toast >> text=Marked 1 task instance as failed")


def test_a_form_with_every_control_keeps_what_was_typed_and_makes_the_run_that_was_meant(installation, browser):
    page = browser()
    page.goto("/dags/order")
    page.click("a:has-text('Trigger')")
    field = "dialog [name='param.{}']".format
    page.select_option(field("region"), label="The South")
    page.select_option(field("shops"), ["b", "c"])
    typed = {"amount": "99", "weight": "2.5", "day": "2026-02-03", "at": "2026-02-03T04:05:06", "hour": "11:12:13"}
    typed |= {"wait": "PT2H", "lines": "one\ntwo", "numbers": "[2, 3]", "options": '{"b": [2]}', "either": "7"}
    typed |= {"remark": "two\nlines", "token": "hush", "name": "Bo"}
    for name, text in typed.items():
        page.fill(field(name), text)
    page.check(field("express"))
    page.click("dialog button.main")
    page.wait_for_selector("dialog .wrong:has-text('maximum')")
    assert {name: page.input_value(field(name)) for name in typed} == typed
    assert page.is_checked(field("express"))
    page.fill(field("amount"), "4")
    page.click("dialog button.main")
    page.wait_for_url("**/dags/order/runs/manual__*")
    page.wait_for_selector("#task-place >> text=success")
    run_id = page.inner_text("#head .facts .mono")
    conf = installation.get(f"/api/v2/dags/order/dagRuns/{quote(run_id, safe='')}")["conf"]
    assert conf == {
        **{"region": "south", "amount": 4, "weight": 2.5, "day": "2026-02-03", "at": "2026-02-03T04:05:06+00:00"},
        **{"hour": "11:12:13", "wait": "PT2H", "express": True, "shops": ["b", "c"], "lines": ["one", "two"]},
        **{"numbers": [2, 3], "options": {"b": [2]}, "either": 7, "remark": "two\nlines", "token": "hush"},
        **{"name": "Bo", "kind": "order"},
    }


def test_a_required_action_is_found_answered_and_the_run_goes_on(installation, browser):
    run_id = installation.trigger("ask")
    page = browser()
    page.goto("/")
    page.click("a:has-text('required action') >> visible=true")
    page.click("a:has-text('Release it?')")
    page.click("button:has-text('Approve')")
    page.wait_for_selector(".wrong, .note.bad")
    page.fill("[name='param.reason']", "tested")
    page.click("button:has-text('Approve')")
    page.wait_for_selector("#main >> text=tested")
    assert installation.wait_for_run("ask", run_id) == "success"
    page.goto("/required_actions?answered=yes")
    page.wait_for_selector("#rows tr:has-text('Release it?') >> text=Approve")


def test_a_month_is_backfilled_from_its_plan_to_its_last_run(installation, browser):
    page = browser()
    page.goto("/dags/nightly")
    page.click("a:has-text('Trigger')")
    page.click("dialog >> text=Backfill")
    page.fill("dialog [name=from_date]", "2026-03-01T00:00:00")
    page.fill("dialog [name=to_date]", "2026-03-31T00:00:00")
    page.press("dialog [name=to_date]", "Tab")
    page.wait_for_selector("dialog #affected:has-text('31 new')")
    page.click("dialog button.main")
    page.wait_for_url("**/dags/nightly/backfills")
    page.wait_for_selector("#backfills tr:has-text('31 of 31') >> text=success", timeout=60_000)
    runs = installation.get("/api/v2/dags/nightly/dagRuns?run_type=backfill&state=success&limit=100")
    assert runs["total_entries"] == 31


def test_a_run_is_compared_with_yesterdays(installation, browser):
    path = "/api/v2/dags/nightly/dagRuns"
    for day, rows in ((2, 10), (3, 500)):
        body = {"dag_run_id": f"day-{day}", "logical_date": f"2026-05-0{day}T00:00:00Z", "conf": {"rows": rows}}
        installation.call("POST", path, body)
        installation.wait_for_run("nightly", f"day-{day}")
    page = browser()
    page.goto("/dags/nightly/runs/day-3")
    page.click("nav.tabs >> text=Compare")
    assert page.input_value("select[name=with]") == "day-2"
    table = page.inner_text("#compare table")
    assert "500" in table and "counted 10" in table and "counted 500" in table


def test_a_clear_is_undone_while_nothing_of_it_has_begun(installation, browser):
    run_id = installation.trigger("nightly", run_id="clear-me")
    assert installation.wait_for_run("nightly", run_id) == "success"
    page = browser()
    page.goto("/dags/nightly")
    page.click("#main [role=switch]")
    page.wait_for_selector("#main [role=switch][aria-checked=false]")
    page.goto("/dags/nightly/runs/clear-me")
    page.click("#main a:has-text('Clear')")
    page.click("dialog button.main")
    page.wait_for_selector("#head >> text=Why it has not started")
    page.click(".toast button:has-text('Undo')")
    page.wait_for_selector(".toast >> text=Undone: Cleared")
    page.wait_for_selector("#task-count >> text=success")
    assert installation.run_state("nightly", run_id) == "success"
    page.goto("/dags/nightly")
    page.click("#main [role=switch]")
    page.wait_for_selector("#main [role=switch][aria-checked=true]")


def test_without_javascript_a_run_is_triggered_its_log_read_and_cleared(installation, browser):
    page = browser(java_script_enabled=False)
    page.goto("/dags/order")
    page.click("a:has-text('Trigger')")
    page.fill("[name='param.amount']", "0")
    page.click("button.main")
    assert page.input_value("[name='param.amount']") == "0"
    page.fill("[name='param.amount']", "5")
    page.click("button.main")
    page.wait_for_url("**/runs/manual__*")
    address = page.url
    run_id = page.inner_text("#head .facts .mono")
    assert installation.wait_for_run("order", run_id) == "success"
    page.reload()
    page.click("#main a:has-text('place')")
    assert "placed 5 for north" in page.inner_text("[role=log]")
    page.click("#main a:has-text('Clear')")
    page.click("button.main")
    page.wait_for_selector("text=they run again")
    assert installation.wait_for_run("order", run_id) == "success"
    page.goto(address + "/tasks/place")
    assert "2" in page.inner_text("#head .facts") and "placed 5 for north" in page.inner_text("[role=log]")


def test_nothing_of_it_wrote_a_traceback_of_ours(installation):
    assert "Traceback" not in installation.log()
