"""``manage.py variables``: named values that DAGs read, stored encrypted."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from dags_app import lookup, secrets
from dags_app.models import Variable
from runs_app import registry
from runs_app.management.subcommands import (
    Console,
    GroupCommand,
    Options,
    Subcommand,
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
    done = []
    with transaction.atomic():
        for key, found in read_json_file(options.file).items():
            new = not _exists(key)
            if not new and options.on_conflict == "fail":
                raise CommandError(f"Variable {key!r} is there already: choose --on-conflict overwrite or skip")
            if new or options.on_conflict == "overwrite":
                registry.save_variable(key, _values(found), new=new, user=None)
                done.append(key)
    console.show({"imported": done}, [f"{len(done)} variables imported"])


def _values(found: Any) -> dict[str, Any]:
    """A value, or an object of value and description; what is no text is kept as JSON."""
    described = isinstance(found, dict) and "value" in found and found.keys() <= {"value", "description"}
    value = found["value"] if described else found
    values: dict[str, Any] = {"value": value if isinstance(value, str) else json.dumps(value)}
    if described and found.get("description") is not None:
        values["description"] = str(found["description"])
    return values


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


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="written there in clear, readable by you only; - for standard output")


class Command(GroupCommand):
    """``variables ACTION ...``; each action takes ``--json``."""

    help = "List, read, change, import and export variables."
    subcommands = {
        "list": Subcommand("keys, without values", list_variables),
        "get": Subcommand("one value, in clear", get, _key),
        "set": Subcommand("make or change one", save, _set_arguments),
        "delete": Subcommand("one", delete, _key),
        "import": Subcommand("from a JSON file {key: value}", load, import_arguments),
        "export": Subcommand("to a JSON file, in clear", export, _export_arguments),
    }
