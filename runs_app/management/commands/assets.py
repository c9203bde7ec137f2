"""``manage.py assets``: what data there is, when it changed, and who waits for it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from dags_app.models import Asset, AssetAlias
from runs_app import asset_actions
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, fields, read_json, rows
from runs_app.models import AssetEvent, QueuedEvent

COLUMNS = ("id", "name", "uri", "group", "is_active", "scheduled_dags", "last_event")
EVENTS = ("id", "asset", "timestamp", "partition_key", "source", "made", "extra")


def _json(asset: Asset) -> dict[str, Any]:
    newest = AssetEvent.objects.filter(asset=asset).order_by("-timestamp", "-pk").first()
    return {
        "id": asset.pk,
        "name": asset.name,
        "uri": asset.uri,
        "group": asset.group,
        "is_active": asset.is_active,
        "scheduled_dags": sorted(set(asset.schedule_references.values_list("dag_id", flat=True))),
        "last_event": newest.timestamp if newest else None,
    }


def _find(options: Options) -> Asset:
    """Return the asset that a name or URI means; an active one before others."""
    found = list(Asset.objects.filter(name=options.asset) or Asset.objects.filter(uri=options.asset))
    active = [each for each in found if each.is_active] or found
    if not active:
        raise CommandError(f"There is no asset {options.asset!r}: see `manage.py assets list`")
    if len(active) > 1:
        named = ", ".join(each.uri for each in active)
        raise CommandError(f"Several assets are called {options.asset!r}: name one by its URI ({named})")
    return active[0]


def list_assets(console: Console, options: Options) -> None:
    if options.alias:
        found = [
            {
                "id": each.pk,
                "name": each.name,
                "group": each.group,
                "assets": [asset.name for asset in each.assets.all()],
            }
            for each in AssetAlias.objects.prefetch_related("assets")
        ]
        console.show(found, rows(found, ("id", "name", "group", "assets")))
        return
    wanted = Asset.objects.all() if options.all else Asset.objects.filter(is_active=True)
    data = [_json(each) for each in wanted]
    console.show(data, rows(data, COLUMNS))


def show(console: Console, options: Options) -> None:
    asset = _find(options)
    tasks = asset.task_references.order_by("dag_id", "task_id").values_list("dag_id", "task_id", "is_outlet")
    data = {
        **_json(asset),
        "extra": asset.extra,
        "producing_tasks": [f"{dag_id}.{task_id}" for dag_id, task_id, is_outlet in tasks if is_outlet],
        "consuming_tasks": [f"{dag_id}.{task_id}" for dag_id, task_id, is_outlet in tasks if not is_outlet],
        "aliases": sorted(asset.aliases.values_list("name", flat=True)),
        "watchers": sorted(set(asset.watchers.values_list("name", flat=True))),
        "queued_for": sorted(QueuedEvent.objects.filter(asset=asset).values_list("dag_id", flat=True)),
    }
    console.show(data, fields(data))


def events(console: Console, options: Options) -> None:
    found = AssetEvent.objects.select_related("asset").prefetch_related("runs").order_by("-timestamp", "-pk")
    if options.asset:
        found = found.filter(asset=_find(options))
    data = [
        {
            "id": each.pk,
            "asset": each.asset.name,
            "timestamp": each.timestamp,
            "partition_key": each.partition_key,
            "source": f"{each.source_dag_id}.{each.source_task_id} {each.source_run_id}"
            if each.source_dag_id
            else None,
            "made": [f"{run.dag_id} {run.run_id}" for run in each.runs.all()],
            "extra": each.extra,
        }
        for each in found[: options.limit]
    ]
    console.show(data, rows(data, EVENTS))


def emit(console: Console, options: Options) -> None:
    extra = read_json(options.extra, "--extra") if options.extra else {}
    if not isinstance(extra, dict):
        raise CommandError("--extra must be a JSON object")
    asset = _find(options)
    event = asset_actions.create_event(
        asset.pk, extra=extra, partition_key=options.partition_key, source="from_command_line", user=None
    )
    made = [f"{run.dag_id} {run.run_id}" for run in event.runs.all()]
    data = {"id": event.pk, "asset": asset.name, "timestamp": event.timestamp, "made": made}
    console.show(data, [f"{asset.name} has a new event; it made {', '.join(made) or 'no run'}"])


def materialize(console: Console, options: Options) -> None:
    run = asset_actions.materialize(
        _find(options).pk, user=None, triggered_by="cli", partition_key=options.partition_key
    )
    data = {"dag_id": run.dag_id, "run_id": run.run_id, "state": run.state}
    console.show(data, [f"{run.dag_id} has a new run {run.run_id}"])


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also those that no DAG names any more")
    parser.add_argument("--alias", action="store_true", help="list aliases instead")


def _asset_argument(parser: ArgumentParser) -> None:
    parser.add_argument("asset", help="its name or URI")


def _events_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("asset", nargs="?", default="", help="its name or URI; default: of all")
    parser.add_argument("--limit", type=int, default=25, help="at most so many, newest first (25)")


def _emit_arguments(parser: ArgumentParser) -> None:
    _asset_argument(parser)
    parser.add_argument("--extra", default="", help="a JSON object")
    parser.add_argument("--partition-key", default=None)


def _materialize_arguments(parser: ArgumentParser) -> None:
    _asset_argument(parser)
    parser.add_argument("--partition-key", default=None)


class Command(GroupCommand):
    help = "Assets: list, show, events, emit an event, materialize."
    subcommands = {
        "list": Subcommand("List assets with the DAGs scheduled on them.", list_assets, _list_arguments),
        "show": Subcommand("Show one asset: who makes it, who uses it.", show, _asset_argument),
        "events": Subcommand("Show the newest events.", events, _events_arguments),
        "emit": Subcommand("Make an event, as if a task had.", emit, _emit_arguments),
        "materialize": Subcommand("Run the DAG that makes the asset.", materialize, _materialize_arguments),
    }
