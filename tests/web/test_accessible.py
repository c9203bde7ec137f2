"""Every page of the table of routes, as an admin sees it: held against WCAG 2.2 AA, and against narrow screens.

A page is tested here once it stands in ``tests/access/routes.py``; dialogs are pages, too.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from runs_app.models import DagRun
from tests.access import routes
from tests.access.test_matrix import THERE, fill, world  # noqa: F401 (a fixture)
from tests.support import factories, webserver

from .test_browser import chromium, needs_chromium  # noqa: F401 (a fixture)

pytestmark = needs_chromium
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = f"{{runOnly: {TAGS}, rules: {{'target-size': {{enabled: true}}}}, resultTypes: ['violations']}}"
COLOURS = "{runOnly: ['color-contrast'], resultTypes: ['violations']}"
AXE = """async (say) => (await axe.run(document, eval(say))).violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')} ${node.any.concat(node.all).map((c) => c.message).join(' ').slice(0, 160)}`))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NO_PAGE = (".json", ".txt", "/export", "/log", "/log/find", "favicon.ico", "search")
"""What the addresses of data and of parts end with."""


def addresses(made: dict[str, Any]) -> list[str]:
    """Return the address of each page there is, with the world's ids."""
    found = []
    for route, methods in sorted(routes.PAGES.items()):
        if "get" not in methods or route.endswith(NO_PAGE) or route in routes.old_addresses.routes():
            continue
        ids = {**THERE, **made}
        found.append("/" + fill(route, {**ids, "task_id": "m", "map_index": 0} if "mapped" in route else ids))
    return found


SHOP = (
    "",
    "/graph",
    "/overview",
    "/trigger",
    "/runs/first",
    "/runs/first/tasks/checks.sums",
    "/runs/first/tasks/load/mapped",
)
"""Pages of a failed run with params, a group and mapped tasks, which the world of all routes has not."""


def axe() -> str:
    """Return the source of axe-core, as the package of its Python binding carries it."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None and spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text()


@pytest.fixture
def admin_pages(chromium: Any, transactional_db: None, redis_server: object, world: dict[str, Any]) -> Any:  # noqa: F811
    """Open contexts as an admin, without the content security policy's say over what the test itself asks."""
    client = Client()
    client.force_login(factories.make_user("admin"))
    cookie = client.cookies["sessionid"].value
    contexts: list[Any] = []
    with webserver.running(static=True) as address:

        def open_page(width: int = 1280, **options: Any) -> Any:
            context = chromium.new_context(
                base_url=address, viewport={"width": width, "height": 900}, reduced_motion="reduce", **options
            )
            contexts.append(context)
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
            page = context.new_page()
            page.set_default_timeout(15_000)
            return page

        yield open_page
        for context in contexts:
            context.close()


def test_no_page_breaks_wcag_or_scrolls_sideways(admin_pages: Any, world: dict[str, Any], shop_run: DagRun):  # noqa: F811
    source = axe()
    page = admin_pages(bypass_csp=True)
    wrong: dict[str, list[str]] = {}
    for path in (*addresses(world), *("/dags/shop" + end for end in SHOP)):
        answer = page.goto(path)
        assert answer.status < 500, path
        page.wait_for_load_state("load")
        page.evaluate(source)
        found = page.evaluate(AXE, f"({RULES})")
        page.emulate_media(color_scheme="dark")
        found += ["dark " + each for each in page.evaluate(AXE, f"({COLOURS})")]
        page.emulate_media(color_scheme="light")
        for width in (360, 640, 3840):  # a phone, a laptop zoomed to 200 %, 4K
            page.set_viewport_size({"width": width, "height": 900})
            if (over := page.evaluate(WIDER)) > 0:
                found.append(f"{over} px wider than {width}")
        page.set_viewport_size({"width": 1280, "height": 900})
        if found:
            wrong[path] = found
    assert not wrong, "\n".join(f"{path}: {each}" for path, found in wrong.items() for each in found)
