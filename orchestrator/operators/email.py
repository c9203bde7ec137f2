"""Sending mail from a task."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

from orchestrator.sdk.connections import Connection
from orchestrator.sdk.exceptions import AirflowException, AirflowNotFoundException
from orchestrator.sdk.operator import BaseOperator


class Server:
    """A mail server: where it is, who signs in, and how the line is secured (``tls``: "no", "start", "always")."""

    def __init__(
        self, host: str, port: int, login: str | None, password: str | None, tls: str, sender: str | None
    ) -> None:
        self.host, self.port, self.login, self.password, self.tls, self.sender = (
            host,
            port,
            login,
            password,
            tls,
            sender,
        )

    def send(self, message: Any, recipients: list[str]) -> None:
        import smtplib

        kind = smtplib.SMTP_SSL if self.tls == "always" else smtplib.SMTP
        with kind(self.host, self.port, timeout=30) as server:
            if self.tls == "start":
                server.starttls()
            if self.login:
                server.login(self.login, self.password or "")
            server.send_message(message, to_addrs=recipients)


def find_server(conn_id: str | None = None) -> Server | None:
    """Return the mail server to use, None where none is set.

    Looked for in this order: the connection ``conn_id``, or else ``smtp_default``; Airflow's
    ``AIRFLOW__SMTP__...`` variables; the server this installation sends its alerts through.

    Raises:
        AirflowNotFoundException: ``conn_id`` was given and there is no such connection.
    """
    try:
        return _of_connection(Connection.get(conn_id or "smtp_default"))
    except AirflowNotFoundException:
        if conn_id is not None:
            raise
    host = os.environ.get("AIRFLOW__SMTP__SMTP_HOST")
    if host:
        return _of_environment(host)
    return server_at(_alert_url())


def _of_connection(connection: Connection) -> Server:
    extra = connection.extra_dejson
    tls = "no" if extra.get("disable_ssl") else "always"
    if tls == "no" and not extra.get("disable_tls"):
        tls = "start"
    port = connection.port or (465 if tls == "always" else 587)
    host = connection.host or "localhost"
    return Server(host, port, connection.login, connection.password, tls, extra.get("from_email") or connection.login)


def _of_environment(host: str) -> Server:
    def read(name: str, default: str = "") -> str:
        return os.environ.get(f"AIRFLOW__SMTP__SMTP_{name}", default)

    def yes(name: str, default: str) -> bool:
        return read(name, default).strip().lower() in {"1", "t", "true", "yes", "on"}

    tls = "always" if yes("SSL", "false") else "start" if yes("STARTTLS", "true") else "no"
    return Server(
        host, int(read("PORT", "25")), read("USER") or None, read("PASSWORD") or None, tls, read("MAIL_FROM") or None
    )


def server_at(url: str | None) -> Server | None:
    """Read ``smtp://user:password@host:port/?starttls&from=address`` (``smtps://``: TLS from the start); None for none."""
    if not url:
        return None
    from urllib.parse import parse_qs, unquote, urlsplit

    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    tls = "always" if parts.scheme == "smtps" else "start" if "starttls" in query else "no"
    login = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    sender = query.get("from", [None])[0]
    return Server(parts.hostname or "localhost", parts.port or 25, login, password, tls, sender)


def _alert_url() -> str | None:
    from orchestrator.sdk.context import get_current_context

    try:
        return getattr(get_current_context()["ti"], "assignment", {}).get("smtp_url")
    except RuntimeError:
        return None


def addresses(given: str | Iterable[str] | None) -> list[str]:
    """One text with commas or semicolons between addresses, or a list of them."""
    if given is None:
        return []
    if isinstance(given, str):
        given = given.replace(";", ",").split(",")
    return [each.strip() for each in given if each and each.strip()]


def send_email(
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: Collection[str] | None = None,
    dryrun: bool = False,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    conn_id: str | None = None,
    custom_headers: dict[str, Any] | None = None,
    from_email: str | None = None,
    **ignored: Any,
) -> None:
    """Send a mail in HTML, with ``files`` (paths) attached.

    Raises:
        AirflowException: nobody to send to, or no mail server is set.
    """
    from email.message import EmailMessage
    from mimetypes import guess_type

    recipients = [*addresses(to), *addresses(cc), *addresses(bcc)]
    if not recipients:
        raise AirflowException("a mail needs at least one address in `to`")
    server = find_server(conn_id)
    if server is None:
        raise AirflowException(
            "no mail server is set: make a connection smtp_default, or set ORCHESTRATOR_SMTP_URL for this installation"
        )
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = from_email or server.sender or "orchestrator@localhost"
    message["To"] = ", ".join(addresses(to))
    if cc:
        message["Cc"] = ", ".join(addresses(cc))
    for name, value in (custom_headers or {}).items():
        message[name] = str(value)
    message.set_content(html_content, subtype="html", charset=mime_charset)
    for path in files or ():
        kind, _, sub = (guess_type(path)[0] or "application/octet-stream").partition("/")
        with open(path, "rb") as file:
            message.add_attachment(file.read(), maintype=kind, subtype=sub, filename=os.path.basename(path))
    if not dryrun:
        server.send(message, recipients)


class EmailOperator(BaseOperator):
    """Sends a mail."""

    template_fields: Collection[str] = ("to", "subject", "html_content", "from_email", "files", "cc", "bcc")
    template_ext = (".html",)
    ui_color = "#e6faf9"

    def __init__(
        self,
        *,
        to: str | list[str],
        subject: str,
        html_content: str,
        files: list[str] | None = None,
        cc: str | list[str] | None = None,
        bcc: str | list[str] | None = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        conn_id: str | None = None,
        custom_headers: dict[str, Any] | None = None,
        from_email: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to, self.subject, self.html_content, self.files = to, subject, html_content, files or []
        self.cc, self.bcc, self.from_email = cc, bcc, from_email
        self.mime_subtype, self.mime_charset = mime_subtype, mime_charset
        self.conn_id, self.custom_headers = conn_id, custom_headers

    def execute(self, context: Any) -> None:
        send_email(
            self.to,
            self.subject,
            self.html_content,
            files=self.files,
            cc=self.cc,
            bcc=self.bcc,
            mime_charset=self.mime_charset,
            conn_id=self.conn_id,
            custom_headers=self.custom_headers,
            from_email=self.from_email,
        )
        self.log.info("Sent a mail to %s", ", ".join(addresses(self.to)))
