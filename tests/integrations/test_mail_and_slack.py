"""Mail through the smtp provider, a Slack-shaped webhook, a notification when a task fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from .conftest import needs
from .web import serving

pytestmark = needs("aiosmtpd")
MAILS: list[tuple[list[str], Message]] = []
LINES: list[dict[str, Any]] = []


@pytest.fixture(scope="module", autouse=True)
def servers(installation: Any) -> Iterator[None]:
    from aiosmtpd.controller import Controller

    from tests.support.servers import free_port

    class Keeps:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            MAILS.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
            return "250 OK"

    def answer(method: str, path: str, body: bytes) -> str:
        LINES.append(json.loads(body))
        return "ok"

    mail = Controller(Keeps(), hostname="127.0.0.1", port=free_port())
    mail.start()
    installation.connect(
        "smtp_default", "smtp", host="127.0.0.1", port=mail.port, extra={"disable_ssl": True, "disable_tls": True}
    )
    with serving(answer) as slack:
        where = f"http://127.0.0.1:{slack.server_port}/services"
        installation.connect("slack_default", "slackwebhook", host=where, password="T00/B00/XXX")
        yield
    mail.stop()


def mail_to(address: str) -> tuple[str, str]:
    """Subject and text of the one mail to an address."""
    (mail,) = [each for to, each in MAILS if to == [address]]
    (part,) = [each for each in mail.walk() if each.get_content_maintype() == "text"]
    return str(mail["Subject"]).replace("\n", ""), part.get_payload(decode=True).decode()


def test_a_report_goes_out_by_mail_and_to_a_channel(installation: Any):
    run = installation.finish("tell_people").assert_success()
    assert mail_to("sales@example.com") == (f"Sales of {run.run_id}", "<h1>All sold</h1>")
    assert f"Sold: {run.run_id}" in [each.get("text") for each in LINES]


def test_a_failed_task_has_its_mail(installation: Any):
    run = installation.finish("tell_people", {"fail": True})
    assert run.state == "failed"
    assert mail_to("oncall@example.com") == ("fail_if_wanted failed", run.run_id)
