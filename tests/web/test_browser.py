"""The pages in a real browser: what scripts do on them, and that nobody's text can."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from dags_app.models import Dag
from orchestrator.core.states import TaskState
from orchestrator.operators.bash import BashOperator
from orchestrator.sdk import DAG, Label, Param, TaskGroup
from runs_app import notify
from runs_app.models import DagRun, StateEvent
from tests.support import factories, webserver

from .conftest import shop_spec

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
pytestmark = needs_chromium
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests; each opens pages in contexts of its own."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's own loop runs in this thread; that is no reason to keep the tests from their database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture
def browser(chromium: Any, transactional_db: None, redis_server: object) -> Iterator[Any]:
    """Opens pages signed in as a user; whatever goes wrong in one of them fails the test."""
    client = Client()
    client.force_login(factories.make_user("user"))
    cookie = client.cookies["sessionid"].value
    wrong: list[str] = []
    contexts: list[Any] = []
    with webserver.running(static=True) as address:

        def open_page(width: int = 1280, **options: Any) -> Any:
            context = chromium.new_context(
                base_url=address, viewport={"width": width, "height": 800}, timezone_id="Asia/Tokyo", **options
            )
            contexts.append(context)
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            return page

        yield open_page
        for context in contexts:
            context.close()
    # A refused form (422) is what its test asks for; the browser still calls it an error.
    assert [each for each in wrong if "422" not in each] == []


def is_live(page: Any) -> None:
    page.wait_for_selector("#live[data-on=true]")


def change(run: DagRun, task_id: str, state: str) -> None:
    """Move a task instance as the engine would: committed, then told."""
    with transaction.atomic():
        factories.set_state(factories.instance_of(run, task_id), state)
        notify.run_changed(run.pk, run.dag_id)


def make_shop() -> DagRun:
    dag = factories.make_dag(spec=shop_spec(), tags=("sales",))
    run = factories.make_run(dag, "first", state="running", states={"extract": "running"})
    factories.make_attempt(factories.instance_of(run, "extract"), lines=("hello",))
    return run


EVIL = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>\"'`{{7*7}}</textarea></script>"


def make_evil() -> None:
    """Text that would run wherever it was taken for HTML, in every place people and tasks can write to."""
    params = {"p": Param("a", type="string", title=EVIL, description=EVIL, section=EVIL), "q": Param(EVIL, enum=[EVIL])}
    with DAG("evil", params=params, doc_md=f"{EVIL}\n[x](javascript:window.pwned=1)", description=EVIL) as dag:
        first = BashOperator(task_id="a", bash_command="true", doc_md=EVIL, task_display_name=EVIL)
        with TaskGroup("g", tooltip=EVIL):
            second = BashOperator(task_id="b", bash_command="true")
        first >> Label(EVIL) >> second
    made = factories.make_dag(
        spec=dag.to_spec(), source=EVIL, tags=(EVIL[:100],), owners=[EVIL], display_name=EVIL, timetable_summary=EVIL
    )
    run = factories.make_run(made, "run " + EVIL.replace("/", "|"), state="failed", note=EVIL, conf={"p": EVIL})
    instance = factories.instance_of(run, "a")
    factories.set_state(instance, "failed", hostname=EVIL[:200], rendered_map_index=EVIL[:200], note=EVIL)
    factories.make_attempt(instance, lines=(EVIL, "::group::" + EVIL, EVIL, "\x1b[31m" + EVIL), reason=EVIL)
    factories.make_xcom(instance, {EVIL: [EVIL]}, key=EVIL[:500])
    factories.make_rendered(instance, bash_command=EVIL, env={EVIL: EVIL})
    StateEvent.objects.create(
        run=run, task_instance=instance, old="running", new="failed", actor=EVIL[:200], reason=EVIL, at=factories.DAY
    )
    factories.make_file(EVIL.replace("/", "|"), error=EVIL)


SHOWN = "document.body.innerText + [...document.querySelectorAll('textarea, input')].map((e) => e.value).join()"


def test_text_of_others_never_runs(browser: Any):
    make_evil()
    page = browser()
    run = "/dags/evil/runs/" + DagRun.objects.get().run_id.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    task = run + "/tasks/a"
    for path in (
        *("/dags", "/import-errors", "/dags/evil", "/dags/evil/graph", "/dags/evil/runs", "/dags/evil/tasks"),
        *(
            "/dags/evil/overview",
            "/dags/evil/schedule",
            "/dags/evil/calendar",
            "/dags/evil/graph?dependencies=immediate",
        ),
        *("/dags/evil/code", "/dags/evil/details", "/dags/evil/tasks/a", "/dags/evil/trigger"),
        *(
            run,
            run + "/graph",
            run + "/gantt",
            run + "/replay?at=" + quote(EVIL),
            run + "/events",
            run + "/details",
            run + "/clear",
            run + "/note",
            run + "/delete",
        ),
        *(task, task + "/xcom", task + "/rendered_templates", task + "/tries", task + "/details", task + "/clear"),
    ):
        answer = page.goto(path)
        assert answer.status == 200, path
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None, path
        if not path.endswith("/clear"):
            assert "<img src=x" in page.evaluate(SHOWN), path
    page.goto("/dags/evil")
    page.hover(".g-cells .c")
    page.keyboard.press("/")
    page.wait_for_selector("#found [role=option]")
    assert page.evaluate("window.pwned") is None


def test_states_change_on_the_page_without_losing_focus_or_scroll(browser: Any):
    run = make_shop()
    page = browser()
    page.goto("/dags/shop/runs/first")
    is_live(page)
    page.focus("#task-extract a.to")
    change(run, "extract", TaskState.SUCCESS)
    page.wait_for_selector("#task-extract >> text=success")
    assert page.evaluate("document.activeElement.textContent") == "extract"
    page.goto("/dags/shop")
    is_live(page)
    change(run, "checks.sums", TaskState.FAILED)
    page.wait_for_selector(".g-cells .st-failed")


def test_what_changed_before_the_socket_was_open_is_not_missed(browser: Any):
    run = make_shop()
    page = browser()
    page.route(
        "**/*.js",
        lambda route: (
            (change(run, "extract", TaskState.FAILED), route.continue_())
            if "main" in route.request.url
            else route.continue_()
        ),
    )
    page.goto("/dags/shop/runs/first")
    page.wait_for_selector("#task-extract >> text=failed")


def test_what_changed_before_the_grid_was_loaded_is_not_missed_though_the_page_listened_already(browser: Any):
    run = make_shop()
    page = browser()
    held: list[Any] = []
    page.route("**/grid.*.js", lambda route: held.append(route))
    with page.expect_websocket() as opened, page.expect_request("**/grid.*.js"):
        page.goto("/dags/shop")
    is_live(page)
    with opened.value.expect_event("framereceived", lambda frame: "changed" in frame):
        change(run, "checks.sums", TaskState.FAILED)
    for route in held:
        route.continue_()
    page.wait_for_selector(".g-cells .st-failed")


def test_a_lost_connection_is_made_again_and_catches_up(browser: Any):
    run = make_shop()
    page = browser()
    page.add_init_script(
        "const W = WebSocket; window.sockets = []; window.WebSocket = class extends W { constructor(u) { super(u); window.sockets.push(this); } };"
    )
    page.goto("/dags/shop/runs/first")
    is_live(page)
    page.evaluate("window.sockets[0].close()")
    change(run, "extract", TaskState.SUCCESS)
    page.wait_for_selector("#task-extract >> text=success")
    is_live(page)
    assert page.evaluate("window.sockets.length") >= 2


def test_a_log_grows_on_the_page_and_follows_until_one_scrolls_up(browser: Any):
    run = make_shop()
    attempt = factories.instance_of(run, "extract").attempts.get()
    factories.add_log(attempt, *(f"line {number}" for number in range(200)))
    page = browser()
    page.goto("/dags/shop/runs/first/tasks/extract")
    page.wait_for_selector("text=line 199")
    is_live(page)
    bottom = "() => (e => e.scrollTop > 0 && e.scrollHeight - e.scrollTop - e.clientHeight < 30)(document.querySelector('.log-lines'))"
    page.wait_for_function(bottom)
    page.evaluate("document.querySelector('.log-lines').scrollTop = 0")
    page.wait_for_selector(".jump:visible")
    factories.add_log(attempt, "one more")
    notify.log_grew(attempt.task_instance_id, attempt.token)
    page.wait_for_selector(".jump:has-text('1 new line')")
    assert page.evaluate("document.querySelector('.log-lines').scrollTop") == 0
    page.click(".jump")
    page.wait_for_selector("text=one more")
    page.wait_for_function(bottom)


def test_a_log_is_searched_across_its_colours_and_folds(browser: Any):
    run = make_shop()
    attempt = factories.instance_of(run, "extract").attempts.get()
    inner = ("::group::Deeper", "see https://example.org/a?b=1.", "::endgroup::")
    factories.add_log(attempt, "::group::Inside", "total=\x1b[1;31m13\x1b[0m kg", *inner, "::endgroup::", "after")
    page = browser()
    page.goto("/dags/shop/runs/first/tasks/extract")
    page.wait_for_selector("[aria-expanded=false]:has-text('Inside')")
    assert not page.is_visible("text=total=")
    page.keyboard.press("Control+f")
    page.keyboard.type("TOTAL=13 kg")
    page.wait_for_selector("text=1 of 1")
    assert page.is_visible(".a31:has-text('13')")
    page.goto("/dags/shop/runs/first/tasks/extract#8")
    page.wait_for_selector(".is-at:has-text('after')")
    page.keyboard.press("e")
    page.wait_for_selector("a[href='https://example.org/a?b=1'][rel~=noopener]")


def test_any_place_of_a_long_log_is_reached_with_few_rows_in_the_page(browser: Any):
    run = make_shop()
    attempt = factories.instance_of(run, "extract").attempts.get()
    factories.add_log(attempt, *(f"row {number} {'wide ' * (number % 60)}" for number in range(30_000)))
    factories.add_log(attempt, "the worst", level="error")
    factories.add_log(attempt, *(f"row {number}" for number in range(30_000, 40_000)))
    page = browser()
    page.goto("/dags/shop/runs/first/tasks/extract#12345")
    page.wait_for_selector(".is-at:has-text('row 12343')")  # the first line is the shop's own
    page.click("[data-errors]")
    page.wait_for_selector(".is-at:has-text('the worst')")
    assert page.get_attribute(".is-at", "id") == "30002"
    for share in (0.5, 0.1, 1, 0):
        page.evaluate(f"(b => {{ b.scrollTop = b.scrollHeight * {share} }})(document.querySelector('.log-lines'))")
        page.wait_for_selector(f".ln[id='{ {0: 1, 1: 40002}[share] }']" if share in {0, 1} else ".ln[id]")
        page.mouse.move(600, 600)
        for _ in range(12):
            page.mouse.wheel(0, 700)
        numbers = [int(each) for each in page.evaluate("[...document.querySelectorAll('.ln[id]')].map((e) => e.id)")]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert 20 < len(numbers) <= 600
    page.select_option("[data-level]", "error")
    page.wait_for_function("() => document.querySelectorAll('.ln').length === 1")
    assert page.inner_text(".ln > a") == "30002"


def test_the_grid_is_walked_by_keyboard_and_groups_stay_folded(browser: Any):
    run = make_shop()
    page = browser()
    page.goto("/dags/shop")
    page.focus(".g-cells [tabindex='0']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert page.locator("[data-group=checks][aria-expanded=false]").count() == 1
    page.reload()
    assert page.locator("[data-group=checks][aria-expanded=false]").count() == 1
    page.focus(".g-cells [tabindex='0']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("load")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/first/tasks/load")
    assert run.run_id == "first"


def test_a_dialog_keeps_what_was_typed_and_triggers(browser: Any):
    make_shop()
    page = browser()
    page.goto("/dags/shop")
    page.keyboard.press("t")
    page.fill("dialog [name='param.limit']", "0")
    page.click("dialog button.main")
    page.wait_for_selector("dialog .wrong:has-text('minimum')")
    assert page.input_value("dialog [name='param.limit']") == "0"
    page.click("dialog >> text=JSON")
    assert '"limit": 0' in page.input_value("dialog [name=conf]")
    page.fill("dialog [name=conf]", '{"region": "south", "limit": 7}')
    page.click("dialog >> text=Form")
    assert page.input_value("dialog [name='param.limit']") == "7"
    page.click("dialog button.main")
    page.wait_for_url("**/runs/manual__*")
    page.wait_for_selector(".toast:has-text('Triggered shop')")
    assert DagRun.objects.exclude(run_id="first").get().conf == {"region": "south", "limit": 7}


def test_the_switch_pauses_without_leaving_the_page(browser: Any):
    make_shop()
    page = browser()
    page.goto("/dags")
    page.click("#switch-shop")
    page.wait_for_selector("#switch-shop[aria-checked=false]")
    page.wait_for_selector(".toast:has-text('paused')")
    assert Dag.objects.get().is_paused


def test_a_clear_dialog_shows_at_once_what_a_choice_touches(browser: Any):
    make_shop()
    page = browser()
    page.goto("/dags/shop/runs/first/tasks/extract")
    page.click("text=Clear")
    page.wait_for_selector("#affected:has-text('3 task instances')")
    page.click("dialog >> text=Everything downstream too")
    page.wait_for_selector("#affected:has-text('1 task instance')")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog")


def test_times_are_in_the_browser_s_zone_or_in_any_that_is_chosen(browser: Any):
    make_shop()
    DagRun.objects.update(logical_date=factories.DAY)
    page = browser()
    page.goto("/dags/shop/runs/first")
    page.wait_for_selector("h1:has-text('2026-03-01 09:00:00')")
    assert "Asia/Tokyo (+09:00)" in page.get_attribute("h1 time", "title")
    for typed, shown in (("utc", "2026-03-01 00:00:00"), ("new york", "2026-02-28 19:00:00")):
        page.click("[data-zone]")
        page.fill("#zones input", typed)
        page.keyboard.press("Enter")
        page.wait_for_selector(f"h1:has-text('{shown}')")
    page.goto("/dag_runs?logical_date_lte=2026-02-28T18:59")
    page.wait_for_selector("text=Nothing fits these filters")
    page.goto("/dag_runs?logical_date_lte=2026-02-28T19:00")
    page.wait_for_selector("time:has-text('2026-02-28 19:00:00')")


def test_search_finds_and_acts_by_keys_alone(browser: Any):
    make_shop()
    page = browser()
    page.goto("/assets")
    page.keyboard.press("Control+k")
    page.keyboard.type("checks.su")
    page.wait_for_selector("#found [aria-selected=true]:has-text('checks.sums')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dags/shop/tasks/checks.sums")
    page.keyboard.press("/")
    page.keyboard.type("trigger sho")
    page.wait_for_selector("#found [aria-selected=true]:has-text('Trigger shop')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#dialog:has-text('Trigger shop')")
    assert page.url.endswith("/dags/shop/tasks/checks.sums")
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('dialog[open]')")
    page.keyboard.press("?")
    page.wait_for_selector("#keys:has-text('Mark success')")


def test_a_dialog_says_what_it_does_in_step_with_its_form(browser: Any):
    make_shop()
    page = browser()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/dags/shop")
    page.keyboard.press("t")
    page.click("#dialog .as-code summary")
    page.select_option("#dialog [name='param.region']", '"south"')
    page.wait_for_selector("""#dialog .as-code pre:has-text('{"region": "south"}')""")
    page.click("#dialog .line:has-text('manage.py') [data-copy]")
    page.wait_for_selector("text=Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('python manage.py dags trigger shop --conf \'{"region": "south"}\'')


def test_many_are_ticked_and_acted_on(browser: Any):
    for name in ("alpha", "beta", "gamma", "delta"):
        factories.make_dag(name)
    page = browser()
    page.goto("/dags")
    page.click("#dag-alpha [name=chosen]")
    page.click("#dag-delta [name=chosen]", modifiers=["Shift"])
    page.wait_for_selector(".bulk:has-text('3 ticked')")
    page.click('.bulk >> text="Pause"')  # the whole word: there is Unpause, too
    page.click("#dialog button.main")
    page.wait_for_selector("text=3 DAGs paused.")
    page.wait_for_selector("#dag-alpha.off")
    assert sorted(Dag.objects.filter(is_paused=True).values_list("dag_id", flat=True)) == ["alpha", "beta", "delta"]
    assert not page.is_visible(".bulk")


def test_filters_go_into_the_address_while_typing(browser: Any):
    make_shop()
    factories.make_dag("other")
    page = browser()
    page.goto("/dags")
    page.fill("input[name=q]", "oth")
    page.wait_for_selector("#dag-shop", state="detached")
    assert page.url.endswith("/dags?q=oth")
    assert page.evaluate("document.activeElement.name") == "q"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_their_text_can_be_read(browser: Any, scheme: str):
    run = make_shop()
    factories.make_file("broken.py", error="NameError: " + "x" * 300)
    page = browser(390, color_scheme=scheme)
    for path in ("/dags", "/dags/shop", "/dags/shop/graph", "/dags/shop/runs", "/dags/shop/code", "/dags/shop/details",
                 "/dags/shop/runs/first", "/dags/shop/runs/first/tasks/extract", "/dags/shop/trigger",
                 "/dags/shop/calendar?year=2026", "/dags/shop/calendar?by=hour&month=2026-03", "/dags/shop/schedule", "/dags/shop/overview?range=30d",
                 "/dags/shop/runs/first/gantt", "/dags/shop/runs/first/replay", "/dags/shop/code?version_number=1&compare=1"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        faint = page.evaluate(CONTRAST)
        assert faint == [], (path, faint)
    assert run.pk


CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color, under) => { canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const light = (c) => { const [r, g, b] = c.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const back = (e) => { const chain = []; for (; e; e = e.parentElement) chain.unshift(getComputedStyle(e).backgroundColor); let c = 'rgb(255,255,255)'; for (const each of chain) c = `rgb(${rgb(each, c)})`; return c; };
  const found = new Set();
  for (const e of document.querySelectorAll('main *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim()) || e.closest('svg, [hidden], select, .node') || !e.checkVisibility()) continue;
    const under = back(e), a = light(rgb(getComputedStyle(e).color, under)), b = light(rgb(under, 'white'));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(`${e.className || e.nodeName}: ${ratio.toFixed(2)} ${e.textContent.trim().slice(0, 20)}`);
  }
  return [...found];
}"""
"""What is written in too faint a colour (below 4.5 to 1)."""
