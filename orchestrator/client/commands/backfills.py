"""``orchestrator backfills``: runs for a range of dates."""

from __future__ import annotations

from typing import Any

import click

from .. import show
from ..context import Client, Json, Time, limit_option, pass_client
from ..server import address

COLUMNS = ("id", "dag_id", "from_date", "to_date", "is_paused", "max_active_runs", "created_at", "completed_at")


@click.group()
def backfills() -> None:
    """Make runs for a range of dates."""


@backfills.command(name="list")
@click.argument("dag_id")
@limit_option
@show.output_option
@pass_client
def list_(client: Client, dag_id: str, limit: int, output: str) -> None:
    """List the backfills of a DAG."""
    show.rows(client.server.pages(address("backfills"), "backfills", limit, dag_id=dag_id), COLUMNS, output)


@backfills.command(name="show")
@click.argument("backfill_id", type=int)
@show.output_option
@pass_client
def show_(client: Client, backfill_id: int, output: str) -> None:
    """Show one backfill."""
    show.one(client.server.get(address("backfills", backfill_id)), output)


@backfills.command()
@click.argument("dag_id")
@click.option("--from", "from_date", required=True, type=Time(), metavar="TIME", help="the first date")
@click.option("--to", "to_date", required=True, type=Time(), metavar="TIME", help="the last date")
@click.option("--conf", type=Json(), help="values of its runs: JSON, @FILE, or - for standard input")
@click.option("--max-active-runs", type=click.IntRange(min=1), default=10, show_default=True, help="so many at once")
@click.option(
    "--reprocess",
    type=click.Choice(["none", "failed", "completed"]),
    default="none",
    show_default=True,
    help="dates whose run is there already: leave it, run it again if it failed, or if it ended",
)
@click.option("--backwards", is_flag=True, help="the last date first")
@click.option("--dry-run", is_flag=True, help="only say which dates would get a run")
@show.output_option
@pass_client
def create(
    client: Client,
    dag_id: str,
    from_date: str,
    to_date: str,
    conf: Any,
    max_active_runs: int,
    reprocess: str,
    backwards: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Make one, and start its runs."""
    body = {
        "dag_id": dag_id,
        "from_date": from_date,
        "to_date": to_date,
        "dag_run_conf": conf,
        "max_active_runs": max_active_runs,
        "reprocess_behavior": reprocess,
        "run_backwards": backwards,
    }
    if dry_run:
        found = client.server.call("POST", address("backfills", "dry_run"), body)["backfills"]
        return show.rows(found, ("logical_date", "partition_key"), output)
    return show.one(client.server.call("POST", address("backfills"), body), output)


def _steer(name: str, text: str) -> None:
    @backfills.command(name=name, help=text)
    @click.argument("backfill_id", type=int)
    @show.output_option
    @pass_client
    def act(client: Client, backfill_id: int, output: str) -> None:
        show.one(client.server.call("PUT", address("backfills", backfill_id, name)), output)


_steer("pause", "Start no more of its runs.")
_steer("unpause", "Go on.")
_steer("cancel", "End it: runs that have not begun are cancelled.")
