"""Notifiers in real attempts, to servers that keep what they get."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orchestrator.operators import notifiers
from orchestrator.operators.notifiers import SlackWebhookNotifier, SmtpNotifier, WebhookNotifier
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk.exceptions import AirflowException

from .running import run, state
from .test_email import Mailbox, mailbox

assert mailbox  # the fixture


class Hooks(ThreadingHTTPServer):
    """Keeps requests; answers as ``statuses`` say, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        statuses = self.server.statuses  # type: ignore[attr-defined]
        self.send_response(statuses.pop(0) if statuses else 200)
        self.end_headers()
        self.wfile.write(b"because")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    made = Hooks()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def fail() -> None:
    raise ValueError("nothing works")


def failing(notifier: Any, **answers: Any) -> list[str]:
    lines: list[str] = []
    result = run(
        lambda: PythonOperator(task_id="a", python_callable=fail, on_failure_callback=notifier),
        say=lines.append,
        **answers,
    )
    assert state(result, "a") == "failed"
    return lines


def test_a_webhook_is_told_what_failed_and_signed(hooks: Hooks):
    failing(WebhookNotifier(url=hooks.url, secret="{{ 'sec' ~ 'ret' }}", headers={"X-Team": "{{ ti.task_id }}"}))

    ((_, headers, body),) = hooks.got
    told = json.loads(body)
    assert (told["dag_id"], told["task_id"], told["state"]) == ("d", "a", "failed")
    assert told["exception"] == "ValueError: nothing works" and headers["X-Team"] == "a"
    stamp = headers["X-Orchestrator-Timestamp"]
    digest = hmac.new(b"secret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Orchestrator-Signature"] == f"sha256={digest}"


def test_a_webhook_of_a_connection_is_signed_with_its_password(hooks: Hooks):
    connection = {"conn_id": "hook", "conn_type": "http", "host": hooks.url, "password": "pw"}
    failing(WebhookNotifier(http_conn_id="hook", payload={"text": "{{ ti.task_id }} failed"}), connection=connection)
    ((_, headers, body),) = hooks.got
    assert json.loads(body) == {"text": "a failed"} and "X-Orchestrator-Signature" in headers


def test_a_webhook_is_tried_again_after_what_may_pass(hooks: Hooks):
    hooks.statuses = [503, 429]
    notifiers.post(hooks.url, b"{}", {}, wait=0.01)
    assert len(hooks.got) == 3

    hooks.statuses = [400]
    with pytest.raises(AirflowException, match=r"127.0.0.1 answered 400: because"):
        notifiers.post(hooks.url, b"{}", {}, wait=0.01)
    assert len(hooks.got) == 4
    hooks.statuses = [500] * 9
    with pytest.raises(AirflowException, match="answered 500"):
        notifiers.post(hooks.url, b"{}", {}, wait=0.01, retries=2)
    assert len(hooks.got) == 7


@pytest.mark.parametrize(
    ("url", "complaint"), [("http://127.0.0.1:1/x", "cannot be reached"), ("file:///etc/passwd", "starts with https")]
)
def test_what_cannot_be_reached_says_so_without_the_address(url: str, complaint: str):
    with pytest.raises(AirflowException, match=complaint) as caught:
        notifiers.post(url, b"{}", {}, wait=0.01, retries=1)
    assert url not in str(caught.value)


def test_a_notifier_that_cannot_tell_is_logged():
    lines = failing(WebhookNotifier(url="http://127.0.0.1:1/x", retries=0))
    assert any("Failed to send notification" in line for line in lines)


def test_a_webhook_goes_to_one_place():
    with pytest.raises(ValueError, match="either url or http_conn_id"):
        WebhookNotifier()


@pytest.mark.parametrize("whole", [True, False])
def test_slack_gets_the_message(hooks: Hooks, whole: bool):
    root = hooks.url.removesuffix("/hook")
    connection = {"conn_id": "chat", "conn_type": "slackwebhook", "password": "T00/B00/xxx", "host": root}
    if whole:
        connection |= {"host": None, "password": f"{root}/T00/B00/xxx"}
    note = SlackWebhookNotifier(slack_webhook_conn_id="chat", text="{{ ti.task_id }} failed", unfurl_links=False)

    failing(note, connection=connection)

    ((path, _, body),) = hooks.got
    assert path == "/T00/B00/xxx"
    assert json.loads(body) == {"text": "a failed", "unfurl_links": False}


def test_mail_says_what_failed(mailbox: Mailbox):
    host, port = mailbox.server_address
    connection = {
        **{"conn_id": "smtp_default", "conn_type": "smtp", "host": host, "port": port},
        "extra": json.dumps({"disable_ssl": True, "disable_tls": True, "from_email": "flow@example.org"}),
    }
    failing(
        [SmtpNotifier(to="a@example.org"), SmtpNotifier("b@example.org", "me@x.org", "S", "<b>{{ ti.task_id }}</b>")],
        connection=connection,
    )
    (to, first), (_, second) = mailbox.mails
    assert (to, first["Subject"], first["From"]) == (["a@example.org"], "DAG d, task a: failed", "flow@example.org")
    assert "nothing works" in first.get_content()
    assert (second["Subject"], second.get_content().strip()) == ("S", "<b>a</b>")


def test_airflows_names_lead_here():
    from orchestrator import compat

    compat.install()
    from airflow.providers.slack.notifications.slack_webhook import send_slack_webhook_notification
    from airflow.providers.smtp.notifications.smtp import send_smtp_notification

    assert (send_smtp_notification, send_slack_webhook_notification) == (SmtpNotifier, SlackWebhookNotifier)
