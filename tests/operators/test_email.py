"""Mails from tasks, to a mail server that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.operators.email import EmailOperator, addresses, find_server
from orchestrator.operators.python import PythonOperator
from tests.support.mailbox import Mailbox, running

from .running import reason, run, state


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running() as made:
        yield made


def connection(mailbox: Mailbox) -> dict[str, object]:
    extra = '{"disable_ssl": true, "disable_tls": true, "from_email": "me@example.org"}'
    return {
        "conn_id": "smtp_default",
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": mailbox.server_address[1],
        "extra": extra,
    }


def mail(**kwargs: object) -> EmailOperator:
    return EmailOperator(task_id="t", **{"to": "a@example.org", "subject": "s", "html_content": "<p>h</p>", **kwargs})


def test_a_mail_with_a_file_reaches_everybody(mailbox: Mailbox, tmp_path: Path):
    (tmp_path / "report.csv").write_text("a,b\n")
    found = run(
        lambda: mail(
            to=["a@example.org", "b@example.org"],
            cc="c@example.org",
            bcc="d@example.org",
            subject="Report of {{ ds }}",
            files=[str(tmp_path / "report.csv")],
        ),
        connection=connection(mailbox),
    )
    assert state(found, "t") == "success", reason(found, "t")
    ((recipients, message),) = mailbox.mails
    assert recipients == ["a@example.org", "b@example.org", "c@example.org", "d@example.org"]
    assert (message["Subject"], message["From"], message["Cc"]) == (
        "Report of 2024-03-01",
        "me@example.org",
        "c@example.org",
    )
    assert message["Bcc"] is None
    parts = [(each.get_content_type(), each.get_filename()) for each in message.iter_parts()]
    assert parts == [("text/html", None), ("text/csv", "report.csv")]


def test_a_line_break_in_a_subject_starts_no_new_header(mailbox: Mailbox):
    found = run(lambda: mail(subject="x\nBcc: everybody@example.org"), connection=connection(mailbox))
    assert state(found, "t") == "success", reason(found, "t")
    ((recipients, message),) = mailbox.mails
    assert recipients == ["a@example.org"] and message["Bcc"] is None


def test_without_a_mail_server_it_says_where_to_set_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AIRFLOW__SMTP__SMTP_HOST", raising=False)
    assert "no mail server is set" in reason(run(mail), "t")


def test_airflows_environment_names_a_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "mail.example.org")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_STARTTLS", "False")
    found = find_server()
    assert found is not None and (found.host, found.port, found.tls) == ("mail.example.org", 25, "no")


def test_addresses_may_be_one_text():
    assert addresses("a@x.org; b@x.org,c@x.org ,") == ["a@x.org", "b@x.org", "c@x.org"]


def test_a_failures_mail_goes_by_the_connection_where_the_installation_has_no_server(mailbox: Mailbox):
    def failing() -> PythonOperator:
        return PythonOperator(task_id="t", python_callable=lambda: 1 / 0, email="ops@example.org")

    assert state(run(failing, connection=connection(mailbox)), "t") == "failed"
    ((recipients, message),) = mailbox.mails
    assert recipients == ["ops@example.org"] and message["From"] == "me@example.org"
    assert "ZeroDivisionError" in message.get_content()
