"""``manage.py providers``: Airflow's provider packages, listed and installed."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from shlex import join

from django.core.management.base import CommandError

from orchestrator import provider_install, providers
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows

COLUMNS = ("package", "version", "connection_types", "decorators")


def list_providers(console: Console, options: Options) -> None:
    found = [
        {
            "package": each.name,
            "version": each.version,
            "summary": str(each.summary),
            "connection_types": list(each.connection_types),
            "decorators": list(each.decorators),
        }
        for each in providers.installed()
    ]
    console.show(found, rows(found, COLUMNS))


def install(console: Console, options: Options) -> None:
    try:
        if options.dry_run:
            with tempfile.TemporaryDirectory() as folder:
                line = join(provider_install.command(options.packages, Path(folder)))
            console.show({"command": line}, [line])
            return
        provider_install.install(options.packages)
    except provider_install.InstallError as error:
        raise CommandError(str(error)) from error
    console.note(
        "Tasks and DAG files find them now; `manage.py dags reparse` reads files again that lacked them. "
        "Pages show them after a restart."
    )


def _install_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", help="http, cncf-kubernetes, amazon==9.39.0 ...")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be run")


class Command(GroupCommand):
    help = "Airflow's provider packages: list, install."
    subcommands = {
        "list": Subcommand("List what is installed, and what it brings.", list_providers),
        "install": Subcommand("Install packages without Airflow itself.", install, _install_arguments),
    }
