"""``manage.py compat FOLDER``: which of a folder's Airflow files run here, which need a package, and which cannot."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dags_app.compat import CANNOT, NEEDS, NOTES, Verdict, judge, summary

WIDEST = 120


class Command(BaseCommand):
    help = (
        "say of each DAG file below a folder whether it runs here, what it needs, or why it cannot; nothing is run, and "
        "nothing is stored. Ends with 1 where a file needs something or cannot run"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", help="where Airflow's DAG files are; a single file does, too")
        parser.add_argument("--output", choices=("table", "json"), default="table", help="for people, or for programs")
        parser.add_argument("--quiet", action="store_true", help="leave out files that run without notes")

    def handle(self, *args: Any, **options: Any) -> None:
        root = os.path.abspath(os.path.expanduser(options["folder"]))
        only = None
        if os.path.isfile(root):
            root, only = os.path.split(root)
        verdicts: list[Verdict] = []
        try:
            for each in judge(root, only):
                verdicts.append(each)
                if options["output"] == "table" and not (options["quiet"] and each.status == "runs"):
                    self.stdout.write(lines_of(each, width()))
        except OSError as error:
            raise CommandError(f"{root} cannot be read: {error.strerror or error}") from error
        found = summary(verdicts)
        if options["output"] == "json":
            self.stdout.write(json.dumps({"files": [each.to_json() for each in verdicts], "summary": found}, indent=2))
        else:
            self.stdout.write(words_of(found, width()))
        if not verdicts:
            raise CommandError(f"no DAG file is below {root}")
        if any(each.status in (NEEDS, CANNOT) for each in verdicts):
            raise SystemExit(1)


def width() -> int:
    return min(WIDEST, shutil.get_terminal_size((100, 24)).columns)


def lines_of(verdict: Verdict, columns: int) -> str:
    """One file: its status and path, and below what there is to know."""
    status = f"needs {', '.join(verdict.needs)}" if verdict.status == NEEDS else verdict.status
    lines = (
        [f"{verdict.path}: {status}"]
        if len(verdict.path) + len(status) + 2 <= columns
        else [verdict.path, f"  {status}"]
    )
    if verdict.reason:
        where = f"line {verdict.line}: " if verdict.line else ""
        lines += _wrapped(where + verdict.reason, columns)
    for line, text in verdict.notes:
        lines += _wrapped(f"line {line}: {text}", columns)
    return "\n".join(lines)


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(
        text, columns, initial_indent="    ", subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )


def words_of(found: dict[str, Any], columns: int) -> str:
    """The summary, in a few lines."""
    runs, notes = found["runs"] + found[NOTES.replace(" ", "_")], found[NOTES.replace(" ", "_")]
    lines = [
        "",
        f"{found['files']} files with {found['dags']} DAGs:",
        f"  {runs:>5} run" + (f" ({notes} of them with notes)" if notes else ""),
        f"  {found['needs']:>5} need something",
        f"  {found['cannot_run']:>5} cannot run",
    ]
    if found["needed"]:
        named = ", ".join(f"{name} ({count})" for name, count in found["needed"].items())
        lines += textwrap.wrap(f"Needed: {named}", columns, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)
