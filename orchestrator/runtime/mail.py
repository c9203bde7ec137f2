"""E-mails about failures and retries, over SMTP."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


def send(smtp_url: str, to: Any, subject: str, text: str, html: str | None = None) -> None:
    """Send one mail. ``smtp_url``: smtp://user:password@host:port/?from=address, smtps:// for TLS from the start."""
    parts = urlsplit(smtp_url)
    query = parse_qs(parts.query)
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())[:900]
    message["From"] = query.get("from", ["orchestrator@localhost"])[0]
    message["To"] = ", ".join([to] if isinstance(to, str) else list(to))
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname or "localhost", parts.port or 25, timeout=30) as server:
        if "starttls" in query:
            server.starttls()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def send_alert(assignment: dict[str, Any], to: Any, error: BaseException) -> None:
    """Tell ``to`` that a try failed; nothing is sent where no SMTP server is set."""
    if not assignment.get("smtp_url"):
        return
    what = f"{assignment['dag_id']}.{assignment['task_id']}"
    text = f"Try {assignment['try_number']} of {what} in run {assignment['run']['run_id']} failed:\n\n{type(error).__name__}: {error}\n"
    send(assignment["smtp_url"], to, f"Orchestrator alert: {what} failed", text)
