"""Webhooks: what is told to whom, once and signed, and where they lead."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from dags_app import secrets
from dags_app.models import AuditEntry
from orchestrator.core.states import RunState, TaskState
from runs_app import actions, transitions, webhook_addresses, webhook_sender, webhooks
from runs_app.models import ControlState, Delivery, StateEvent, Webhook
from tests.support import factories
from tests.support.factories import DAY
from tests.support.servers import wait_for
from tests.support.standalone import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def control(db: None) -> None:
    ControlState.objects.create(pk=1, swept_at=DAY, expire_from=DAY)


def ends(run: Any, state: str = "failed") -> None:
    with transaction.atomic():
        transitions.move_run(run.pk, RunState(state), actor="engine", reason="so it ended", at=DAY)


def told(hook: Webhook) -> list[tuple[str, str]]:
    return sorted(hook.deliveries.values_list("kind", "run_id"))


def test_each_end_of_a_run_is_told_once_to_who_wants_to_know(control):
    red, blue = factories.make_dag("red", tags=("colour",)), factories.make_dag("blue")
    all_kinds = factories.make_webhook(kinds=list(webhooks.KINDS))
    of_tag = factories.make_webhook(kinds=["dag_run.failed"], tags=["colour"])
    of_dag = factories.make_webhook(kinds=["dag_run.failed", "dag_run.success"], dag_ids=["blue"])
    off = factories.make_webhook(enabled=False)
    failed, fine = factories.make_run(red, "r", state="running"), factories.make_run(blue, "b", state="running")
    webhooks.collect(DAY)
    ends(failed), ends(fine, "success")
    assert webhooks.collect(DAY) > 0 and webhooks.collect(DAY) == 0
    assert [each for each in told(all_kinds) if each[0] != "dag_run.running"] == [
        ("dag_run.failed", "r"),
        ("dag_run.success", "b"),
    ]
    assert (told(of_tag), told(of_dag), told(off)) == ([("dag_run.failed", "r")], [("dag_run.success", "b")], [])
    body = json.loads(of_tag.deliveries.get().body)
    assert (body["type"], body["data"]["dag_run_id"], body["data"]["old_state"]) == ("dag_run.failed", "r", "running")
    assert body["data"]["url"].endswith("/dags/red/runs/r") and "conf" not in body["data"]


def test_a_task_that_failed_is_told_of_where_that_is_wanted(control):
    hook = factories.make_webhook(kinds=["task_instance.failed"])
    run = factories.make_run(factories.make_dag("alpha"), "r", state="running", states={"a": "running"})
    actions.set_task_state([factories.instance_of(run, "a").pk], TaskState.FAILED, user=None)
    webhooks.collect(DAY)
    assert [json.loads(each.body)["data"]["task_id"] for each in hook.deliveries.all()] == ["a"]


def test_nobody_is_told_of_what_she_may_not_see_nor_of_what_was_before(control):
    run = factories.make_run(factories.make_dag("alpha"), "r", state="running")
    blind = factories.make_webhook(owner=factories.make_user(""))
    ends(run)
    late = factories.make_webhook(after=StateEvent.objects.latest("pk").pk)
    webhooks.collect(DAY)
    assert told(blind) == told(late) == []


def test_a_change_that_is_committed_after_a_later_one_is_told_of_all_the_same(control):
    hook = factories.make_webhook()
    first, second = (factories.make_run(factories.make_dag(name), "r", state="running") for name in ("a", "b"))
    ends(first)
    row = StateEvent.objects.get(run=first, new="failed")
    ends(second)
    StateEvent.objects.filter(pk=row.pk).delete()  # not to be seen yet
    webhooks.collect(DAY)
    StateEvent.objects.bulk_create([row])
    webhooks.collect(DAY)
    assert sorted(each.dag_id for each in hook.deliveries.all()) == ["a", "b"]


def test_without_webhooks_a_pass_asks_one_question(control, django_assert_num_queries):
    ends(factories.make_run(factories.make_dag("alpha"), "r", state="running"))
    with django_assert_num_queries(1):
        assert webhooks.collect(DAY) == 0


def test_the_secret_is_encrypted_and_rotated_with_the_others(db, monkeypatch):
    from cryptography.fernet import Fernet

    one, two = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("FERNET_KEYS", one)
    row, secret = webhooks.create(factories.make_user("admin"), {"name": "x", "url": "https://example.org/hidden"}, DAY)
    assert secret.startswith("whsec_") and secret.encode() not in bytes(row.secret)
    monkeypatch.setenv("FERNET_KEYS", f"{two},{one}")
    call_command("secrets", "rotate", "--json")
    monkeypatch.setenv("FERNET_KEYS", two)
    assert secrets.decrypt(Webhook.objects.get().secret, "it") == secret
    written = json.dumps(list(AuditEntry.objects.values_list("extra", flat=True)))
    assert "example.org" in written and secret not in written and "hidden" not in written


# ---- over the wire


class Receiver(ThreadingHTTPServer):
    """Answers with a status, and remembers what it was sent."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.got = status, []
        self.hold: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers.items()), body))
        if self.server.hold is not None:
            self.server.hold.wait(20)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.end_headers()
        self.wfile.write(b"said\nso" + b"x" * 100_000)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def deliver(now: Any = DAY) -> list[Delivery]:
    """Make a try of all that is due."""
    found = webhook_sender.take(8, Counter(), now)
    for each in found:
        webhook_sender.finish(each, webhook_sender.send(each, factories.SIGNING), now)
    return found


def test_a_message_is_signed_and_its_answer_is_kept(receiver):
    hook = factories.make_webhook(url=receiver.url)
    row = factories.make_delivery(hook, body='{"type":"x"}')
    deliver()
    [(path, headers, body)] = receiver.got
    assert path == "/hook?x=1" and body == b'{"type":"x"}' and headers["webhook-id"] == f"msg_{row.pk}"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(factories.SIGNING.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    row.refresh_from_db()
    assert (row.state, row.status, row.tries, row.next_at) == ("arrived", 200, 1, None)
    assert row.answer.startswith("said so") and len(row.answer) <= 500
    assert deliver() == []


@pytest.mark.parametrize("status", [500, 302, 429])
def test_what_is_refused_is_sent_again_later_and_no_redirect_is_followed(receiver, status):
    receiver.status = status
    row = factories.make_delivery(factories.make_webhook(url=receiver.url))
    deliver()
    row.refresh_from_db()
    assert len(receiver.got) == 1 and (row.state, row.status) == ("waiting", status)
    first = webhook_sender.PAUSES[0]
    assert 0.7 * first < (row.next_at - DAY).total_seconds() < 1.3 * first
    assert deliver() == [] and len(deliver(row.next_at)) == 1


def test_after_a_day_it_is_dead_its_webhook_is_disabled_and_it_can_be_sent_again(receiver):
    receiver.status = 500
    hook = factories.make_webhook(url=receiver.url)
    row = factories.make_delivery(hook, tries=9, give_up_at=DAY + timedelta(hours=1))
    deliver()
    row.refresh_from_db(), hook.refresh_from_db()
    assert (row.state, hook.enabled) == ("dead", False) and "500" in hook.disabled_why
    assert AuditEntry.objects.get().event == "disable_webhook"
    receiver.status = 204
    webhooks.change(hook, {"enabled": True}, user=None, now=DAY)
    webhooks.resend(row, user=None, now=DAY)
    deliver()
    row.refresh_from_db()
    assert (row.state, row.tries) == ("arrived", 1)
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1


def test_one_dead_message_disables_nothing_where_others_arrive_but_gone_is_gone(receiver):
    receiver.status = 500
    hook = factories.make_webhook(url=receiver.url, succeeded_at=DAY + timedelta(hours=1))
    factories.make_delivery(hook, give_up_at=DAY)
    deliver()
    assert Webhook.objects.get().enabled
    receiver.status = 410
    factories.make_delivery(hook)
    deliver()
    assert not Webhook.objects.get().enabled


def test_who_is_killed_while_he_sends_loses_nothing(receiver, process_environment):
    """A message under way belongs to its sender for a while only, and what a dead one might still say is not believed."""
    receiver.hold = threading.Event()
    row = factories.make_delivery(factories.make_webhook(url=receiver.url))
    code = (
        "import django; django.setup()\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from runs_app.webhook_sender import Sender\n"
        "import time; Sender().step(ThreadPoolExecutor(1)); time.sleep(60)"
    )
    sender = subprocess.Popen([sys.executable, "-c", code], env=process_environment, cwd=ROOT)
    try:
        wait_for(lambda: receiver.got, 30, "the first try")
    finally:
        sender.kill()
        sender.wait()
    receiver.hold.set()
    row.refresh_from_db()
    assert (row.state, row.tries) == ("waiting", 1)
    assert deliver(row.next_at - timedelta(seconds=1)) == []
    [again] = deliver(row.next_at)
    assert [headers["webhook-id"] for _, headers, _ in receiver.got] == [f"msg_{row.pk}"] * 2
    webhook_sender.finish(row, webhook_sender.Answer(500, "late"), again.next_at)
    assert Delivery.objects.get().state == "arrived"


def test_one_address_that_is_slow_keeps_places_free_for_the_others(db):
    slow, quick = factories.make_webhook(), factories.make_webhook()
    for _ in range(10):
        factories.make_delivery(slow)
    factories.make_delivery(quick, next_at=DAY + timedelta(seconds=1))
    now = DAY + timedelta(seconds=2)
    found = webhook_sender.take(8, Counter(), now)
    assert Counter(each.webhook_id for each in found) == {slow.pk: webhook_sender.OF_ONE_WEBHOOK, quick.pk: 1}
    assert webhook_sender.take(8, Counter({slow.pk: 2}), now) == []


# ---- where it may lead


@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://192.168.1.1:8080/"),
        *("http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::1]/"),
        *("http://0.0.0.0/", "http://[::]/", "http://[fe80::1]/", "http://224.0.0.1/", "http://100.100.100.200/"),
        *("http://172.16.0.1/", "http://[fc00::1]/", "http://2852039166/", "http://0x7f.1.2.3/"),
    ],
)
def test_it_leads_to_no_address_of_the_inside(url, monkeypatch):
    monkeypatch.setattr(settings.ORCH, "host", "0.0.0.0")
    with pytest.raises((webhook_addresses.Forbidden, OSError)):
        webhook_addresses.resolve(webhook_addresses.parts_of(url))


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org", "https://", "https://me:secret@example.org", "https://ex ample.org", "https://x:y/", "x"],
)
def test_what_is_no_address_is_refused_when_it_is_written(url):
    with pytest.raises(webhooks.InvalidWebhook):
        webhooks.create(factories.make_user("admin"), {"name": "x", "url": url}, DAY)


def test_a_network_may_be_allowed_but_never_where_credentials_are_given_out(monkeypatch):
    monkeypatch.setattr(settings.ORCH, "webhook_networks", ["10.0.0.0/8", "169.254.0.0/16"])
    assert webhook_addresses.resolve(webhook_addresses.parts_of("http://10.1.2.3/")) == "10.1.2.3"
    with pytest.raises(webhook_addresses.Forbidden):
        webhook_addresses.parts_of("http://169.254.169.254/")


def test_every_address_of_a_name_is_judged_and_the_judged_one_is_used(monkeypatch):
    entries = [(2, 1, 6, "", (each, 443)) for each in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(webhook_addresses.socket, "getaddrinfo", lambda *args, **kwargs: entries)
    parts = webhook_addresses.parts_of("https://example.org/")
    with pytest.raises(webhook_addresses.Forbidden, match=r"10\.0\.0\.1"):
        webhook_addresses.resolve(parts)
    entries.pop()
    assert webhook_addresses.resolve(parts) == "93.184.215.14"


def test_a_name_that_leads_inside_is_told_of_and_tried_again(monkeypatch):
    monkeypatch.setattr(settings.ORCH, "host", "0.0.0.0")
    row = factories.make_delivery(factories.make_webhook(url="http://localhost:9/"))
    deliver()
    row.refresh_from_db()
    assert row.status is None and "ORCHESTRATOR_WEBHOOK_NETWORKS" in row.answer
