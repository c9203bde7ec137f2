"""Assets and connections in a real browser: the lineage is drawn, live and leads on; a test keeps what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from dags_app.models import Asset, Dag
from orchestrator.sdk import Asset as Named
from runs_app import notify
from runs_app.models import DagRun
from tests.runs_app.test_assets import make
from tests.support import factories, webserver

from .test_browser import chromium, is_live, pytestmark

__all__ = ["chromium", "pytestmark"]


@pytest.fixture(scope="module")
def server(django_db_setup: None, redis_server: object) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
        with webserver.running(static=True) as address:
            yield address


@pytest.fixture
def site(chromium: Any, server: str, transactional_db: None) -> Iterator[Any]:
    """A page of an operator; whatever goes wrong in it fails the test."""
    client = Client()
    client.force_login(factories.make_user("op"))
    wrong: list[str] = []
    context = chromium.new_context(base_url=server, viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert [each for each in wrong if "422" not in each] == []


def test_the_lineage_is_drawn_follows_states_and_leads_on(site: Any):
    orders = Named("orders")
    make("load", outlets=[orders])
    make("report", schedule=orders, inlets=[orders])
    run = factories.make_run(Dag.objects.get(pk="load"), "r", state="running", states={})
    pk = Asset.objects.get().pk
    site.goto(f"/assets/{pk}")
    state = site.locator("[data-id='dag:load']")
    state.wait_for()
    assert state.get_attribute("data-state") == "running"
    assert "no event yet" in site.locator(f"[data-id='asset:{pk}']").text_content()
    is_live(site)
    with transaction.atomic():
        DagRun.objects.filter(pk=run.pk).update(state="failed", ended_at=run.run_after)
        notify.run_changed(run.pk, "load")
    site.wait_for_selector("[data-id='dag:load'][data-state='failed']")
    site.select_option("[name=dependencies]", "data")
    site.wait_for_selector("[data-id='task:load:t']")
    site.wait_for_url("**?dependencies=data")
    site.select_option("[name=dependencies]", "scheduling")
    site.locator("a:has([data-id='dag:report'])").click()
    site.wait_for_url("**/dags/report")


def test_the_graph_of_the_list_follows_its_filters(site: Any):
    for name in ("orders", "prices"):
        make(f"load_{name}", outlets=[Named(name)])
    site.goto("/assets?view=graph")
    site.locator("[data-id='dag:load_prices']").wait_for()
    site.fill("[name=name_pattern]", "ord")
    site.locator("[data-id='dag:load_prices']").wait_for(state="detached")
    assert site.locator("[data-id='dag:load_orders']").count() == 1
    site.locator("#chips .chip").wait_for()
    assert "name_pattern=ord" in site.url and "view=graph" in site.url


def test_who_writes_while_the_fields_of_another_type_come_writes_on(site: Any):
    held: list[Any] = []
    site.goto("/connections")
    site.click("a[href='/connections/add']")
    site.locator("[name=conn_type]").wait_for()
    site.route("**/connections/add?type=*", lambda route: held.append(route))
    site.fill("[name=conn_type]", "postgres")
    with site.expect_request("**/connections/add?type=*"):
        site.focus("[name=password]")
    site.keyboard.type("hun22")
    site.keyboard.press("ArrowLeft")
    site.keyboard.press("ArrowLeft")
    old = site.locator("[name=password]").element_handle()
    with site.expect_response("**/connections/add?type=*"):
        held.pop().continue_()
    site.wait_for_function("field => !field.isConnected", arg=old)
    site.keyboard.type("ter")
    assert site.input_value("[name=password]") == "hunter22"


def test_a_test_from_the_form_keeps_what_was_typed_and_enter_still_saves(site: Any):
    site.goto("/connections")
    site.click("a[href='/connections/add']")
    site.fill("[name=conn_id]", "c")
    site.fill("[name=conn_type]", "postgres")
    site.fill("[name=host]", "127.0.0.1")
    site.fill("[name=port]", "1")
    site.fill("[name=password]", "hunter22")
    site.click("[data-try]")
    site.wait_for_selector("#tested .note.bad")
    assert "does not answer" in site.locator("#tested").text_content()
    assert site.input_value("[name=password]") == "hunter22"
    site.press("[name=host]", "Enter")
    site.wait_for_selector("dialog:not([open])", state="attached")
    site.wait_for_selector("a[href='/connections/c/uses']")
    site.click("a[href='/connections/c/test']")
    site.click("dialog button.main")
    site.wait_for_selector("dialog .note.bad")
