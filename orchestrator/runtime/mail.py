"""E-mails about failures and retries, over SMTP."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

from orchestrator.operators.email import addresses, server_at


def send_alert(assignment: dict[str, Any], to: Any, error: BaseException) -> None:
    """Tell ``to`` that a try failed; nothing is sent where no SMTP server is set."""
    server = server_at(assignment.get("smtp_url"))
    if server is None:
        return
    what = f"{assignment['dag_id']}.{assignment['task_id']}"
    message = EmailMessage()
    message["Subject"] = f"Orchestrator alert: {what} failed"
    message["From"] = server.sender or "orchestrator@localhost"
    message["To"] = ", ".join(addresses(to))
    message.set_content(
        f"Try {assignment['try_number']} of {what} in run {assignment['run']['run_id']} failed:\n\n"
        f"{type(error).__name__}: {error}\n"
    )
    server.send(message, addresses(to))
