"""``manage.py scheduler``: what makes things happen in time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from runs_app import first_start, roles
from runs_app.supervisor import Member, Supervisor


class Command(BaseCommand):
    """Celery beat and the worker of the control queue; any number may run, the work is done once."""

    help = "Make due runs, wake what waits, recover what was lost."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            first_start.check_tables()
        except first_start.CannotStart as error:
            raise CommandError(str(error)) from error
        members = [Member(name, getattr(roles, name)) for name in ("scheduler", "control")]
        Supervisor(members, stop_seconds=settings.ORCH.drain_seconds).run()
