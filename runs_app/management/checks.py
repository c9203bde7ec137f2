"""``manage.py dags check``: whether a folder of DAG files can be deployed, without servers and without a database."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from dags_app.inspection import Inspected, Stores, inspect
from dags_app.models import Pool
from orchestrator.core.lint import Finding, lint

from .subcommands import Console, Options, read_json_file

Json = dict[str, Any]
DEFAULT_POOLS = {"default_pool": 128}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", help="a DAG file or a folder of them; by default the DAG folder")
    parser.add_argument("--variables", metavar="FILE", help="a JSON object: variables that will be there")
    parser.add_argument("--connections", metavar="FILE", help="a JSON object: connections that will be there")
    parser.add_argument("--pools", metavar="FILE", help="a JSON object of name and slots: pools that will be there")
    parser.add_argument("--max-seconds", type=float, default=2.0, help="to import a file without a warning (2)")
    parser.add_argument("--strict", action="store_true", help="warnings fail, too")


def check(console: Console, options: Options) -> None:
    """Exit code 1 where something is wrong; warnings are told and change nothing, unless they are to."""
    stores, pools = stores_of(options)
    seen: dict[str, str] = {}
    found: list[tuple[str, int | None, Finding]] = []
    files: list[Json] = []
    for each in inspected(options.path, stores):
        files.append({"file": each.path, "dags": len(each.specs), "seconds": round(each.seconds, 3)})
        found += [(each.path, line, finding) for line, finding in _findings(each, stores, pools, options, seen)]
    counts = Counter(finding.level for _, _, finding in found)
    data = {
        "files": files,
        "errors": [_json(*each) for each in found if each[2].level == "error"],
        "warnings": [_json(*each) for each in found if each[2].level == "warning"],
    }
    lines = [
        f"{finding.level:<7} {path}{f':{line}' if line else ''}  {_told(finding)}" for path, line, finding in found
    ]
    dags = sum(each["dags"] for each in files)
    console.show(
        data, [*lines, f"{len(files)} files, {dags} DAGs: {counts['error']} errors, {counts['warning']} warnings"]
    )
    if not stores.has_database:
        console.note("There is no database here: variables, connections and pools are those given as files")
    if counts["error"] or (options.strict and found):
        raise CommandError("The DAG files are not ready to be deployed")


def inspected(path: str | None, stores: Stores) -> Iterator[Inspected]:
    try:
        yield from inspect(Path(path or settings.ORCH.dags_folder).absolute(), stores)
    except ValueError as error:
        raise CommandError(str(error)) from error


def stores_of(options: Options) -> tuple[Stores, dict[str, int]]:
    """What variables, connections and pools there are: those of the files over those of the database."""
    try:
        with transaction.atomic():
            pools, has_database = dict(Pool.objects.values_list("name", "slots")), True
    except (DatabaseError, InterfaceError):
        pools, has_database = dict(DEFAULT_POOLS), False
    variables = read_json_file(options.variables) if options.variables else {}
    connections = read_json_file(options.connections) if options.connections else {}
    for name, given in (read_json_file(options.pools) if options.pools else {}).items():
        pools[name] = int(given["slots"] if isinstance(given, Mapping) else given)
    return Stores(variables, connections, has_database=has_database), pools


def _findings(
    each: Inspected, stores: Stores, pools: Mapping[str, int], options: Options, seen: dict[str, str]
) -> Iterator[tuple[int | None, Finding]]:
    for error in each.errors:
        yield error["line"], Finding("error", "import", error["message"])
    if not each.specs and not each.errors:
        yield None, Finding("warning", "no_dags", "it speaks of DAGs and defines none")
    if each.seconds > options.max_seconds:
        text = (
            f"importing it takes {each.seconds:.1f} s, more than {options.max_seconds:g} s: move slow work into tasks"
        )
        yield None, Finding("warning", "slow_import", text)
    for spec in each.specs:
        other = seen.setdefault(spec.dag_id, each.path)
        if other != each.path:
            yield None, Finding("error", "duplicate_id", f"the DAG id is taken by {other}", spec.dag_id)
        for finding in lint(spec, pools=pools, now=timezone.now()):
            yield None, finding
    for use in each.uses:
        if use.kind == "deprecated":
            yield use.line, Finding("warning", "deprecated", f"{use.name} is outdated: write {use.instead}")
        elif not stores.knows(use):
            yield use.line, Finding("warning", f"missing_{use.kind}", f"there is no {use.kind} {use.name!r}")


def _told(finding: Finding) -> str:
    return f"{finding.dag_id}: {finding.text}" if finding.dag_id else finding.text


def _json(path: str, line: int | None, finding: Finding) -> Json:
    return {
        "file": path,
        "line": line,
        "kind": finding.kind,
        "dag_id": finding.dag_id,
        "task_id": finding.task_id,
        "message": finding.text,
    }
