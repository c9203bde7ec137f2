"""``manage.py import-airflow``: take connections, variables, pools and the DAGs' switches over from Airflow."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from runs_app.management.subcommands import DatabaseCommand
from runs_app.takeover import files, home, metadata
from runs_app.takeover.found import KINDS, Found, Unreadable
from runs_app.takeover.taking import Report, Taken, take

MOST_NAMED = 8
WORDS = {"made": "new", "overwritten": "overwritten", "same": "here already", "kept": "kept as they are here"}


class Command(DatabaseCommand):
    """Exits with 1 where a source cannot be read, or something of it is not taken."""

    help = "Take over connections, variables, pools, and how each DAG stands, from an Airflow installation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--home", metavar="FOLDER", help="AIRFLOW_HOME: its airflow.cfg names the database and the key"
        )
        parser.add_argument(
            "--database",
            metavar="URL",
            help="Airflow's metadata database; - reads AIRFLOW__DATABASE__SQL_ALCHEMY_CONN from the environment."
            " The Fernet key is read from AIRFLOW__CORE__FERNET_KEY",
        )
        for kind in ("connections", "variables", "pools"):
            parser.add_argument(
                f"--{kind}", metavar="FILE", action="append", default=[], help=f"of `airflow {kind} export`"
            )
        parser.add_argument("--settings-file", metavar="FILE", help="an airflow_settings.yaml")
        parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="take nothing else")
        parser.add_argument(
            "--on-conflict", choices=("skip", "overwrite"), default="skip", help="what is here and differs (skip)"
        )
        parser.add_argument("--dry-run", action="store_true", help="change nothing, tell what would be taken")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found, notes = Found(), []
        try:
            for each in _sources(options, notes):
                found.add(each)
        except Unreadable as error:
            raise CommandError(str(error)) from error
        report = take(
            found,
            kinds=options["only"],
            overwrite=options["on_conflict"] == "overwrite",
            dry_run=options["dry_run"],
        )
        report.notes += notes
        if options["as_json"]:
            self.stdout.write(json.dumps(_json(report, options["dry_run"]), indent=2))
        else:
            for line in _lines(report, options["dry_run"]):
                self.stdout.write(line)
        if report.refused:
            raise CommandError(f"{len(report.refused)} entries were not taken: see above")


def _sources(options: dict[str, Any], notes: list[str]) -> Iterator[Found]:
    """Everything that was named, in the order in which the later one counts.

    Raises:
        CommandError: nothing was.
    """
    given = False
    if options["home"]:
        given = True
        read = home.read(options["home"])
        notes += read.notes
        if read.settings_file:
            yield files.read_settings(read.settings_file)
        if read.database:
            yield metadata.read(read.database, os.environ.get("AIRFLOW__CORE__FERNET_KEY") or read.fernet_key)
    if options["database"]:
        given = True
        url = options["database"]
        if url == "-":
            url = os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN") or os.environ.get(
                "AIRFLOW__CORE__SQL_ALCHEMY_CONN", ""
            )
        yield metadata.read(url, os.environ.get("AIRFLOW__CORE__FERNET_KEY", ""))
    if options["settings_file"]:
        given = True
        yield files.read_settings(options["settings_file"])
    for kind in ("connections", "variables", "pools"):
        for path in options[kind]:
            given = True
            yield files.read(path, kind)
    if not given:
        raise CommandError(
            "Name at least one source: --home, --database, --connections, --variables, --pools or --settings-file"
        )


def _json(report: Report, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "taken": {kind: {name: getattr(taken, name) for name in WORDS} for kind, taken in report.taken.items()},
        "not_taken": [{"kind": each.kind, "name": each.name, "reason": each.reason} for each in report.refused],
        "left": report.left,
        "notes": report.notes,
    }


def _lines(report: Report, dry_run: bool) -> Iterator[str]:
    if dry_run:
        yield "Nothing is changed: this is what would be taken."
    for kind, taken in report.taken.items():
        yield f"{kind:<12} {_counts(taken)}"
    if report.refused:
        yield "Not taken:"
        for each in report.refused:
            yield f"  {each.kind.removesuffix('s')} {each.name}: {each.reason}"
    if report.left:
        yield "Left in Airflow:"
        yield from (f"  {each}" for each in report.left)
    yield from (f"Note: {each}" for each in report.notes)


def _counts(taken: Taken) -> str:
    parts = []
    for name, words in WORDS.items():
        found = sorted(getattr(taken, name))
        if found:
            more = ", ..." if len(found) > MOST_NAMED else ""
            shown = f" ({', '.join(found[:MOST_NAMED])}{more})" if name != "same" else ""
            parts.append(f"{len(found)} {words}{shown}")
    return "; ".join(parts) or "none"
