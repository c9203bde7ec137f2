"""What a new user does, in a real browser, against everything that ``make run`` starts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import wait_for
from tests.support.standalone import Standalone

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run"]
OWN_PASSWORD = "a-password-of-my-own-41"

STORY = """
import time
from pathlib import Path
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG("story", tags=["tale"]) as dag:
    @task
    def listen():
        return ["one", "two"]

    speak = BashOperator(task_id="speak", bash_command="echo run {{ run_id }}")

    @task
    def tell(words):
        number = 0
        while number < 1000 and not Path("END").exists():
            print("line", number, "of the tale")
            number += 1
            time.sleep(0.25)
        print("and that was the tale")
        return {"told": len(words)}

    speak >> tell(listen())
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """A first start, as after a clone: no password given, DAGs paused until somebody says so."""
    made = Standalone(tmp_path_factory.mktemp("journey"), ORCHESTRATOR_PAUSED_AT_CREATION="true")
    del made.environment["ORCHESTRATOR_ADMIN_PASSWORD"], made.environment["ORCHESTRATOR_ADMIN_USER"]
    made.start()
    try:
        wait_for(lambda: "ready" in made.log(), 60, "the address being printed")
        made.wait_until_healthy()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def page(installation: Standalone) -> Iterator[playwright.Page]:
    """A browser in which nothing may go wrong quietly: errors of scripts and of the policy fail the test."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.set_default_timeout(20_000)
        yield page
        browser.close()
        assert [each for each in wrong if "WebSocket" not in each] == []


def end(installation: Standalone) -> Path:
    """The file with which a tale ends: it goes on until it is there, however slow the machine."""
    return installation.dags_folder.parent / "end"


def put(installation: Standalone, text: str, name: str = "story.py") -> Path:
    """Save a file as editors do: whole, under its name."""
    path = installation.dags_folder / name
    fresh = path.with_suffix(".tmp")
    fresh.write_text(text.replace("END", str(end(installation))))
    fresh.rename(path)
    return path


def test_the_one_time_password_is_shown_once_and_replaced_at_the_first_sign_in(installation, page):
    password = re.search(r"with the password\s+(\S+)", installation.log())
    assert password is not None
    page.goto(installation.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password[1])
    page.press("input[name=password]", "Enter")
    for field in page.locator("form.card input[type=password]").all():
        field.fill(OWN_PASSWORD)
    page.click("text=Keep this password")
    page.wait_for_url(installation.url + "/")
    assert password[1] not in "".join(
        each.read_text(errors="replace") for each in installation.home.rglob("*") if each.is_file()
    ), "the password stands somewhere in clear"


def test_a_saved_file_is_on_the_page_that_is_open(installation, page):
    page.goto(installation.url + "/dags")
    page.wait_for_selector("text=live")
    page.evaluate("window.here = true")
    put(installation, STORY)
    page.wait_for_selector("#dag-story")
    assert page.evaluate("window.here"), "the page was loaded anew"
    assert page.locator("#dag-story").inner_text().count("tale")


def test_a_run_is_watched_live_down_to_the_lines_of_a_log(installation, page):
    page.click("#dag-story >> text=story")
    page.wait_for_url("**/dags/story")
    page.wait_for_selector("text=live")
    page.click("a:has-text('Trigger')")
    page.click("dialog[open] .btn.main")
    page.wait_for_url("**/dags/story/runs/manual__*")
    page.wait_for_selector("#task-listen >> text=success")
    page.wait_for_selector("#task-tell >> text=running")
    page.click("#task-tell a.to")
    page.wait_for_selector("text=line 2 of the tale")
    end(installation).touch()  # so what was seen came before the end
    page.wait_for_selector("text=and that was the tale")
    page.wait_for_selector("#head >> text=success")


def test_the_task_shows_what_it_returned_rendered_and_ran(installation, page):
    page.click("nav.tabs >> text=XComs")
    page.wait_for_selector("text=told")
    page.click("#rail >> text=speak")
    page.click("nav.tabs >> text=Rendered templates")
    page.wait_for_selector("text=echo run manual__")
    page.click("nav.tabs >> text=Code")
    page.wait_for_selector("text=of the tale")
    page.click("nav.tabs >> text=Tries")
    page.wait_for_selector("text=success")


def test_a_broken_file_shows_its_error_and_the_last_good_version_runs(installation, page):
    page.goto(installation.url + "/dags")
    page.wait_for_selector("text=live")
    put(installation, STORY + "this is no python\n")
    page.wait_for_selector("#import-errors >> text=story.py")
    text = page.locator("#import-errors").inner_text()
    assert "SyntaxError" in text and f"story.py:{STORY.count(chr(10)) + 1}" in text, text
    end(installation).unlink()
    installation.manage("dags", "trigger", "story")
    wait_for(lambda: '"running"' in _runs(installation), 60, "a run of the last good version")
    put(installation, STORY)
    page.wait_for_selector("#import-errors", state="detached")


def test_a_deleted_file_leaves_the_history_and_lets_a_running_run_finish(installation, page):
    (installation.dags_folder / "story.py").unlink()
    page.goto(installation.url + "/dags/story")
    page.wait_for_selector("text=/gone|no longer/i")
    end(installation).touch()
    wait_for(lambda: '"running"' not in _runs(installation), 60, "the running run having finished")
    assert _runs(installation).count('"success"') == 2


def test_a_second_copy_says_so_and_changes_nothing(installation, page):
    second = installation.manage("standalone", check=False)
    assert second.returncode != 0
    assert "Already running" in second.stderr and "Traceback" not in second.stderr
    installation.wait_until_healthy(10)


def test_ctrl_c_stops_everything(installation, page):
    page.close()
    assert installation.stop() == 0
    assert installation.left_behind == []


def _runs(installation: Standalone) -> str:
    return installation.manage("runs", "list", "story", "--json").stdout
