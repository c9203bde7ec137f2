"""``manage.py teams``: people, and the DAGs that they may see or act on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone

from dags_app.models import Dag, Team
from runs_app import teams
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows

COLUMNS = ("name", "members", "dags", "description")


def _team(name: str) -> Team:
    found = Team.objects.filter(name=name).first()
    if found is None:
        raise teams.TeamNotFound(f"There is no team {name!r}: see `manage.py teams list`")
    return found


def _account(name: str) -> Any:
    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is no user {name!r}")
    return found


def list_teams(console: Console, options: Options) -> None:
    data = [
        {
            "name": team.name,
            "members": dict(team.members.values_list("user__username", "role")),
            "dags": Dag.objects.filter(teams.owned(team)).count(),
            "rules": team.rules,
            "description": team.description,
        }
        for team in Team.objects.all()
    ]
    console.show(data, rows([{**each, "members": len(each["members"])} for each in data], COLUMNS))


def create(console: Console, options: Options) -> None:
    rules = [each.partition("=")[::2] for each in options.dags or ()]
    team = teams.make(options.name, description=options.description or "", rules=rules, user=None, now=timezone.now())
    console.show({"name": team.name, "rules": team.rules}, [f"team {team.name} is made"])


def delete(console: Console, options: Options) -> None:
    teams.delete(_team(options.name), user=None)
    console.show({"name": options.name, "deleted": True}, [f"team {options.name} is deleted"])


def member(console: Console, options: Options) -> None:
    role = "" if options.role == "none" else options.role
    teams.put_member(_team(options.name), _account(options.user), role, user=None)
    said = f"{options.user} is {'a ' + role if role else 'no more'} in {options.name}"
    console.show({"team": options.name, "user": options.user, "role": role or None}, [said])


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name")


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--description")
    parser.add_argument(
        "--dags", nargs="*", metavar="KIND=NAME", help="its DAGs: dag=ID, folder=PATH, tag=TAG or owner=NAME"
    )


def _member_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="of the team")
    parser.add_argument("user")
    parser.add_argument("role", choices=(*teams.ROLES, "none"), help="none = takes the user out")


class Command(GroupCommand):
    """``teams ACTION ...``; each action takes ``--json``."""

    help = "List, make and delete teams, and say who belongs to them."
    subcommands = {
        "list": Subcommand("all, with members and DAGs", list_teams),
        "create": Subcommand("one", create, _create_arguments),
        "delete": Subcommand("one; its members lose what it gave them", delete, _name),
        "member": Subcommand("take a user in, change her role, or take her out", member, _member_arguments),
    }
