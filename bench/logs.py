"""A log of 1 GB in a real browser: how soon its end is there, how long counting and searching take, and in how much memory."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from bench.place import Place
from tests.support import processes

SIZE = 1 << 30
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SOURCE = """
from orchestrator.sdk import DAG, task

with DAG("logged"):

    @task
    def talk():
        print("begun")

    talk()
"""


def measure(where: Place) -> None:
    if CHROMIUM is None:
        print("no Chromium here: logs are not measured")
        return
    home = where.home("logs", own_redis=True)
    (home.dags_folder / "logged.py").write_text(SOURCE)
    try:
        home.start().wait_until_healthy()
        home.wait_for_dags("logged")
        run_id = home.trigger("logged")
        home.wait_for_run("logged", run_id)
        (log,) = (home.home / "logs").glob("*/*/*.jsonl")
        own = log.read_bytes().count(b"\n")  # what the task itself says comes first
        last = lengthen(log, SIZE // 16 if where.quick else SIZE)
        _open(where, home, f"/dags/logged/runs/{run_id}/tasks/talk", last, own)
    finally:
        home.stop()


def lengthen(path: Path, size: int) -> int:
    """Append lines until a log has so many bytes; return the number in the last of them."""
    number = 0
    with path.open("ab") as file:
        while file.tell() < size:
            file.write(b"".join(_line(number + each) for each in range(1, 10_001)))
            number += 10_000
    return number


def _line(number: int) -> bytes:
    level = "error" if number % 100_003 == 0 else "warning" if number % 53 == 0 else "info"
    event = f"row {number} was read and written to the table orders in {number % 97} ms"
    body = {"timestamp": "2026-01-01T00:00:00.123456+00:00", "level": level, "event": event, "logger": "task.stdout"}
    return json.dumps(body).encode() + b"\n"


def _open(where: Place, home: Any, address: str, last: int, own: int) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(base_url=home.url, viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(120_000)
        page.goto("/sign-in")
        page.fill("[name=username]", home.user)
        page.fill("[name=password]", home.password)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("header.bar .brand")
        page.goto(address + "/details")  # scripts and styles are in the cache, as for whoever comes from a page
        server, client = _server(home), _browser(home)
        began = time.monotonic()
        page.goto(address, wait_until="commit")
        page.wait_for_selector(f"text=row {last} was read")
        where.set("log_open_s", time.monotonic() - began)
        page.wait_for_selector(f".ln[id='{last + own}']")
        where.set("log_counted_s", time.monotonic() - began)
        began = time.monotonic()
        page.fill(".log [data-search]", f"row {last // 100} was")
        page.wait_for_selector(".hits:has-text('1 of 1')")
        page.wait_for_function("() => !document.querySelector('.hits').textContent.includes('+')")
        where.set("log_search_s", time.monotonic() - began)
        began = time.monotonic()
        page.click("[data-errors]")
        page.wait_for_selector(".is-at.l-error")
        where.set("log_first_error_s", time.monotonic() - began)
        where.set("log_server_mb", (_server(home) - server) / 1e6)
        where.set("log_browser_mb", (_browser(home) - client) / 1e6)
        browser.close()


def _server(home: Any) -> int:
    return sum(processes.pss_bytes(each.pid) for each in home.tree())


def _browser(home: Any) -> int:
    ours = {each.pid for each in home.tree()}
    return sum(processes.pss_bytes(each.pid) for each in processes.tree(os.getpid())[1:] if each.pid not in ours)
