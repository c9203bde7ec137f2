"""From the second start of an installation to the end of its first run, beside the imports that it cannot avoid."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import time

from bench import dags
from bench.place import Place
from bench.stats import median
from tests.support.servers import wait_for
from tests.support.standalone import ROOT, Refused, Standalone

IMPORTS = """
from django.conf import settings
settings.configure(INSTALLED_APPS=[
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.admin", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "django_celery_beat", "rest_framework", "channels",
], USE_TZ=True)
import django
django.setup()
import rest_framework.views
import celery.apps.beat
import celery.apps.worker
import celery.concurrency.prefork
import kombu.transport.redis
import channels.routing
import channels_redis.pubsub
import uvicorn
import uvicorn.protocols.http.httptools_impl
import uvicorn.protocols.websockets.websockets_sansio_impl
import uvloop
"""


def measure(where: Place) -> None:
    rounds = 2 if where.quick else 5
    home = where.home("start", own_redis=True)
    dags.write_plain(home.dags_folder, 20)
    imports: list[float] = []
    starts: list[float] = []
    try:
        home.start().wait_until_healthy()
        home.wait_for_dags("plain_000", "plain_019")
        home.stop()
        for _ in range(rounds):
            imports.append(_imports())
            starts.append(_start(home))
            home.stop()
    finally:
        home.kill()
    where.set("imports_s", median(imports))
    where.set("start_to_first_run_s", median(starts))
    where.set("start_to_first_run_vs_imports", median(starts) / median(imports))


def _imports() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, cwd=ROOT)
    return time.monotonic() - began


def _start(home: Standalone) -> float:
    began = time.monotonic()
    home.start()
    run = wait_for(lambda: _try_to_trigger(home), 60, "the API taking a run")
    state = home.wait_for_run("plain_000", run)
    took = time.monotonic() - began
    if state != "success":
        raise AssertionError(f"the first run ended {state}")
    return took


def _try_to_trigger(home: Standalone) -> str | None:
    with contextlib.suppress(OSError, http.client.HTTPException, Refused):
        return home.trigger("plain_000")
    return None
