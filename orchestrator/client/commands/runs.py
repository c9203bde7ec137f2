"""``orchestrator runs``: trigger, follow and steer runs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import click

from .. import show
from ..context import Client, Json, Time, limit_option, pass_client, sure, yes_option
from ..problems import FAILED, SUCCESS, NotYet, Unreached
from ..server import address

COLUMNS = ("dag_id", "dag_run_id", "state", "run_type", "logical_date", "start_date", "duration")
SHOWN = (
    *("dag_id", "dag_run_id", "state", "run_type", "logical_date", "run_after", "start_date", "end_date", "duration"),
    *("triggering_user_name", "conf", "partition_key", "note"),
)
LOOK_SECONDS = 5


@click.group()
def runs() -> None:
    """Trigger, follow, list and steer runs."""


@runs.command()
@click.argument("dag_id")
@click.option("--conf", type=Json(), help="values of the run: JSON, @FILE, or - for standard input")
@click.option("--logical-date", type=Time(), metavar="TIME", help="the run's logical date (default: none)")
@click.option("--run-id", help="the run's id (default: made by the server)")
@click.option("--partition-key", help="the partition that the run is for")
@click.option("--note", help="a note on the run")
@click.option(
    "--key",
    help="idempotency key: sent again with the same key, it is the same run (default: one for this call, so that a "
    "trigger whose answer got lost is not made twice)",
)
@click.option("--wait", is_flag=True, help="wait for the end; the exit code says how it ended")
@click.option("--follow", is_flag=True, help="the same, and write the logs of its tasks as they come")
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="with --wait: exit with 4 after so long"
)
@click.option("--result", multiple=True, metavar="TASK", help="with --wait: show what this task returned; may repeat")
@show.output_option
@pass_client
def trigger(
    client: Client,
    dag_id: str,
    conf: Any,
    logical_date: str | None,
    run_id: str | None,
    partition_key: str | None,
    note: str | None,
    key: str | None,
    wait: bool,
    follow: bool,
    timeout: float | None,
    result: tuple[str, ...],
    output: str,
) -> int:
    """Make a run of a DAG.

    With --wait or --follow the exit code says how it ended: 0 success, 1 failed.
    """
    if key and run_id:
        raise click.UsageError("--key makes the run's id: leave --run-id out")
    if follow and (timeout is not None or result):
        raise click.UsageError("--timeout and --result belong to --wait")
    if (timeout is not None or result) and not wait:
        raise click.UsageError("--timeout and --result need --wait")
    body = {"logical_date": logical_date, "conf": conf, "note": note, "partition_key": partition_key}
    body = {name: value for name, value in body.items() if value is not None or name == "logical_date"}
    headers = {}
    if run_id:
        body["dag_run_id"] = run_id
    else:
        headers["Idempotency-Key"] = key or uuid.uuid4().hex
    path = address("dags", dag_id, "dagRuns")

    def send(heard: Any = None) -> dict[str, Any]:
        return client.server.call("POST", path, body, headers=headers)

    # With a key it may be sent again; with an id of its own, a second time would be refused as there already.
    made = send() if run_id else client.server.patiently(send) if wait or follow else send()
    if not (wait or follow):
        show.one(made, output, SHOWN)
        return SUCCESS
    click.echo(f"{dag_id} {made['dag_run_id']}", err=True)
    if made["state"] == "queued":
        _say_why(client, dag_id, made["dag_run_id"])
    if follow:
        return _followed(client, dag_id, made["dag_run_id"], output)
    return _waited(client, dag_id, made["dag_run_id"], timeout, result, output)


@runs.command(name="list")
@click.argument("dag_id", default="~")
@click.option("--state", multiple=True, help="only runs in this state; may repeat")
@click.option("--run-type", multiple=True, help="only runs of this type; may repeat")
@click.option("--order-by", default="-run_after", show_default=True, help="field; - before it for the last first")
@limit_option
@show.output_option
@pass_client
def list_(
    client: Client,
    dag_id: str,
    state: tuple[str, ...],
    run_type: tuple[str, ...],
    order_by: str,
    limit: int,
    output: str,
) -> None:
    """List runs of a DAG, or of all (the newest first)."""
    params = {"state": list(state) or None, "run_type": list(run_type) or None, "order_by": order_by}
    found = client.server.pages(address("dags", dag_id, "dagRuns"), "dag_runs", limit, **params)
    show.rows(found, COLUMNS, output)


@runs.command(name="show")
@click.argument("dag_id")
@click.argument("run_id")
@show.output_option
@pass_client
def show_(client: Client, dag_id: str, run_id: str, output: str) -> None:
    """Show one run."""
    show.one(client.server.get(address("dags", dag_id, "dagRuns", run_id)), output, SHOWN)


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="exit with 4 after so long")
@click.option("--result", multiple=True, metavar="TASK", help="show what this task returned; may repeat")
@show.output_option
@pass_client
def wait(client: Client, dag_id: str, run_id: str, timeout: float | None, result: tuple[str, ...], output: str) -> int:
    """Wait until a run has ended; the exit code says how."""
    return _waited(client, dag_id, run_id, timeout, result, output)


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@show.output_option
@pass_client
def follow(client: Client, dag_id: str, run_id: str, output: str) -> int:
    """Write the logs of a run's tasks as they come, until it has ended; the exit code says how."""
    client.server.get(address("dags", dag_id, "dagRuns", run_id))
    return _followed(client, dag_id, run_id, output)


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.option("--only-failed", is_flag=True, help="only task instances that failed")
@click.option("--latest-version", is_flag=True, help="go on with the DAG's latest version")
@click.option("--dry-run", is_flag=True, help="only say what would run again")
@yes_option
@show.output_option
@pass_client
def clear(
    client: Client,
    dag_id: str,
    run_id: str,
    only_failed: bool,
    latest_version: bool,
    dry_run: bool,
    yes: bool,
    output: str,
) -> None:
    """Run a run again."""
    path = address("dags", dag_id, "dagRuns", run_id, "clear")
    body = {"only_failed": only_failed, "run_on_latest_version": latest_version}
    if dry_run:
        found = client.server.call("POST", path, {**body, "dry_run": True})["task_instances"]
        return show.rows(found, ("task_id", "map_index", "state"), output)
    sure(f"Run {dag_id} {run_id} again?", yes)
    return show.one(client.server.call("POST", path, {**body, "dry_run": False}), output, SHOWN)


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.option("--reason", help="is kept with the run")
@show.output_option
@pass_client
def cancel(client: Client, dag_id: str, run_id: str, reason: str | None, output: str) -> None:
    """Stop a run; its teardowns still run."""
    path = address("dags", dag_id, "dagRuns", run_id, "cancel")
    show.one(client.server.call("POST", path, {"reason": reason} if reason else {}), output, SHOWN)


def _say_why(client: Client, dag_id: str, run_id: str) -> None:
    """Say what a run waits for: a pipeline that hangs on a paused DAG should not have to be searched for the reason."""
    path = address("dags", dag_id, "dagRuns", run_id, "why")
    for reason in client.server.patiently(lambda heard: client.server.get(path))["reasons"]:
        click.echo(f"waits: {reason['text']} {reason['remedy'] or ''}".rstrip(), err=True)


def _ended(state: str) -> int:
    return SUCCESS if state == "success" else FAILED


def _followed(client: Client, dag_id: str, run_id: str, output: str) -> int:
    from .. import follow

    def write(label: str, record: dict[str, Any]) -> None:
        if output == "json":
            click.echo(json.dumps({"task": label, **record}, ensure_ascii=False))
        else:
            click.echo(log_line(record, label))

    def tell(label: str, state: str) -> None:
        click.echo(f"{label or 'run'}: {state}", err=True)

    run = follow.follow(client.server, dag_id, run_id, write, tell)
    if output == "json":
        click.echo(json.dumps({"dag_run_id": run["dag_run_id"], "state": run["state"]}))
    else:
        click.echo(f"{dag_id} {run_id}: {run['state']}", err=True)
    return _ended(run["state"])


def log_line(record: dict[str, Any], label: str = "") -> str:
    """Return a line of a log as people read it; it can steer no terminal."""
    text = show.clean(click.unstyle(str(record.get("event") or "")))
    return f"{label} | {text}" if label else text


def _waited(
    client: Client, dag_id: str, run_id: str, timeout: float | None, result: tuple[str, ...], output: str
) -> int:
    until = None if timeout is None else time.monotonic() + timeout
    last = client.server.patiently(lambda heard: _last_line(client, dag_id, run_id, until, result, heard))
    found = {"dag_id": dag_id, "dag_run_id": run_id, **last}
    show.one(found, output)
    return _ended(last["state"])


def _last_line(
    client: Client, dag_id: str, run_id: str, until: float | None, result: tuple[str, ...], heard: Callable[[], None]
) -> dict[str, Any]:
    """Read the line that says how a run ended."""
    left = LOOK_SECONDS if until is None else max(0.1, min(LOOK_SECONDS, until - time.monotonic()))
    params = {"interval": left, "result": list(result) or None}
    path = address("dags", dag_id, "dagRuns", run_id, "wait")
    with client.server.lines(path, **params) as lines:
        for line in lines:
            heard()
            found = json.loads(line)
            if found["state"] in ("success", "failed"):
                return found
            if until is not None and time.monotonic() >= until:
                raise NotYet(f"{dag_id} {run_id} is still {found['state']}; wait on with `orchestrator runs wait`")
    raise Unreached("The server ended the answer before the run had ended")
