"""``manage.py users``: accounts and their roles."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from runs_app import accounts
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows

COLUMNS = ("name", "email", "role", "is_active", "last_login")
ROLES = ("viewer", "user", "op", "admin")


def _account(name: str) -> Any:
    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is no user {name!r}: see `manage.py users list`")
    return found


def list_users(console: Console, options: Options) -> None:
    data = [
        {
            "name": each.get_username(),
            "email": each.email,
            "role": accounts.role_of(each, ROLES) or None,
            "is_active": each.is_active,
            "last_login": each.last_login,
        }
        for each in get_user_model().objects.prefetch_related("groups").order_by("username")
    ]
    console.show(data, rows(data, COLUMNS))


def create(console: Console, options: Options) -> None:
    account, password = accounts.make(options.name, options.role, email=options.email or "", roles=ROLES, user=None)
    said = [f"{account.get_username()} is made: {options.role}", f"one-time password: {password}"]
    console.show({"name": account.get_username(), "role": options.role, "one_time_password": password}, said)


def change(console: Console, options: Options) -> None:
    account = _account(options.name)
    role = accounts.role_of(account, ROLES) if options.role is None else options.role.replace("none", "")
    is_active = account.is_active if options.active is None else options.active
    accounts.change(account, role, is_active, roles=ROLES, user=None)
    said = f"{options.name} is {role or 'without a role'}" + ("" if is_active else ", and switched off")
    console.show({"name": options.name, "role": role or None, "is_active": is_active}, [said])


def password(console: Console, options: Options) -> None:
    given = accounts.reset_password(_account(options.name), user=None)
    console.show({"name": options.name, "one_time_password": given}, [f"one-time password: {given}"])


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="to sign in with")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--email")


def _change_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--role", choices=(*ROLES, "none"), help="none = takes it away")
    active = parser.add_mutually_exclusive_group()
    active.add_argument("--off", dest="active", action="store_false", help="ends its sessions and tokens")
    active.add_argument("--on", dest="active", action="store_true", default=None)


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name")


class Command(GroupCommand):
    """``users ACTION ...``; each action takes ``--json``."""

    help = "List, make and change accounts, and give them roles."
    subcommands = {
        "list": Subcommand("all, with their roles", list_users),
        "create": Subcommand("one; its one-time password is shown this once", create, _create_arguments),
        "change": Subcommand("give another role, switch off or on", change, _change_arguments),
        "password": Subcommand("a new one-time password, for one that was forgotten", password, _name),
    }
