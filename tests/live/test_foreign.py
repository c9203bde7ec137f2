"""What is not shown to somebody is not told to her either: no frame of a socket and no piece of a stream says its name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from orchestrator import access
from orchestrator.api import log_feed
from orchestrator.api.views import events
from orchestrator.live import consumers
from runs_app import actions, notify
from runs_app.models import DagRun
from tests.access.test_matrix import ENDED, api_client
from tests.support import factories

from .test_live import cookie_of, quick, run, socket, watch

__all__ = ["quick"]
pytestmark = pytest.mark.django_db(transaction=True)
ROLES = ("viewer", "user", "op", "admin")
HIDDEN = {"visible_dags": "dag_id", "visible_runs": "dag_id", "visible_task_instances": "run__dag_id"}
STREAMS = ("text/event-stream", "application/x-ndjson", "text/plain", "application/json")
LOG = "/api/v2/dags/planted/dagRuns/planted/taskInstances/a/logs/1"


@pytest.fixture
def planted() -> DagRun:
    factories.make_run(factories.make_dag("shop"), state="running")
    found = factories.make_run(factories.make_dag("planted"), "planted", state="running", states={"a": "running"})
    factories.make_attempt(factories.instance_of(found, "a"), lines=("planted",))
    return found


@contextmanager
def hidden() -> Iterator[None]:
    """For as long as this lasts nobody may see the DAG ``planted``, whatever she may do with others."""
    with pytest.MonkeyPatch.context() as patch:
        for name, path in HIDDEN.items():
            whole = getattr(access, name)
            seen = lambda user, whole=whole, path=path: whole(user).exclude(**{path: "planted"})  # noqa: E731
            patch.setattr(access, name, seen)
        yield


def happens(planted: DagRun) -> None:
    """What a page of the planted DAG would hear of."""
    instance = factories.instance_of(planted, "a")
    factories.add_log(instance.attempts.get(), "planted")
    notify.log_grew(instance.pk, instance.attempts.get().token)
    actions.pause("planted", not planted.dag.is_paused, user=factories.make_user("admin"))
    notify._send_run(planted.pk, "planted")
    notify._send_dag("planted")


@pytest.mark.parametrize("role", ROLES)
def test_no_frame_of_a_socket_tells_of_a_dag_that_is_not_shown(planted: DagRun, role: str):
    cookie, instance = cookie_of(factories.make_user(role)), factories.instance_of(planted, "a")
    foreign = ["dag:planted", f"run:{planted.pk}", f"log:{instance.pk}"]

    async def talk() -> None:
        page, frames = socket(cookie), []
        assert await page.connect()
        assert await watch(page, "dags", "dag:shop", *foreign) == (["dag:shop", "dags"], foreign)
        await asyncio.to_thread(happens, planted)
        await asyncio.to_thread(notify._send_dag, "shop")
        while not frames or frames[-1] != {"changed": "dag:shop"}:
            frames.append(await page.hear())
        await page.leave()
        assert {str(each) for each in frames} <= {"{'changed': 'dags'}", "{'changed': 'dag:shop'}"}

    with hidden():
        run(talk)


def test_a_page_hears_nothing_more_of_a_dag_from_when_it_is_hidden(planted: DagRun):
    cookie = cookie_of(factories.make_user("viewer"))

    async def talk() -> None:
        page = socket(cookie)
        await page.connect()
        assert await watch(page, "dag:planted") == (["dag:planted"], [])
        with hidden():
            while await page.hear() != {"refused": "dag:planted"}:
                pass  # what was on its way
            await asyncio.to_thread(happens, planted)
            assert await page.receive_nothing(3 * consumers.GATHER_SECONDS)
            await page.leave()

    run(talk)


@pytest.mark.parametrize("role", ROLES)
def test_no_stream_of_events_tells_of_a_dag_that_is_not_shown(planted: DagRun, role: str, monkeypatch: Any):
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.001)
    actions.set_run_state(planted.pk, "failed", user=factories.make_user("admin"))
    client = api_client("token", role)

    def pieces(**query: str) -> bytes:
        answer = client.get("/api/v2/events", query, headers={"Last-Event-ID": "0"})
        assert answer.status_code == 200
        stream = iter(answer.streaming_content)
        return b"".join(next(stream) for _ in range(3))

    assert b"planted" in pieces(dag_id="planted")
    with hidden():
        assert b"planted" not in pieces() + pieces(dag_id="planted") + pieces(dag_run_id="planted")


@pytest.mark.parametrize("role", ROLES)
def test_no_log_of_a_dag_that_is_not_shown_is_told_or_told_on(planted: DagRun, role: str, monkeypatch: Any):
    monkeypatch.setattr(log_feed, "LOOK_SECONDS", 0.001)
    client = api_client("token", role)
    stream = iter(client.get(LOG, headers={"Accept": "text/event-stream"}).streaming_content)
    assert b"planted" in next(stream)
    with hidden():
        factories.add_log(factories.instance_of(planted, "a").attempts.get(), "planted")
        assert b"planted" not in b"".join(stream)
        for kind in STREAMS:
            answer = client.get(LOG, headers={"Accept": kind})
            assert answer.status_code == 404 and not answer.streaming
            assert "line" not in answer.content.decode()


def test_who_may_see_nothing_gets_no_stream(planted: DagRun):
    callers = [("", ""), ("token", ""), ("session", ""), *((how, "admin") for how in ("forged", "inactive", *ENDED))]
    for how, role in callers:
        client: Client = api_client(how, role)
        wanted = {"token": 404, "session": 404}.get(how, 401)
        for kind in STREAMS:
            answer = client.get(LOG, headers={"Accept": kind})
            assert (answer.status_code, answer.streaming) == (wanted, False), (how, kind)
        answer = client.get("/api/v2/events")
        assert (answer.status_code, answer.streaming) == (403 if wanted == 404 else 401, False), how
