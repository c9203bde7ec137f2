"""The page of what was called because of a run, and the deadlines that pages show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from runs_app import logs
from runs_app.models import Callback, DagRun, Deadline
from tests.support import factories

PAGE = reverse("run-callbacks", args=["shop", "first"])


def say(callback: Callback, *lines: str, level: str = "info") -> None:
    data = "".join(
        json.dumps({"timestamp": "2026-03-01T00:00:00Z", "level": level, "event": each}) + "\n" for each in lines
    )
    logs.store().append(logs.key_of_callback(callback), data.encode())


def make(run: DagRun, kind: str, **more: Any) -> Callback:
    done = {"done_at": factories.DAY, "claimed_at": factories.DAY, "outcome": "called"} | more
    return Callback.objects.create(run=run, kind=kind, **done)


@pytest.fixture
def late(shop_run: DagRun) -> Deadline:
    return Deadline.objects.create(
        run=shop_run,
        key="k",
        name="soon",
        task_id="extract",
        deadline_time=factories.DAY,
        missed=True,
        created_at=factories.DAY,
    )


def shown(client: Client, address: str = PAGE) -> str:
    return client.get(address).content.decode()


def test_each_callback_says_what_it_was_and_what_it_said(viewer: Client, shop_run: DagRun, late: Deadline):
    say(make(shop_run, "failure", outcome="failed", reason="task_failure"), "<b>ValueError</b>: no", level="error")
    say(make(shop_run, "deadline", deadline=late), "it is late")
    make(shop_run, "running", done_at=None, outcome="", claimed_at=None)
    page = shown(viewer)
    assert page.index("on_dag_run_running") < page.index("deadline missed") < page.index("on_failure_callback")
    assert "it is late" in page and "task extract" in page and "Nothing written yet." in page
    assert '<div class="ln l-error"><span>&lt;b&gt;ValueError&lt;/b&gt;: no' in page
    assert "</i>failed</span>" in page and "</i>called</span>" in page and "</i>waiting</span>" in page


def test_a_long_log_shows_its_end_and_is_had_whole(viewer: Client, shop_run: DagRun):
    callback = make(shop_run, "success")
    logs.store().delete(logs.key_of_callback(callback))  # of another test, whose rows had the same ids
    say(callback, *(f"line {number}" for number in range(3000)))
    page = shown(viewer)
    assert "line 2999<" in page and "line 2800<" in page and "line 2799<" not in page and "The end of it" in page
    answer = viewer.get(reverse("callback-log", args=["shop", "first", callback.pk]))
    whole = b"".join(answer.streaming_content).decode()
    assert whole.startswith("2026-03-01T00:00:00Z INFO     line 0\n") and whole.count("\n") == 3000


def test_the_callback_of_a_task_leads_to_the_tasks_log(viewer: Client, shop_run: DagRun):
    instance = factories.instance_of(shop_run, "extract")
    callback = make(shop_run, "failure", task_instance=instance)
    assert reverse("task", args=["shop", "first", "extract"]) in shown(viewer)
    assert viewer.get(reverse("callback-log", args=["shop", "first", callback.pk])).status_code == 404


def test_the_tab_is_there_when_there_is_something_in_it(viewer: Client, shop_run: DagRun):
    tab = f'<a href="{PAGE}"'
    assert tab not in shown(viewer, reverse("run", args=["shop", "first"]))
    make(shop_run, "success")
    assert tab in shown(viewer, reverse("run", args=["shop", "first"]))


def test_the_page_asks_no_more_for_more_callbacks(viewer: Client, shop_run: DagRun):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make(shop_run, "success")
    with CaptureQueriesContext(connection) as few:
        shown(viewer)
    instance = factories.instance_of(shop_run, "extract")
    for kind in ("failure", "success"):
        for each in (None, instance):
            make(shop_run, kind, task_instance=each)
    with CaptureQueriesContext(connection) as many:
        shown(viewer)
    assert len(many) == len(few)


def test_the_pages_of_run_and_task_say_that_a_task_is_late(viewer: Client, late: Deadline):
    run_page = shown(viewer, reverse("run", args=["shop", "first"]))
    assert ">extract</a> missed its deadline <b>soon</b>" in run_page
    assert "Deadline soon of extract" in shown(viewer, reverse("run-details", args=["shop", "first"]))
