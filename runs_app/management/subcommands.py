"""Commands with subcommands: one table of functions, one place for ``--json`` and for what goes wrong."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dags_app.secrets import SecretError
from runs_app.exceptions import OrchestratorError
from runs_app.undo.keeping import keeping, offered

Options = SimpleNamespace
Columns = Mapping[str, int]


class Console:
    """Where a subcommand writes: data as JSON, or lines for people."""

    def __init__(self, command: BaseCommand, as_json: bool) -> None:
        self.command, self.as_json = command, as_json

    def show(self, data: Any, lines: Iterable[str]) -> None:
        if self.as_json:
            self.command.stdout.write(json.dumps(data, indent=2, default=_plain))
            return
        for line in lines:
            self.command.stdout.write(line)

    def note(self, text: str) -> None:
        """Say something beside the result."""
        self.command.stderr.write(text)


@dataclass(frozen=True, slots=True)
class Subcommand:
    """``run`` does it, ``arguments`` declares what it takes besides ``--json``."""

    help: str
    run: Callable[[Console, Options], None]
    arguments: Callable[[ArgumentParser], None] = lambda parser: None


class DatabaseCommand(BaseCommand):
    """A command that says what to do where the database cannot be used. ``unusable`` is its exit code then."""

    unusable = 1

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **options)
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(
                f"The database cannot be used: {error}. Check DATABASE_URL and ORCHESTRATOR_HOME, and run `manage.py migrate`.",
                returncode=self.unusable,
            ) from error


class GroupCommand(DatabaseCommand):
    """A command whose first word chooses one of ``subcommands``.

    Exit codes: 0 done, 1 it could not be done (the message says why), 2 it was asked for wrongly.
    """

    subcommands: Mapping[str, Subcommand] = {}

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, each in self.subcommands.items():
            sub = actions.add_parser(name, help=each.help, description=each.help)
            each.arguments(sub)
            sub.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, action: str, as_json: bool, **options: Any) -> None:
        try:
            with keeping(None):
                self.subcommands[action].run(Console(self, as_json), SimpleNamespace(**options))
                offered(f"{type(self).__module__.rpartition('.')[2]} {action}")
        except (OrchestratorError, SecretError) as error:
            raise CommandError(str(error)) from error


def rows(found: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> list[str]:
    """Lay out records as lines with aligned columns."""
    names = list(columns)
    cells = [[_text(each.get(name)) for name in names] for each in found]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(names)]
    table = [[name.replace("_", " ") for name in names], *cells]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def fields(found: Mapping[str, Any]) -> list[str]:
    """Lay out one record as lines of name and value."""
    width = max(map(len, found), default=0)
    return [f"{name.replace('_', ' '):<{width}}  {_text(value)}" for name, value in found.items()]


def read_json(text: str, what: str) -> Any:
    """Read an argument.

    Raises:
        CommandError: it is no JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"{what} is no JSON ({error}): {text[:100]!r}") from error


def read_json_file(path: str) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        CommandError: it cannot be read, or holds something else; its content is not told.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise CommandError(f"{path} holds no JSON{where}") from None
    if not isinstance(found, dict):
        raise CommandError(f"{path} must hold a JSON object of name and value")
    return found


def import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file")
    parser.add_argument(
        "--on-conflict", choices=("fail", "overwrite", "skip"), default="fail", help="what is there already (fail)"
    )


def export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="written there, readable by you only, secrets in clear; - for standard output")


def write_file(console: Console, path: str, found: Mapping[str, Any], what: str) -> None:
    """Write an export as JSON, for its owner's eyes only; ``-`` is standard output.

    Raises:
        CommandError: it cannot be written.
    """
    text = json.dumps(found, indent=2, ensure_ascii=False)
    if path == "-":
        console.command.stdout.write(text)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)  # it may have been there, open to others
            file.write(text + "\n")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
    console.show({"exported": len(found), "file": path}, [f"{len(found)} {what} exported to {path}"])


def read_time(text: str, what: str, zone: tzinfo = UTC) -> datetime:
    """Read an argument; without a zone of its own it is in ``zone``.

    Raises:
        CommandError: it is no time.
    """
    try:
        found = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"{what} {text!r} is no time: write 2026-03-01 or 2026-03-01T12:00:00+00:00")
    return found if timezone.is_aware(found) else found.replace(tzinfo=zone)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value)) or "-"
    return json.dumps(value) if isinstance(value, dict) else str(value)
