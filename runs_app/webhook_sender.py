"""Sends what webhooks are to be told, beside the triggerer: at least once each, whatever is killed meanwhile.

A message that is being sent is a row whose next time lies a little ahead: who sends it need not live to its end.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import random
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, connections, transaction
from django.utils import timezone

from dags_app import secrets
from dags_app.models import AuditEntry

from . import webhook_addresses, webhooks
from .locking import close_broken, retrying
from .models import Delivery, Webhook

log = logging.getLogger(__name__)

AT_ONCE = 8
OF_ONE_WEBHOOK = 2
"""So many at once, so that an address that is slow keeps places free for the others."""
POLL_SECONDS = 1.0
FORGET_SECONDS = 3600.0
ANSWER_SECONDS = 15.0
ANSWER_BYTES = 16 * 1024
LEASE = timedelta(seconds=60)
"""Longer than a try can take; who holds a message for longer is dead, and another sends it."""
PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600, 21600)
"""Seconds between the tries; together a little less than a day."""
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try: the status, or None and what went wrong."""

    status: int | None
    text: str

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """A thread that takes what is due, has it sent by a few others, and writes down what came of it."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self.under_way: dict[Future[Answer], Delivery] = {}
        self.forgot_at = 0.0

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Take nothing more. What is being sent is sent again by another if its answer does not come in time."""
        self.ended.set()
        self.thread.join(2.0)

    def _run(self) -> None:
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        while not self.ended.wait(0.05 if self.under_way else POLL_SECONDS):
            try:
                self.step(pool)
            except (DatabaseError, InterfaceError) as error:
                log.warning("webhooks_interrupted error=%s", error)
                close_broken()
            except Exception:  # one row that cannot be sent must not keep the others from it
                log.exception("webhooks_failed")
        pool.shutdown(wait=False, cancel_futures=True)
        connections.close_all()

    def step(self, pool: ThreadPoolExecutor) -> None:
        """Write down what has come, and send what is due."""
        for future in [each for each in self.under_way if each.done()]:
            finish(self.under_way[future], future.result(), timezone.now())
            del self.under_way[future]
        busy = Counter(each.webhook_id for each in self.under_way.values())
        for delivery in take(AT_ONCE - len(self.under_way), busy, timezone.now()):
            try:
                self.under_way[pool.submit(send, delivery, _secret(delivery))] = delivery
            except secrets.SecretError as error:  # of this webhook alone: the others have theirs
                finish(delivery, Answer(None, str(error)), timezone.now())
        if time.monotonic() - self.forgot_at > FORGET_SECONDS:
            self.forgot_at = time.monotonic()
            webhooks.forget(timezone.now())


def _secret(delivery: Delivery) -> str:
    return secrets.decrypt(delivery.webhook.secret, f"the secret of webhook {delivery.webhook.name!r}")


@retrying()
def take(count: int, busy: Counter[str], now: datetime) -> list[Delivery]:
    """Take what is due and what nobody else is sending."""
    if count <= 0:
        return []
    full = [pk for pk, number in busy.items() if number >= OF_ONE_WEBHOOK]
    due = Delivery.objects.filter(state="waiting", next_at__lte=now, webhook__enabled=True)
    rows = list(due.exclude(webhook_id__in=full).order_by("next_at", "pk").select_related("webhook")[: count * 10])
    found, now_busy = [], Counter(busy)
    for row in rows:
        if len(found) == count or now_busy[row.webhook_id] >= OF_ONE_WEBHOOK:
            continue
        # Whoever changes the time first has it: no lock is held while it is sent.
        mine = Delivery.objects.filter(pk=row.pk, state="waiting", next_at=row.next_at)
        row.next_at, row.tries = now + LEASE, row.tries + 1
        if mine.update(next_at=row.next_at, tries=row.tries):
            now_busy[row.webhook_id] += 1
            found.append(row)
    return found


@retrying()
def finish(delivery: Delivery, answer: Answer, now: datetime) -> None:
    """Write down what came of a try; decide when the next one is, or that there is none."""
    values: dict[str, object] = {"status": answer.status, "answer": answer.text[:500], "tried_at": now}
    if answer.arrived:
        values |= {"state": "arrived", "next_at": None}
    else:
        wait = PAUSES[min(delivery.tries, len(PAUSES)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)
        next_at = now + timedelta(seconds=wait)
        over = delivery.tries > len(PAUSES) or next_at > delivery.give_up_at or answer.status == 410
        values |= {"state": "dead", "next_at": None} if over else {"next_at": next_at}
    with transaction.atomic():
        # Only while it is ours: one that was taken for lost, or sent once more by somebody, is another's to decide.
        mine = Delivery.objects.filter(pk=delivery.pk, state="waiting", next_at=delivery.next_at)
        if not mine.update(**values):
            return
        if answer.arrived:
            Webhook.objects.filter(pk=delivery.webhook_id).update(succeeded_at=now)
        elif values.get("state") == "dead":
            _give_up(delivery, answer)


def _give_up(delivery: Delivery, answer: Answer) -> None:
    """Disable a webhook to which nothing has come through since a message was made that is dead now."""
    told = f"{answer.status} {answer.text}" if answer.status else answer.text
    log.error("webhook_gave_up webhook=%s delivery=%s answer=%s", delivery.webhook_id, delivery.pk, told[:200])
    reason = "The address says that it is gone (410)" if answer.status == 410 else f"Nothing arrived for a day: {told}"
    alive = Webhook.objects.filter(pk=delivery.webhook_id, enabled=True)
    if answer.status != 410:
        alive = alive.exclude(succeeded_at__gte=delivery.created_at)
    if alive.update(enabled=False, disabled_why=reason[:500]):
        log.error("webhook_disabled webhook=%s reason=%s", delivery.webhook_id, reason[:200])
        extra = {"webhook": delivery.webhook.name, "reason": reason[:200]}
        AuditEntry.objects.create(actor="engine", event="disable_webhook", extra=extra)


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """Return the signature of a message as the convention of Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def send(delivery: Delivery, secret: str) -> Answer:
    """Make one try. Touches no database: it runs in a thread of its own."""
    import httpx

    now = int(time.time())
    message_id = f"msg_{delivery.pk}"
    try:
        parts = webhook_addresses.parts_of(delivery.webhook.url)
        address = webhook_addresses.resolve(parts)
        headers = {
            "Host": _host(parts),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "orchestrator-webhooks",
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(secret, message_id, now, delivery.body),
        }
        return _post(parts, address, headers, delivery.body.encode())
    except webhook_addresses.Forbidden as error:
        return Answer(None, str(error))
    except (httpx.HTTPError, OSError) as error:
        return Answer(None, f"{type(error).__name__}: {error}")


def _host(parts: webhook_addresses.Parts) -> str:
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    return host if parts.port == webhook_addresses.PORTS[parts.scheme] else f"{host}:{parts.port}"


def _post(parts: webhook_addresses.Parts, address: str, headers: dict[str, str], body: bytes) -> Answer:
    import httpx

    shown = f"[{address}]" if ":" in address else address
    url = f"{parts.scheme}://{shown}:{parts.port}{parts.target}"
    until = time.monotonic() + ANSWER_SECONDS
    # No proxy of the environment and no redirect: either would choose another address than the one that was judged.
    with (
        httpx.Client(
            trust_env=False, follow_redirects=False, timeout=httpx.Timeout(ANSWER_SECONDS, connect=5.0)
        ) as client,
        client.stream("POST", url, content=body, headers=headers, extensions={"sni_hostname": parts.host}) as answer,
    ):
        found = bytearray()
        for chunk in answer.iter_raw():
            found += chunk
            if len(found) >= ANSWER_BYTES or time.monotonic() > until:
                break
        text = found[:500].decode("utf-8", "replace")
        return Answer(answer.status_code, "".join(each if each.isprintable() else " " for each in text))
