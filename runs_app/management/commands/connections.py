"""``manage.py connections``: where and how to reach something; password and extra are stored encrypted."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from django.core.management.base import CommandError

from dags_app import lookup, secrets
from dags_app.models import Connection
from dags_app.secrets import FIELDS
from runs_app import connection_tests, imports, registry
from runs_app.management.subcommands import (
    Console,
    GroupCommand,
    Options,
    Subcommand,
    export_arguments,
    fields,
    import_arguments,
    read_json_file,
    rows,
    write_file,
)

OPEN = ("conn_id", "conn_type", "host", "port", "schema", "login", "description")


def _exists(conn_id: str) -> bool:
    return Connection.objects.filter(pk=conn_id).exists()


def _missing(conn_id: str) -> CommandError:
    return CommandError(f"There is no connection {conn_id!r}: see `manage.py connections list`")


def list_connections(console: Console, options: Options) -> None:
    data = list(Connection.objects.values(*OPEN))
    console.show(data, rows(data, OPEN))


def get(console: Console, options: Options) -> None:
    found = lookup.of_tasks.connection(options.conn_id)
    if found is None:
        raise _missing(options.conn_id)
    console.show(found, fields(found))


def save(console: Console, options: Options) -> None:
    values = {name: getattr(options, name) for name in FIELDS if getattr(options, name) is not None}
    if options.uri:
        values = {**imports.connection_values(options.conn_id, _given(options.uri)), **values}
    for name in ("password", "extra"):
        if values.get(name) == "-":
            values[name] = _given("-")
    registry.save_connection(options.conn_id, values, new=not _exists(options.conn_id), user=None)
    console.show({"conn_id": options.conn_id, "set": True}, [f"{options.conn_id} is set"])


def _given(text: str) -> str:
    """An argument, or standard input: what stands on a command line is seen by everyone on the machine."""
    return sys.stdin.read().removesuffix("\n") if text == "-" else text


def test(console: Console, options: Options) -> None:
    if not _exists(options.conn_id):
        raise _missing(options.conn_id)
    found = connection_tests.run(options.conn_id, {}, user=None)
    console.show({"status": found.status, "message": found.message}, [found.message])
    if not found.status:
        raise CommandError(f"{options.conn_id} does not work")


def delete(console: Console, options: Options) -> None:
    if not _exists(options.conn_id):
        raise _missing(options.conn_id)
    registry.delete_connection(options.conn_id, user=None)
    console.show({"conn_id": options.conn_id, "deleted": True}, [f"{options.conn_id} is deleted"])


def load(console: Console, options: Options) -> None:
    found = read_json_file(options.file)
    done = imports.load(imports.CONNECTIONS, found, on_conflict=options.on_conflict, user=None).written
    console.show({"imported": done}, [f"{len(done)} connections imported"])


def export(console: Console, options: Options) -> None:
    found = {}
    for row in Connection.objects.all():
        values = secrets.read_connection(row)
        found[row.conn_id] = {name: values[name] for name in FIELDS if values[name] is not None}
    write_file(console, options.file, found, "connections")


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("conn_id")


def _set_arguments(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--uri", help="type://login:password@host:port/schema or JSON; - for standard input")
    parser.add_argument("--type", dest="conn_type")
    parser.add_argument("--port", type=int)
    parser.add_argument("--password", help="- to read it from standard input")
    parser.add_argument("--extra", help="JSON; - to read it from standard input")
    for name in ("description", "host", "login", "schema"):
        parser.add_argument(f"--{name}")


class Command(GroupCommand):
    """``connections ACTION ...``; each action takes ``--json``."""

    help = "List, read, change, import and export connections."
    subcommands = {
        "list": Subcommand("all, without secrets", list_connections),
        "get": Subcommand("one, in clear", get, _id),
        "set": Subcommand("make one, or change the fields that are given", save, _set_arguments),
        "test": Subcommand("try one, where AIRFLOW__CORE__TEST_CONNECTION is Enabled", test, _id),
        "delete": Subcommand("one", delete, _id),
        "import": Subcommand("from a JSON file {id: address or object}", load, import_arguments),
        "export": Subcommand("to a JSON file, in clear", export, export_arguments),
    }
