"""``manage.py info``: what this installation is made of."""

from __future__ import annotations

import json
import platform
from argparse import ArgumentParser
from importlib.metadata import version
from typing import Any

import django
from django.conf import settings
from django.db import connection

from dags_app.models import Dag, DagImportError, PluginSource
from runs_app.management.subcommands import DatabaseCommand, fields, rows


class Command(DatabaseCommand):
    """``info [--json]``: versions, folders, counts and plugins; never a password."""

    help = "Versions, folders, counts and plugins of this installation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        plugins = [
            {"name": each.name, "source": each.source, "error": each.error, **each.brings}
            for each in PluginSource.objects.all()
        ]
        found: dict[str, Any] = {
            "orchestrator": version("orchestrator"),
            "python": platform.python_version(),
            "django": django.get_version(),
            "celery": version("celery"),
            "database": connection.vendor,
            "home": str(settings.ORCH.home),
            "dags_folder": str(settings.ORCH.dags_folder),
            "plugins_folder": str(settings.ORCH.plugins_folder),
            "secrets_backend": settings.ORCH.secrets_backend or None,
            "dags": Dag.objects.filter(is_stale=False).count(),
            "import_errors": DagImportError.objects.count(),
        }
        if as_json:
            self.stdout.write(json.dumps({**found, "plugins": plugins}, indent=2))
            return
        lines = [{**each, "brings": _brought(each)} for each in plugins]
        self.stdout.write("\n".join([*fields(found), "", *rows(lines, ("name", "source", "brings", "error"))]))


def _brought(plugin: dict[str, Any]) -> str:
    counts = {name: len(each) for name, each in plugin.items() if isinstance(each, list) and each}
    return ", ".join(f"{count} {name}" for name, count in counts.items())
