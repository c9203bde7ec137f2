"""Notifiers that come along: mail, webhooks, Slack. With the standard library alone, since they run in a task's process."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from orchestrator.sdk.connections import Connection
from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.notifier import BaseNotifier

from .email import send_email

Json = dict[str, Any]
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed later."""
SLACK = "https://hooks.slack.com/services"


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float = 10.0,
    retries: int = 3,
    proxy: str | None = None,
    wait: float = 1.0,
) -> None:
    """POST ``body``, again after an error that may pass; ``wait`` seconds before the second time, then twice as long.

    Raises:
        AirflowException: it was refused, or never arrived. The address is not part of the message: it may be a secret.
    """
    import urllib.error
    import urllib.request
    from http.client import HTTPException
    from urllib.parse import urlsplit

    if urlsplit(url).scheme not in {"http", "https"}:
        raise AirflowException("a webhook's address starts with https:// or http://")
    proxies = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    opener = urllib.request.build_opener(proxies)
    for attempt in range(retries + 1):
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
        try:
            with opener.open(request, timeout=timeout):
                return
        except urllib.error.HTTPError as error:
            with error:
                problem = f"answered {error.code}: {error.read(500).decode(errors='replace')}"
            if error.code not in RETRIED:
                break
        except (OSError, HTTPException) as error:
            problem = f"cannot be reached: {type(error).__name__}"
        if attempt < retries:
            time.sleep(wait * 2**attempt)
    raise AirflowException(f"{urlsplit(url).hostname} {problem}")


def facts(context: Any) -> Json:
    """What a machine wants to know of the end that a notifier is told of."""
    ti, run = context.get("ti"), context.get("dag_run")
    date, error = context.get("logical_date"), context.get("exception")
    deadline = context.get("deadline")
    run_id = run.get("dag_run_id") if isinstance(run, Mapping) else getattr(run, "run_id", None)
    dag_id = run.get("dag_id") if isinstance(run, Mapping) else getattr(run, "dag_id", None)
    return {
        "dag_id": dag_id,
        "run_id": run_id,
        **{name: getattr(ti, name, None) for name in ("task_id", "map_index", "try_number", "state")},
        "logical_date": date.isoformat() if hasattr(date, "isoformat") else date,
        "reason": context.get("reason"),
        "exception": f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error,
        "deadline": str(deadline["deadline_time"]) if deadline else None,
    }


class WebhookNotifier(BaseNotifier):
    """POSTs JSON to ``url``, or to the address of the connection ``http_conn_id``, up to ``retries`` times again.

    ``payload`` (templates) is the body; without it, the ids, the state and the error. With ``secret``, or where the
    connection has a password, the request is signed: ``X-Orchestrator-Signature: sha256=HMAC(secret,
    timestamp + "." + body)``, beside ``X-Orchestrator-Timestamp``. ``X-Orchestrator-Delivery`` is the same each time
    one message is sent again.
    """

    template_fields: Collection[str] = ("url", "payload", "headers", "secret")

    def __init__(
        self,
        *,
        url: str | None = None,
        http_conn_id: str | None = None,
        payload: Any = None,
        headers: Mapping[str, str] | None = None,
        secret: str | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (url is None) == (http_conn_id is None):
            raise ValueError("a WebhookNotifier takes either url or http_conn_id")
        self.url, self.http_conn_id, self.payload, self.secret = url, http_conn_id, payload, secret
        self.headers, self.timeout, self.retries = dict(headers or {}), timeout, retries

    def notify(self, context: Any) -> None:
        url, secret = self.url or "", self.secret
        if self.http_conn_id is not None:
            connection = Connection.get(self.http_conn_id)
            url, secret = _address(connection), secret or connection.password
        payload = self.payload if self.payload is not None else facts(context)
        body = json.dumps(payload, default=str).encode()
        headers = {"Content-Type": "application/json", "X-Orchestrator-Delivery": str(uuid.uuid4()), **self.headers}
        if secret:
            headers |= _signed(secret, body, int(time.time()))
        post(url, body, headers, timeout=self.timeout, retries=self.retries)


def _signed(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    import hashlib
    import hmac

    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Orchestrator-Timestamp": str(timestamp), "X-Orchestrator-Signature": f"sha256={digest}"}


def _address(connection: Connection) -> str:
    """The URL of an HTTP connection: its host as it is, or put together of schema, host and port."""
    host = connection.host or ""
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{host}{port}"


class SlackWebhookNotifier(BaseNotifier):
    """Posts a message to an incoming webhook of Slack, or of whatever takes Slack's messages (Mattermost, Discord ...).

    The connection's password is the webhook's token (T00/B00/xxx), or its whole address.
    """

    template_fields: Collection[str] = ("slack_webhook_conn_id", "text", "attachments", "blocks", "proxy", "timeout")

    def __init__(
        self,
        *,
        slack_webhook_conn_id: str = "slack_default",
        text: str,
        blocks: list[Any] | None = None,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
        proxy: str | None = None,
        timeout: int | None = None,
        attachments: list[Any] | None = None,
        retry_handlers: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.slack_webhook_conn_id, self.text = slack_webhook_conn_id, text
        self.blocks, self.attachments = blocks, attachments
        self.unfurl_links, self.unfurl_media, self.proxy, self.timeout = unfurl_links, unfurl_media, proxy, timeout

    def notify(self, context: Any) -> None:
        connection = Connection.get(self.slack_webhook_conn_id)
        token = connection.password or connection.extra_dejson.get("webhook_token") or ""
        if not token:
            raise AirflowException(f"the connection {self.slack_webhook_conn_id} has no webhook token as its password")
        root = _address(connection) if connection.host else SLACK
        url = token if token.startswith("http") else f"{root.rstrip('/')}/{token.lstrip('/')}"
        names = ("text", "blocks", "attachments", "unfurl_links", "unfurl_media")
        message = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        body = json.dumps(message, default=str).encode()
        post(url, body, {"Content-Type": "application/json"}, timeout=float(self.timeout or 30), proxy=self.proxy)


SUBJECT = (
    "{% if ti is defined %}DAG {{ ti.dag_id }}, task {{ ti.task_id }}: {{ ti.state }}"
    "{% else %}DAG {{ dag_run.dag_id }}: {{ 'deadline missed' if deadline is defined else 'news' }}{% endif %}"
)
CONTENT = (
    "<p>{% if ti is defined %}Task <b>{{ ti.task_id }}</b> of DAG <b>{{ ti.dag_id }}</b>, run {{ ti.run_id }}, "
    "try {{ ti.try_number }}: {{ ti.state }}{% else %}DAG <b>{{ dag_run.dag_id }}</b>, run {{ dag_run.run_id }}{% endif %}</p>"
    "{% if exception is defined and exception %}<pre>{{ exception | string | escape }}</pre>{% endif %}"
    "{% if reason is defined and reason %}<p>{{ reason | escape }}</p>{% endif %}"
    "{% if deadline is defined %}<p>It was needed by {{ deadline.deadline_time }}.</p>{% endif %}"
)


class SmtpNotifier(BaseNotifier):
    """Sends a mail, as the mail operator does; subject and content have defaults that say what ended how."""

    template_fields: Collection[str] = (
        *("from_email", "to", "subject", "html_content", "files", "cc", "bcc", "mime_subtype", "mime_charset"),
        *("custom_headers", "smtp_conn_id"),
    )

    def __init__(
        self,
        to: str | Iterable[str],
        from_email: str | None = None,
        subject: str | None = None,
        html_content: str | None = None,
        files: list[str] | None = None,
        cc: str | Iterable[str] | None = None,
        bcc: str | Iterable[str] | None = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        custom_headers: dict[str, Any] | None = None,
        smtp_conn_id: str | None = None,
        auth_type: str = "basic",
        *,
        template: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to, self.from_email, self.cc, self.bcc, self.files = to, from_email, cc, bcc, files
        self.mime_subtype, self.mime_charset, self.custom_headers = mime_subtype, mime_charset, custom_headers
        self.smtp_conn_id, self.auth_type = smtp_conn_id, auth_type
        if html_content is None and template is not None:
            with open(template, encoding="utf-8") as file:
                html_content = file.read()
        self.subject = SUBJECT if subject is None else subject
        self.html_content = CONTENT if html_content is None else html_content

    def notify(self, context: Any) -> None:
        send_email(
            self.to,
            self.subject,
            self.html_content,
            files=self.files,
            cc=self.cc,
            bcc=self.bcc,
            mime_charset=self.mime_charset,
            conn_id=self.smtp_conn_id,
            custom_headers=self.custom_headers,
            from_email=self.from_email,
        )


send_smtp_notification, send_slack_webhook_notification = SmtpNotifier, SlackWebhookNotifier
