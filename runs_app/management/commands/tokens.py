"""``manage.py tokens``: personal API tokens."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone

from dags_app.models import ApiToken
from runs_app import api_tokens
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows

COLUMNS = (
    "id",
    "user",
    "name",
    "begins",
    "role",
    "scope",
    "dags",
    "created_at",
    "expires_at",
    "last_used_at",
    "revoked_at",
)
ROLES = ("viewer", "user", "op", "admin")
USUAL_DAYS = 90


def _owner(name: str) -> Any:
    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is no user {name!r}")
    return found


def list_tokens(console: Console, options: Options) -> None:
    found = ApiToken.objects.select_related("user")
    if options.user:
        found = found.filter(user=_owner(options.user))
    data = [
        {**{name: getattr(each, name) for name in COLUMNS[2:]}, "id": each.pk, "user": each.user.get_username()}
        for each in found
    ]
    console.show(data, rows(data, COLUMNS))


def create(console: Console, options: Options) -> None:
    days = options.days or None
    limits = {"role": options.role or "", "scope": options.scope or "", "dags": options.dags}
    owner = _owner(options.user)
    row, text = api_tokens.make(owner, options.name, days=days, **limits, user=None, now=timezone.now())
    console.show({"id": row.pk, "token": text, "expires_at": row.expires_at}, [text])


def revoke(console: Console, options: Options) -> None:
    if not api_tokens.revoke(options.id, user=None, now=timezone.now()):
        raise CommandError(f"There is no token {options.id} that can be revoked: see `manage.py tokens list`")
    console.show({"id": options.id, "revoked": True}, [f"token {options.id} is revoked"])


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", help="of this user only")


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("user")
    parser.add_argument("name", help="what it is for")
    parser.add_argument(
        "--days", type=int, default=USUAL_DAYS, help=f"it lives so long ({USUAL_DAYS}); 0 = without end"
    )
    parser.add_argument("--role", choices=ROLES, help="it may no more than this role")
    parser.add_argument(
        "--scope", choices=api_tokens.SCOPES, help="what it is for; trigger is reading and starting runs"
    )
    parser.add_argument("--dags", nargs="*", metavar="DAG_ID", help="it opens these only; sales_* = all that begin so")


def _revoke_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int)


class Command(GroupCommand):
    """``tokens ACTION ...``; each action takes ``--json``."""

    help = "List, make and revoke personal API tokens."
    subcommands = {
        "list": Subcommand("all, without the tokens themselves", list_tokens, _list_arguments),
        "create": Subcommand("one, shown this once", create, _create_arguments),
        "revoke": Subcommand("one; it opens nothing from then on", revoke, _revoke_arguments),
    }
