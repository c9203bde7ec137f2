"""``manage.py bundles``: where DAG files come from, and how it stands with each."""

from __future__ import annotations

from argparse import ArgumentParser

from dags_app.models import Bundle
from runs_app import bundles
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows

SHOWN = ("name", "kind", "version", "refreshed_at", "error", "environment_state")


def list_bundles(console: Console, options: Options) -> None:
    found = Bundle.objects.all() if options.all else Bundle.objects.filter(is_active=True)
    data = list(found.values(*SHOWN, "is_active", "facts", "tried_at", "environment_log", "environment_at"))
    console.show(data, rows(data, SHOWN))


def refresh(console: Console, options: Options) -> None:
    bundles.refresh(options.name, user=None)
    console.show({"name": options.name, "asked": True}, [f"{options.name} is refreshed by the DAG processor"])


def _all(parser: ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also those that the settings no longer have")


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name")


class Command(GroupCommand):
    """``bundles ACTION ...``; each action takes ``--json``."""

    help = "List bundles of DAG files and have them refreshed."
    subcommands = {
        "list": Subcommand("all, with commit, errors and environment", list_bundles, _all),
        "refresh": Subcommand("now; an environment that could not be made is tried again", refresh, _name),
    }
