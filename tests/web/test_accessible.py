"""Every page of the table of routes, as an admin sees it: held against WCAG 2.2 AA, and against narrow screens.

A page is tested here once it stands in ``tests/access/routes.py``; dialogs are pages, too.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import resolve

from runs_app.models import DagRun
from tests.access.addresses import addresses
from tests.access.test_matrix import world  # noqa: F401 (a fixture)
from tests.support import factories, webserver

from .test_browser import chromium, needs_chromium  # noqa: F401 (a fixture)

pytestmark = needs_chromium
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = f"{{runOnly: {TAGS}, rules: {{'target-size': {{enabled: true}}}}, resultTypes: ['violations']}}"
COLOURS = "{runOnly: ['color-contrast'], resultTypes: ['violations']}"
AXE = """async (say) => (await axe.run(document, eval(say))).violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')} ${node.any.concat(node.all).map((c) => c.message).join(' ').slice(0, 160)}`))"""
CUT = """() => {
  const found = new Set(), say = (e, what) => found.add(`${what}: <${e.tagName.toLowerCase()} ${e.className && typeof e.className === 'string' ? e.className : e.id}> ${(e.textContent || e.getAttribute('aria-label') || '').trim().slice(0, 40)}`);
  const clips = (e) => { const over = getComputedStyle(e); return /auto|scroll|hidden|clip/.test(over.overflowX + over.overflowY); };
  const inSight = (e, x, y) => { for (let up = e.parentElement; up; up = up.parentElement) { if (!clips(up)) continue; const b = up.getBoundingClientRect(); if (x < b.left || x > b.right || y < b.top || y > b.bottom) return false; } return true; };
  for (const e of document.querySelectorAll('main *, header *')) {
    if (e.closest('svg, dialog, .sr, [hidden], [inert], .g-cells, .skip') || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!box.width || !box.height) continue;
    const hasText = [...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim());
    if (hasText && style.overflowX === 'hidden' && style.textOverflow !== 'ellipsis' && e.scrollWidth > e.clientWidth + 1) say(e, 'cut off');
    if (!e.matches('a[href], button, input:not([type=hidden]), select, textarea, summary')) continue;
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    if (x < 0 || y < 0 || x > innerWidth || y > innerHeight || !inSight(e, x, y)) continue;
    const top = document.elementFromPoint(x, y);
    if (top && !e.contains(top) && !top.contains(e) && top.closest('label') !== e.closest('label')) say(e, `covered by ${top.tagName.toLowerCase()}.${top.className}`);
  }
  return [...found];
}"""
"""Text that its own box cuts off without saying so, and what one would press but for something that lies over it."""
MOVES = "document.getAnimations().filter((each) => each.playState === 'running' && each.effect.getComputedTiming().duration > 50).map((each) => `moves: ${each.effect.target?.className}`)"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

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


def look(page: Any) -> list[str]:
    """Return what is wrong with the page that is open: by axe in both themes, in width, and what moves or hides."""
    found = list(page.evaluate(AXE, f"({RULES})")) + page.evaluate(MOVES)
    page.emulate_media(color_scheme="dark")
    found += ["dark " + each for each in page.evaluate(AXE, f"({COLOURS})")]
    page.emulate_media(color_scheme="light")
    for width in (360, 640, 3840):  # a phone, a laptop zoomed to 200 %, 4K
        page.set_viewport_size({"width": width, "height": 2400 if width < 1000 else 900})
        if (over := page.evaluate(WIDER)) > 0:
            found.append(f"{over} px wider than {width}")
        found += [f"at {width} {each}" for each in page.evaluate(CUT)]
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


def look_at_dialogs(page: Any, seen: set[tuple[str, ...]]) -> dict[str, list[str]]:
    """Open each dialog that the page leads to and that no page before it did."""
    wrong: dict[str, list[str]] = {}
    for link in page.locator("main a[data-dialog]:visible").all():
        address = urlsplit(link.get_attribute("href"))
        key = (str(resolve(urlsplit(urljoin(page.url, address.path)).path).route), *sorted(parse_qs(address.query)))
        if key in seen:
            continue
        seen.add(key)
        link.click()
        page.wait_for_selector("#dialog[open] form")
        found = [each for each in page.evaluate(AXE, f"({RULES})") if "#dialog" in each or "dlg" in each]
        page.emulate_media(color_scheme="dark")
        found += ["dark " + each for each in page.evaluate(AXE, f"({COLOURS})")]
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 700})
        found += page.evaluate(OUTSIDE)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.keyboard.press("Escape")
        page.wait_for_selector("#dialog[open]", state="detached")
        if found:
            wrong[f"dialog {address.path}"] = found
    return wrong


OUTSIDE = """() => { const box = document.getElementById('dialog'), at = box.getBoundingClientRect(), found = [];
  if (at.left < 0 || at.right > innerWidth || at.bottom > innerHeight) found.push(`dialog reaches ${at.left} to ${at.right}, down to ${at.bottom}`);
  for (const e of box.querySelectorAll('.body, header, footer')) if (e.scrollWidth > e.clientWidth + 1) found.push(`${e.className || e.tagName} is ${e.scrollWidth - e.clientWidth} px too wide`);
  return found; }"""
"""What of an open dialog is out of reach."""


def test_no_page_or_dialog_breaks_wcag_scrolls_sideways_or_hides_anything(
    admin_pages: Any,
    world: dict[str, Any],  # noqa: F811
    shop_run: DagRun,
):
    source = axe()
    page = admin_pages(bypass_csp=True)
    wrong: dict[str, list[str]] = {}
    seen: set[tuple[str, ...]] = set()
    for path in (*addresses(world), *("/dags/shop" + end for end in SHOP)):
        answer = page.goto(path)
        assert answer.status < 500, path
        if urlsplit(page.url).path == "/docs":
            continue  # the largest page by far, and looked at in test_api_docs
        page.wait_for_load_state("load")
        page.evaluate(source)
        wrong |= {path: found} if (found := look(page)) else {}
        wrong |= look_at_dialogs(page, seen)
    assert not wrong, "\n".join(f"{path}: {each}" for path, found in wrong.items() for each in found)
    assert len(seen) > 20


def test_what_comes_by_acting_breaks_wcag_no_more_than_pages_do(admin_pages: Any, shop_run: DagRun):
    """The message of an act with its Undo, the list of what may be undone, the bar of picked cells, the key sheet."""
    source = axe()
    page = admin_pages(bypass_csp=True)
    page.goto("/dags/shop")
    page.click("#main [role=switch]")
    page.wait_for_selector(".toast button")
    page.focus(".g-cells [tabindex='0']")
    page.keyboard.press("x")
    page.wait_for_selector("#picks >> text=1 picked")
    page.evaluate(source)
    assert look(page) == []
    page.keyboard.press("Escape")
    for key, box in (("?", "#keys"), ("Control+k", "#finder")):
        page.keyboard.press(key)
        page.wait_for_selector(f"{box}[open]")
        assert page.evaluate(AXE, f"({RULES})") == []
        page.keyboard.press("Escape")
    page.goto("/undo")
    page.wait_for_selector("#main button:has-text('Undo')")
    page.evaluate(source)
    assert look(page) == []
