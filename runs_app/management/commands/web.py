"""``manage.py web``: the web server alone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from runs_app import first_start, roles


class Command(BaseCommand):
    """Pages, API and web sockets of an installation; any number may run behind a load balancer."""

    help = "Serve pages, API and web sockets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", help="address to bind to (HOST)")
        parser.add_argument("--port", type=int, help="port to bind to (PORT)")

    def handle(self, *args: Any, host: str | None, port: int | None, **options: Any) -> None:
        try:
            first_start.check_tables()
        except first_start.CannotStart as error:
            raise CommandError(str(error)) from error
        first_start.collect_static()
        roles.web(host, port)
