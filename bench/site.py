"""An installation with the reference data, its web server alone, and a browser that is signed in to it."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.place import Place
from tests.support.servers import wait_for
from tests.support.standalone import ROOT, Standalone

SIZES = ("--log-mb", "20")
QUICK = (
    *("--dags", "40", "--runs", "30", "--lake-tasks", "200", "--mapped", "500", "--few-runs", "8", "--log-mb", "1"),
)
SIGNED_IN = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
user = User.objects.create_superuser("bench")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session.create()
print("session", session.session_key)
"""
LONG_TASKS = """
window.__long = [];
new PerformanceObserver((list) => { for (const each of list.getEntries()) window.__long.push(each.duration); })
  .observe({ type: "longtask", buffered: true });
"""


@dataclass
class Site:
    """``get`` asks the server as a script would, ``open`` the browser as somebody would."""

    home: Standalone
    cookie: str
    chromium: Any
    quick: bool

    def manage(self, *arguments: str, then: str | None = None) -> str:
        """Run a command of the installation, or Python in its shell."""
        command = [sys.executable, str(ROOT / "manage.py"), *(arguments or ("shell", "-c", then or ""))]
        done = subprocess.run(command, cwd=ROOT, env=self.home.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{arguments or 'shell'} failed: {done.stderr[-2000:]}")
        return done.stdout

    def get(self, path: str) -> tuple[float, bytes]:
        """Return how many seconds an answer took, and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.home.port, timeout=60)
        headers = {"Cookie": f"sessionid={self.cookie}", "X-Requested-With": "fetch"}
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        connection.close()
        if answer.status != 200:
            raise AssertionError(f"GET {path} answered {answer.status}: {body[:500]!r}")
        return took, body

    def times(self, path: str, rounds: int = 0) -> list[float]:
        """How long an answer takes, again and again; the first time it is not counted."""
        self.get(path)
        return [self.get(path)[0] for _ in range(rounds or (5 if self.quick else 20))]

    @contextmanager
    def page(self, viewport: tuple[int, int] = (1440, 900), **options: Any) -> Iterator[Any]:
        """A fresh browser window with an empty cache."""
        size = {"width": viewport[0], "height": viewport[1]}
        context = self.chromium.new_context(base_url=self.home.url, viewport=size, **options)
        context.add_cookies([{"name": "sessionid", "value": self.cookie, "url": self.home.url}])
        context.add_init_script(LONG_TASKS)
        page = context.new_page()
        page.set_default_timeout(60_000)
        try:
            yield page
        finally:
            context.close()


@contextmanager
def site(where: Place, *sizes: str, alive: bool = False) -> Iterator[Site]:
    """Make the reference data, in these sizes or in those that are measured, serve it, open a browser.

    ``alive``: with all other processes beside the web server, so that what is due runs.
    """
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise AssertionError("there is no Chromium here: apt-get install chromium")
    made = Site(where.home("pages"), "", None, where.quick)
    made.manage("demo_data", *(sizes or (QUICK if where.quick else SIZES)))
    made.manage("collectstatic", "--no-input", "--verbosity", "0")
    made.cookie = made.manage(then=SIGNED_IN).split("session ")[-1].strip()
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "standalone" if alive else "web"],
        cwd=ROOT,
        env={**made.home.environment, "PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "bench.settings"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_for(lambda: _answers(made, alive), 60, "the web server")
        with sync_playwright() as playwright:
            options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
            made.chromium = playwright.chromium.launch(executable_path=found, args=options)
            yield made
            made.chromium.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(made: Site, alive: bool) -> bool:
    try:
        health = made.get("/api/v2/monitor/health")[1]
    except OSError:
        return False
    parts = json.loads(health).values()
    return not alive or all(each["status"] == "healthy" for each in parts)


def longest(page: Any, act: Callable[[], None]) -> float:
    """Return the longest task of the page's thread, in ms, while ``act`` goes on; 0 where none took 50 ms."""
    page.evaluate("window.__long.length = 0")
    act()
    page.wait_for_timeout(300)  # the observer tells of a task after it
    return float(max(page.evaluate("window.__long"), default=0))
