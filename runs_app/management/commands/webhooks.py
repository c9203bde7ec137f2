"""``manage.py webhooks``: addresses that are told how runs end."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone

from runs_app import webhooks
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows
from runs_app.models import Delivery, Webhook

COLUMNS = ("id", "name", "url", "kinds", "dag_ids", "tags", "owner", "enabled", "disabled_why", "succeeded_at")
SENT = ("id", "kind", "dag_id", "run_id", "state", "tries", "status", "answer", "created_at", "next_at")


def _shape(row: Webhook) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in COLUMNS[1:] if name != "owner"}
    return {"id": row.pk, **found, "owner": row.owner.get_username()}


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {name: ", ".join(value) if isinstance(value, list) else value for name, value in row.items()}


def _one(options: Options) -> Webhook:
    row = Webhook.objects.filter(pk=options.id).select_related("owner").first()
    if row is None:
        raise CommandError(f"There is no webhook {options.id!r}: see `manage.py webhooks list`")
    return row


def list_webhooks(console: Console, options: Options) -> None:
    found = [_shape(each) for each in Webhook.objects.select_related("owner")]
    console.show(found, rows([_line(each) for each in found], COLUMNS))


def create(console: Console, options: Options) -> None:
    owner = get_user_model().objects.filter(username=options.owner).first()
    if owner is None:
        raise CommandError(f"There is no user {options.owner!r}")
    values: dict[str, Any] = {"name": options.name, "url": options.url}
    values |= {"kinds": options.kind} if options.kind else {}
    values |= {"dag_ids": options.dag or [], "tags": options.tag or []}
    row, secret = webhooks.create(owner, values, timezone.now())
    console.show({"id": row.pk, "secret": secret}, [row.pk, secret])


def delete(console: Console, options: Options) -> None:
    row = _one(options)
    webhooks.delete(row, user=None)
    console.show({"id": options.id, "deleted": True}, [f"webhook {row.name} is deleted"])


def enable(console: Console, options: Options) -> None:
    row = _one(options)
    webhooks.change(row, {"enabled": True}, user=None, now=timezone.now())
    console.show(_shape(row), [f"webhook {row.name} is enabled"])


def disable(console: Console, options: Options) -> None:
    row = _one(options)
    webhooks.change(row, {"enabled": False}, user=None, now=timezone.now())
    console.show(_shape(row), [f"webhook {row.name} is disabled"])


def test(console: Console, options: Options) -> None:
    made = webhooks.send_test(_one(options), user=None, now=timezone.now())
    console.show({"delivery": made.pk}, [f"message {made.pk} is on its way: see `manage.py webhooks deliveries`"])


def renew(console: Console, options: Options) -> None:
    secret = webhooks.renew_secret(_one(options), user=None)
    console.show({"id": options.id, "secret": secret}, [secret])


def deliveries(console: Console, options: Options) -> None:
    found = Delivery.objects.filter(webhook=_one(options))
    found = found.filter(state=options.state) if options.state else found
    data = list(found.values(*SENT)[: options.limit])
    console.show(data, rows(data, SENT))


def resend(console: Console, options: Options) -> None:
    row = Delivery.objects.filter(pk=options.id).select_related("webhook").first()
    if row is None:
        raise CommandError(f"There is no message {options.id!r}: see `manage.py webhooks deliveries`")
    webhooks.resend(row, user=None, now=timezone.now())
    console.show({"delivery": row.pk}, [f"message {row.pk} is sent once more"])


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("id")


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("owner", help="it is told of the DAGs that this user may see")
    parser.add_argument("name", help="what it is for")
    parser.add_argument("url")
    parser.add_argument("--kind", action="append", choices=webhooks.KINDS, help="what it is told of; may repeat")
    parser.add_argument("--dag", action="append", help="only of this DAG; may repeat")
    parser.add_argument("--tag", action="append", help="only of DAGs with this tag; may repeat")


def _delivery_arguments(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--state", choices=["waiting", "arrived", "dead"])
    parser.add_argument("--limit", type=int, default=50, help="the newest so many (50)")


class Command(GroupCommand):
    """``webhooks ACTION ...``; each action takes ``--json``."""

    help = "Webhooks: addresses that are told how runs end."
    subcommands = {
        "list": Subcommand("all, without their secrets", list_webhooks),
        "create": Subcommand("one; its secret is shown this once", create, _create_arguments),
        "delete": Subcommand("one, with what it was told", delete, _id),
        "enable": Subcommand("one; what waited goes on", enable, _id),
        "disable": Subcommand("one; it is told nothing for now", disable, _id),
        "test": Subcommand("one, by a message that tells of nothing", test, _id),
        "renew": Subcommand("the secret of one; it is shown this once", renew, _id),
        "deliveries": Subcommand("what one was told, the newest first", deliveries, _delivery_arguments),
        "resend": Subcommand("a message, under the id it has", resend, _id),
    }
