"""E-mails about failures and retries, over SMTP."""

from __future__ import annotations

import os
from email.message import EmailMessage
from typing import Any

from orchestrator.operators.email import addresses, find_server, server_at


def send_alert(ti: Any, to: Any, error: BaseException, *, will_retry: bool) -> None:
    """Tell ``to`` that a try failed, and where to read why; nothing is sent where no mail server is set.

    The installation's server comes first, then the connection that Airflow would take, then its settings.
    """
    server = server_at(ti.assignment.get("smtp_url")) or find_server(os.environ.get("AIRFLOW__EMAIL__EMAIL_CONN_ID"))
    if server is None:
        return
    what = f"{ti.dag_id}.{ti.task_id}"
    message = EmailMessage()
    message["Subject"] = f"Orchestrator alert: {what} failed{', it is tried again' if will_retry else ''}"
    message["From"] = server.sender or os.environ.get("AIRFLOW__EMAIL__FROM_EMAIL") or "orchestrator@localhost"
    message["To"] = ", ".join(addresses(to))
    tries = f"Try {ti.try_number} of {ti.max_tries + 1}"
    where = f"instance {ti.map_index} of {what}" if ti.map_index != -1 else what
    links = f"Log: {ti.log_url}\n" + ("" if will_retry else f"Mark success: {ti.mark_success_url}\n")
    message.set_content(f"{tries} of {where} in run {ti.run_id} failed:\n\n{type(error).__name__}: {error}\n\n{links}")
    server.send(message, addresses(to))
