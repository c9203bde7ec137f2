"""``orchestrator assets``: what DAGs make and wait for."""

from __future__ import annotations

from typing import Any

import click

from .. import show
from ..context import Client, Json, limit_option, pass_client
from ..server import address
from .runs import SHOWN as OF_RUN

COLUMNS = ("id", "name", "uri", "group")
EVENTS = ("id", "asset_id", "name", "timestamp", "source_dag_id", "source_task_id", "source_run_id", "partition_key")


@click.group()
def assets() -> None:
    """List assets and their events, make events, materialize."""


@assets.command(name="list")
@click.argument("pattern", required=False)
@limit_option
@show.output_option
@pass_client
def list_(client: Client, pattern: str | None, limit: int, output: str) -> None:
    """List assets; PATTERN is part of their name, with % for anything."""
    show.rows(client.server.pages(address("assets"), "assets", limit, name_pattern=pattern), COLUMNS, output)


@assets.command(name="show")
@click.argument("asset_id", type=int)
@show.output_option
@pass_client
def show_(client: Client, asset_id: int, output: str) -> None:
    """Show one asset: who makes it, and which DAGs wait for it."""
    show.one(client.server.get(address("assets", asset_id)), output)


@assets.command()
@click.argument("asset_id", type=int, required=False)
@limit_option
@show.output_option
@pass_client
def events(client: Client, asset_id: int | None, limit: int, output: str) -> None:
    """List events, of one asset or of all (the newest first)."""
    params = {"asset_id": asset_id, "order_by": "-timestamp"}
    show.rows(client.server.pages(address("assets", "events"), "asset_events", limit, **params), EVENTS, output)


@assets.command()
@click.argument("asset_id", type=int)
@click.option("--extra", type=Json(), help="what the event carries: JSON, @FILE, or - for standard input")
@click.option("--partition-key", help="the partition that has changed")
@show.output_option
@pass_client
def emit(client: Client, asset_id: int, extra: Any, partition_key: str | None, output: str) -> None:
    """Make an event, as if a task had."""
    body = {"asset_id": asset_id, "extra": extra or {}, **({"partition_key": partition_key} if partition_key else {})}
    show.one(client.server.call("POST", address("assets", "events"), body), output, EVENTS)


@assets.command()
@click.argument("asset_id", type=int)
@show.output_option
@pass_client
def materialize(client: Client, asset_id: int, output: str) -> None:
    """Run the DAG that makes the asset."""
    show.one(client.server.call("POST", address("assets", asset_id, "materialize"), {}), output, OF_RUN)
