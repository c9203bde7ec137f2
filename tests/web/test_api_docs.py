"""The page about the API: open to everybody, every operation on it, and what is tried there is done as the reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.test import Client

from dags_app.models import Pool
from orchestrator.api.document.build import document, operations
from orchestrator.web.schema_text import example, fields, kind
from tests.access.test_matrix import world  # noqa: F401 (a fixture)

from .test_accessible import AXE, RULES, admin_pages, axe, look  # noqa: F401 (a fixture)
from .test_browser import chromium, needs_chromium  # noqa: F401 (a fixture)

TOKEN = re.compile(r'data-csrf="(\w*)"')
FEWEST = 128
"""Operations, as many as Airflow's own document has and more."""


def test_the_page_is_open_and_gives_a_stranger_no_menu_and_no_token(client: Client):
    answer = client.get("/docs")
    text = answer.content.decode()
    assert answer.status_code == 200 and "unsafe" not in answer["Content-Security-Policy"]
    assert "/sign-in?next=/docs" in text and TOKEN.search(text)[1] == "" and 'href="/variables"' not in text
    assert text.count("<main") == 1
    assert client.get("/redoc")["Location"] == "/docs"


def test_who_is_signed_in_finds_it_in_the_menu(client_of: Callable[[str], Client]):
    client = client_of("viewer")
    assert 'href="/docs"' in client.get("/dags").content.decode()
    text = client.get("/docs").content.decode()
    assert TOKEN.search(text)[1] and text.count("<main") == 1


def test_every_operation_parameter_and_schema_of_the_document_is_on_it(client: Client):
    text = client.get("/docs").content.decode()
    made = document()
    names = [each.name for each in operations()]
    assert len(names) >= FEWEST and all(f'id="{name}"' in text for name in names)
    asked = sum(len(each["parameters"]) for methods in made["paths"].values() for each in methods.values())
    assert text.count("data-in=") == asked
    named = set(re.findall(r'href="#schema-(\w+)"', text))
    assert named and named <= set(re.findall(r'id="schema-(\w+)"', text)) == set(made["components"]["schemas"])


def test_a_filter_works_without_a_script(client: Client):
    text = client.get("/docs?q=pools/+DELETE").content.decode()
    shown = re.findall(r'<details class="op" data-text="([^"]*)" >', text)
    assert [each.split()[2] for each in shown] == ["delete_pool"]


def test_a_body_begins_with_what_is_required_and_says_every_field():
    one = {"type": "object", "properties": {"key": {"type": "string"}, "note": {"type": "string"}}, "required": ["key"]}
    many = {"type": "object", "properties": {"all": {"type": "array", "items": one}}, "required": ["all"]}
    assert example(many, {}) == {"all": [{"key": ""}]}
    assert [(row.name, row.required) for row in fields(many, {})] == [
        ("all", True),
        ("all[].key", True),
        ("all[].note", False),
    ]
    assert kind({"anyOf": [{"type": "string"}, {"type": "null"}]}) == "string or null"
    assert kind({"enum": ["<b>"]}) == "<code>&quot;&lt;b&gt;&quot;</code>"


@needs_chromium
def test_an_operation_is_found_and_what_is_tried_is_done_as_the_reader(admin_pages: Any, world: dict[str, Any]):  # noqa: F811
    from playwright.sync_api import expect

    page, said = admin_pages(bypass_csp=False), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/docs")
    page.locator(".filters [type=search]").fill("delete_pool")
    expect(page.locator(".op:visible")).to_have_count(1)
    page.locator(".op:visible summary").click()
    expect(page.locator(".folders a:visible")).to_have_count(1)
    one = page.locator("#delete_pool")
    one.locator("[name=pool_name]").fill("p")
    one.locator(".btn.main").click()
    expect(one.locator(".said")).to_contain_text("204")
    assert not Pool.objects.filter(pk="p").exists()
    assert "-X DELETE" in one.locator(".curl").inner_text() and said == []
    one.locator(".btn.main").click()
    expect(one.locator(".said")).to_contain_text("404")
    expect(one.locator(".answer")).to_contain_text("detail")
    one.locator(".answers a").first.click()
    expect(page.locator("#schema-HTTPExceptionResponse table")).to_be_visible()
    page.locator("[data-token]").fill("none-that-is-good")
    one.locator(".btn.main").click()
    expect(one.locator(".said")).to_contain_text("401")


@needs_chromium
def test_open_operations_break_no_wcag_and_fit_a_phone(admin_pages: Any):  # noqa: F811
    page = admin_pages(bypass_csp=True)
    page.goto("/docs?q=dag_runs")
    page.wait_for_selector(".op:visible")
    page.evaluate("document.querySelectorAll('.op:not([hidden])').forEach((each) => (each.open = true))")
    one = page.locator("#get_dag_runs")
    one.locator("[name=dag_id]").fill("~")
    one.locator(".btn.main").click()
    one.locator(".answer:has-text('total_entries')").wait_for()
    page.evaluate("scrollTo(0, 0)")  # a field under the bar that stays would count as hidden
    page.evaluate(axe())
    assert look(page) == []
