"""Webhooks: made, changed, and told of what happened.

The log of state changes is the outbox: it is written in the transaction of each change anyway, so whoever ends a task
does nothing for webhooks. The control pass reads on in it and makes a row for each message; a sender of
:mod:`runs_app.webhook_sender` sends those rows. Whatever is killed in between, the next pass begins where the last
one was committed.
"""

from __future__ import annotations

import json
import secrets as random
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from dags_app import secrets
from dags_app.models import Dag
from orchestrator.core.states import TaskState, as_airflow

from . import state_feed, webhook_addresses
from .actions import audit
from .answer_links import base_url
from .exceptions import OrchestratorError
from .models import ControlState, DagRun, Delivery, StateEvent, Webhook
from .models.webhook import new_id

KINDS = ("dag_run.running", "dag_run.success", "dag_run.failed", "dag_run.cancelled", "task_instance.failed")
DEFAULT_KINDS = ("dag_run.success", "dag_run.failed", "dag_run.cancelled")
TEST = "webhook.test"
MOST = 100
EVENTS_AT_ONCE = 5000
LOOKED_BACK = 20_000
"""Events whose transaction ended after that of a later one: they are looked at again, and told of once."""
LIFE = timedelta(days=1)
KEPT = timedelta(days=14)


class InvalidWebhook(OrchestratorError):
    """A webhook cannot be made or changed as it was asked for."""


def create(owner: Any, values: Mapping[str, Any], now: datetime) -> tuple[Webhook, str]:
    """Make a webhook; return it and its secret, which nobody can get again.

    Raises:
        InvalidWebhook: an address, a kind or a name that is none, or too many.
    """
    _check(values)
    if Webhook.objects.count() >= MOST:
        raise InvalidWebhook(f"There are {MOST} webhooks already: delete one first")
    secret = new_secret()
    with transaction.atomic():
        row = Webhook.objects.create(
            owner=owner,
            secret=secrets.encrypt(secret),
            created_at=now,
            after=state_feed.newest(),
            **{"kinds": list(DEFAULT_KINDS), **values},
        )
        audit(owner, "create_webhook", webhook=row.name, host=_host(row), kinds=row.kinds)
    return row, secret


def change(row: Webhook, values: Mapping[str, Any], *, user: Any, now: datetime) -> None:
    """Change a webhook. One that is enabled again is told of what happens from then on, and of what still waited.

    Raises:
        InvalidWebhook: as :func:`create`.
    """
    _check(values)
    with transaction.atomic():
        for name, value in values.items():
            setattr(row, name, value)
        if values.get("enabled"):
            row.disabled_why = ""
            Delivery.objects.filter(webhook=row, state="waiting").update(next_at=now, give_up_at=now + LIFE)
        row.save()
        audit(user, "change_webhook", webhook=row.name, changed=sorted(values))


def renew_secret(row: Webhook, *, user: Any) -> str:
    """Give a webhook another secret; what is sent from now on is signed with it."""
    secret = new_secret()
    with transaction.atomic():
        Webhook.objects.filter(pk=row.pk).update(secret=secrets.encrypt(secret))
        audit(user, "renew_webhook_secret", webhook=row.name)
    return secret


def delete(row: Webhook, *, user: Any) -> None:
    with transaction.atomic():
        audit(user, "delete_webhook", webhook=row.name, host=_host(row))
        row.delete()


def send_test(row: Webhook, *, user: Any, now: datetime) -> Delivery:
    """Have a message sent that tells of nothing, whatever the webhook is told of."""
    with transaction.atomic():
        audit(user, "test_webhook", webhook=row.name)
        return _delivery(row, None, TEST, {"webhook_id": row.pk, "name": row.name}, now, now)


def resend(delivery: Delivery, *, user: Any, now: datetime) -> None:
    """Send a message once more, with the id it has: who had it already can tell."""
    with transaction.atomic():
        values = {"state": "waiting", "tries": 0, "next_at": now, "give_up_at": now + LIFE}
        Delivery.objects.filter(pk=delivery.pk).update(**values)
        audit(
            user, "resend_webhook", webhook=delivery.webhook.name, delivery=delivery.pk, dag_id=delivery.dag_id or None
        )


def new_secret() -> str:
    """As the convention of Standard Webhooks has it: 24 random bytes in base64, after a prefix."""
    return "whsec_" + b64encode(random.token_bytes(24)).decode()


def _host(row: Webhook) -> str:
    """What the audit log may hold of an address: the rest of it is often a secret itself, as a chat's."""
    return urlsplit(row.url).hostname or ""


def _check(values: Mapping[str, Any]) -> None:
    if "name" in values and not values["name"].strip():
        raise InvalidWebhook("A webhook needs a name that says what it is for")
    if "kinds" in values and (not values["kinds"] or set(values["kinds"]) - set(KINDS)):
        raise InvalidWebhook(f"A webhook is told of one or more of: {', '.join(KINDS)}")
    if "url" in values:
        try:
            webhook_addresses.parts_of(values["url"])
        except webhook_addresses.Forbidden as error:
            raise InvalidWebhook(str(error)) from error


# ---- from what happened to what is sent


def collect(now: datetime) -> int:
    """Make a message for each change that a webhook is told of; return how many. Safe at once in several processes."""
    hooks = list(Webhook.objects.filter(enabled=True).select_related("owner"))
    if not hooks:
        return 0
    seen = ControlState.objects.values_list("webhooks_seen", flat=True).first()
    if seen is None:
        return 0
    # What was before the first of them was made is nobody's.
    seen = max(seen, min(each.after for each in hooks))
    until = state_feed.up_to(seen, EVENTS_AT_ONCE)
    rows = list(_told(max(0, seen - LOOKED_BACK), until))
    made = _tell(hooks, rows, now) if rows else 0
    # Last: who dies before has only made rows that are there already when they are made again.
    ControlState.objects.filter(webhooks_seen__lt=until).update(webhooks_seen=until)
    return made


def _told(after: int, until: int) -> Iterable[StateEvent]:
    runs = Q(task_instance__isnull=True, new__in=[kind.partition(".")[2] for kind in KINDS[:4]])
    tasks = Q(task_instance__isnull=False, new=TaskState.FAILED)
    rows = StateEvent.objects.filter(runs | tasks, pk__gt=after, pk__lte=until)
    return rows.select_related("run", "task_instance").order_by("pk")


def _tell(hooks: list[Webhook], rows: list[StateEvent], now: datetime) -> int:
    known = set(
        Delivery.objects.filter(event__in=[row.pk for row in rows]).values_list("webhook_id", "event")
    )  # what an earlier pass has made
    dag_ids = {row.run.dag_id for row in rows}
    tags: dict[str, set[str]] = {}
    for dag_id, tag in Dag.objects.filter(pk__in=dag_ids, tags__isnull=False).values_list("pk", "tags__name"):
        tags.setdefault(dag_id, set()).add(tag)
    visible_dags = import_string(settings.VISIBLE_DAGS)
    made = []
    for hook in hooks:
        seen = set(visible_dags(hook.owner).filter(pk__in=dag_ids).values_list("pk", flat=True))
        for row in rows:
            kind = kind_of(row)
            if (hook.pk, row.pk) in known or row.pk <= hook.after or kind not in hook.kinds:
                continue
            if row.run.dag_id in seen and _wanted(hook, row.run.dag_id, tags.get(row.run.dag_id, set())):
                made.append(_made(hook, row.pk, kind, about(row), row.at, now, row.run))
    Delivery.objects.bulk_create(made, batch_size=100, ignore_conflicts=True)
    return len(made)


def _wanted(hook: Webhook, dag_id: str, tags: set[str]) -> bool:
    return (not hook.dag_ids or dag_id in hook.dag_ids) and (not hook.tags or bool(tags & set(hook.tags)))


def kind_of(row: StateEvent) -> str:
    return f"{'dag_run' if row.task_instance_id is None else 'task_instance'}.{row.new}"


def about(row: StateEvent) -> dict[str, Any]:
    """What a message says of a change. No conf and no note: who may read those asks the API."""
    run = row.run
    found: dict[str, Any] = {
        "dag_id": run.dag_id,
        "dag_run_id": run.run_id,
        "run_type": run.run_type,
        "logical_date": _moment(run.logical_date),
        "run_after": _moment(run.run_after),
        "partition_key": run.partition_key,
        "state": as_airflow(row.new),
        "old_state": as_airflow(row.old),
        "cancelled": row.new == "cancelled",
        "by": row.actor,
        "reason": row.reason or None,
        "url": f"{base_url()}/dags/{quote(run.dag_id, safe='')}/runs/{quote(run.run_id, safe='')}",
    }
    instance = row.task_instance
    if instance is None:
        return {**found, "start_date": _moment(run.started_at), "end_date": _moment(run.ended_at)}
    return {**found, "task_id": instance.task_id, "map_index": instance.map_index, "try_number": instance.try_number}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _made(
    hook: Webhook,
    event: int | None,
    kind: str,
    data: Mapping[str, Any],
    at: datetime,
    now: datetime,
    run: DagRun | None,
) -> Delivery:
    return Delivery(
        id=new_id(),
        webhook=hook,
        event=event,
        kind=kind,
        dag_id=run.dag_id if run else "",
        run_id=run.run_id if run else "",
        body=json.dumps({"type": kind, "timestamp": _moment(at), "data": data}, separators=(",", ":")),
        created_at=now,
        next_at=now,
        give_up_at=now + LIFE,
    )


def _delivery(
    hook: Webhook, event: int | None, kind: str, data: Mapping[str, Any], at: datetime, now: datetime
) -> Delivery:
    row = _made(hook, event, kind, data, at, now, None)
    row.save(force_insert=True)
    return row


def forget(now: datetime) -> int:
    """Delete messages that arrived, or were given up, long ago."""
    return Delivery.objects.exclude(state="waiting").filter(created_at__lt=now - KEPT).delete()[0]
