"""``manage.py secrets``: the keys that variables and connections are encrypted with."""

from __future__ import annotations

from argparse import ArgumentParser

from dags_app import secrets
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand
from runs_app.models import Webhook


def rotate(console: Console, options: Options) -> None:
    if options.new_key:
        secrets.add_key()
    done = secrets.rotate((Webhook, "the secret of webhook"))
    console.show(
        {"rotated": done, "new_key": options.new_key},
        [f"{done} secrets encrypted anew", "Every secret is under the first key now: older ones may go from the list"],
    )


def _rotate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--new-key", action="store_true", help="put a fresh key in front of the key file first")


class Command(GroupCommand):
    """``secrets rotate [--new-key] [--json]``; may be stopped and called again."""

    help = "Encrypt variables and connections with the newest key."
    subcommands = {"rotate": Subcommand("encrypt with the first key of the list", rotate, _rotate_arguments)}
