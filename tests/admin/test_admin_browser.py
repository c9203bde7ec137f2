"""The admin in a real browser: nothing of it is stopped by the content security policy, and its actions work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from runs_app.models import DagRun
from tests.support import factories, webserver

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def run(transactional_db) -> DagRun:
    dag = factories.make_dag("alpha", tags=("red",))
    return factories.make_run(dag, "r1", state="running", states={"a": "running"})


@pytest.fixture
def page(run, redis_server) -> Iterator[Any]:
    """A page of a browser that is signed in as an admin; it keeps what the policy stopped in ``stopped``.

    Rows are made before it starts: Playwright's loop runs in this thread, and Django's ORM keeps out of loops.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    client = Client()
    client.force_login(factories.make_user("admin"))
    cookie = client.cookies["sessionid"].value
    with webserver.running(static=True) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(base_url=address, viewport={"width": 1300, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
        opened = context.new_page()
        opened.stopped = []
        opened.on("console", lambda message: opened.stopped.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: opened.stopped.append(str(error)))
        yield opened
        browser.close()


def test_the_policy_stops_nothing_and_actions_work(run, page):
    for path in (
        *("/admin/", "/admin/dags_app/dag/", "/admin/runs_app/dagrun/", "/admin/runs_app/taskinstance/?state=running"),
        *(f"/admin/runs_app/dagrun/{run.pk}/change/", "/admin/dags_app/connection/add/", "/admin/auth/user/add/"),
        *("/admin/auth/user/", "/admin/dags_app/auditentry/"),
    ):
        page.goto(path)
        assert page.locator("#site-name, #header").first.is_visible()
    page.goto("/admin/runs_app/dagrun/")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("mark_failed")
    page.locator("button[name=index]").click()
    page.get_by_role("button", name="Yes, I am sure").click()
    page.locator(".messagelist .success").wait_for()
    assert page.locator(".field-state").all_inner_texts() == ["failed"]
    page.get_by_role("link", name="tasks").first.click()
    page.wait_for_url("**/dags/alpha/runs/r1")
    assert page.stopped == []
