"""``manage.py pools``: who may run how much at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from dags_app.models import Pool
from runs_app import imports, registry
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

COLUMNS = ("name", "slots", "rate_per_minute", "running", "scheduled", "deferred", "description")


def _json(pools: list[Pool]) -> list[dict[str, Any]]:
    use = registry.pool_use([pool.name for pool in pools])
    return [
        {
            "name": pool.name,
            "slots": pool.slots,
            "description": pool.description,
            "include_deferred": pool.include_deferred,
            "rate_per_minute": pool.rate_per_minute,
            **{state: use.get(pool.name, {}).get(state, 0) for state in ("running", "scheduled", "deferred")},
        }
        for pool in pools
    ]


def _find(name: str) -> Pool:
    pool = Pool.objects.filter(pk=name).first()
    if pool is None:
        raise CommandError(f"There is no pool {name!r}: see `manage.py pools list`")
    return pool


def list_pools(console: Console, options: Options) -> None:
    data = _json(list(Pool.objects.all()))
    console.show(data, rows(data, COLUMNS))


def get(console: Console, options: Options) -> None:
    data = _json([_find(options.name)])[0]
    console.show(data, fields(data))


def save(console: Console, options: Options) -> None:
    values: dict[str, Any] = {"slots": options.slots}
    if options.description is not None:
        values["description"] = options.description
    if options.include_deferred is not None:
        values["include_deferred"] = options.include_deferred
    if options.rate is not None:
        values["rate_per_minute"] = options.rate or None
    new = not Pool.objects.filter(pk=options.name).exists()
    pool = registry.save_pool(options.name, values, new=new, user=None)
    console.show(_json([pool])[0], [f"{pool.name} has {pool.slots} slots"])


def delete(console: Console, options: Options) -> None:
    _find(options.name)
    registry.delete_pool(options.name, user=None)
    console.show({"name": options.name, "deleted": True}, [f"{options.name} is deleted"])


def load(console: Console, options: Options) -> None:
    found = read_json_file(options.file)
    done = imports.load(imports.POOLS, found, on_conflict=options.on_conflict, user=None).written
    console.show({"imported": done}, [f"{len(done)} pools imported"])


def export(console: Console, options: Options) -> None:
    found = {
        pool.name: {
            "slots": pool.slots,
            "description": pool.description,
            "include_deferred": pool.include_deferred,
            **({"rate_per_minute": pool.rate_per_minute} if pool.rate_per_minute is not None else {}),
        }
        for pool in Pool.objects.all()
    }
    write_file(console, options.file, found, "pools")


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name")


def _set_arguments(parser: ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("slots", type=int, help="-1 for no limit")
    parser.add_argument("--description")
    parser.add_argument("--include-deferred", action="store_true", default=None, help="deferred tasks keep their slots")
    parser.add_argument(
        "--no-include-deferred", action="store_false", dest="include_deferred", help="they give them back"
    )

    parser.add_argument("--rate", type=int, metavar="N", help="so many starts in any minute; 0 takes the limit away")


class Command(GroupCommand):
    """``pools ACTION ...``; each action takes ``--json``."""

    help = "List, change, import and export pools."
    subcommands = {
        "list": Subcommand("all, with what is taken", list_pools),
        "get": Subcommand("one", get, _name),
        "set": Subcommand("make or change one", save, _set_arguments),
        "delete": Subcommand("one; its tasks wait until it is there again", delete, _name),
        "import": Subcommand('from a JSON file {name: {"slots", "description"}}', load, import_arguments),
        "export": Subcommand("to a JSON file", export, export_arguments),
    }
