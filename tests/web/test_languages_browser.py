"""The pages in German in a real browser: as wide as a phone, chosen by hand, with the texts of scripts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from dags_app.models import Dag
from tests.support import factories

from .test_browser import CONTRAST, browser, chromium, make_shop, needs_chromium  # noqa: F401 (fixtures)

pytestmark = needs_chromium
WIDER = """() => [...document.querySelectorAll('main *, header *')].filter((e) => e.checkVisibility()
  && e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .tabs, pre, .code, svg, .grid, .sr')).map((e) => e.className || e.tagName)"""
PATHS = (
    *("/", "/dags", "/dag_runs", "/timeline", "/required_actions", "/pools", "/security/tokens"),
    *("/dags/shop", "/dags/shop/graph", "/dags/shop/overview?range=30d", "/dags/shop/calendar?year=2026"),
    *("/dags/shop/details", "/dags/shop/trigger", "/dags/shop/runs/first/gantt", "/dags/shop/runs/first/clear"),
    *("/dags/shop/runs/first", "/dags/shop/runs/first/tasks/extract"),
)


def test_german_pages_fit_a_phone_and_scripts_speak_german(browser: Any):  # noqa: F811
    make_shop()
    Dag.objects.update(last_parsed_at=datetime.now(UTC))
    factories.make_file("broken.py", error="NameError: " + "x" * 300)
    page = browser(360, locale="de-DE")
    for path in PATHS:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.get_attribute("html", "lang") == "de", path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, (path, page.evaluate(WIDER)[:8])
    page.goto("/dags/shop/runs/first")
    assert re.fullmatch(r"vor .+|gerade eben", page.inner_text("time[data-form=ago] >> nth=0"))


def test_a_language_is_chosen_in_the_menu_of_the_account(browser: Any):  # noqa: F811
    make_shop()
    page = browser()
    page.goto("/dags?q=shop")
    assert page.get_attribute("html", "lang") == "en"
    page.click("summary[aria-label='Your account']")
    page.click("button:text-is('Deutsch')")
    page.wait_for_selector("html[lang=de]")
    assert page.url.endswith("/dags?q=shop")
    assert page.evaluate(CONTRAST) == []
    page.keyboard.press("?")
    assert page.inner_text("#keys h2") == "Tastatur"
