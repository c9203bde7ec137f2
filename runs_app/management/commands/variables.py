"""``manage.py variables``: named values that DAGs read, stored encrypted."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from dags_app import lookup, secrets
from dags_app.models import Variable
from runs_app import imports, registry
from runs_app.management.subcommands import (
    Console,
    GroupCommand,
    Options,
    Subcommand,
    export_arguments,
    import_arguments,
    read_json_file,
    rows,
    write_file,
)


def _exists(key: str) -> bool:
    return Variable.objects.filter(pk=key).exists()


def _missing(key: str) -> CommandError:
    return CommandError(f"There is no variable {key!r}: see `manage.py variables list`")


def list_variables(console: Console, options: Options) -> None:
    data = list(Variable.objects.values("key", "description", "updated_at"))
    console.show(data, rows(data, ("key", "description", "updated_at")))


def get(console: Console, options: Options) -> None:
    value = lookup.of_tasks.variable(options.key)
    if value is None:
        raise _missing(options.key)
    description = Variable.objects.filter(pk=options.key).values_list("description", flat=True).first()
    console.show({"key": options.key, "value": value, "description": description}, [value])


def save(console: Console, options: Options) -> None:
    # A value on the command line is seen by everyone on the machine while the command runs.
    value = sys.stdin.read().removesuffix("\n") if options.value == "-" else options.value
    values: dict[str, Any] = {"value": value}
    if options.description is not None:
        values["description"] = options.description
    registry.save_variable(options.key, values, new=not _exists(options.key), user=None)
    console.show({"key": options.key, "set": True}, [f"{options.key} is set"])


def delete(console: Console, options: Options) -> None:
    if not _exists(options.key):
        raise _missing(options.key)
    registry.delete_variable(options.key, user=None)
    console.show({"key": options.key, "deleted": True}, [f"{options.key} is deleted"])


def load(console: Console, options: Options) -> None:
    found = read_json_file(options.file)
    done = imports.load(imports.VARIABLES, found, on_conflict=options.on_conflict, user=None).written
    console.show({"imported": done}, [f"{len(done)} variables imported"])


def export(console: Console, options: Options) -> None:
    found: dict[str, Any] = {}
    for key, description in Variable.objects.values_list("key", "description"):
        value = secrets.get_variable(key)
        found[key] = value if description is None else {"value": value, "description": description}
    write_file(console, options.file, found, "variables")


def _key(parser: ArgumentParser) -> None:
    parser.add_argument("key")


def _set_arguments(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("value", help="- to read it from standard input")
    parser.add_argument("--description")


class Command(GroupCommand):
    """``variables ACTION ...``; each action takes ``--json``."""

    help = "List, read, change, import and export variables."
    subcommands = {
        "list": Subcommand("keys, without values", list_variables),
        "get": Subcommand("one value, in clear", get, _key),
        "set": Subcommand("make or change one", save, _set_arguments),
        "delete": Subcommand("one", delete, _key),
        "import": Subcommand("from a JSON file {key: value}", load, import_arguments),
        "export": Subcommand("to a JSON file, in clear", export, export_arguments),
    }
