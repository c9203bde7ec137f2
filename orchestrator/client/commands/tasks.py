"""``orchestrator tasks``: list, read logs, clear, mark."""

from __future__ import annotations

import json
from typing import Any

import click

from .. import show
from ..context import Client, limit_option, pass_client, sure, yes_option
from ..problems import FAILED, SUCCESS
from ..server import address
from .runs import log_line

OF_DAG = ("task_id", "operator_name", "trigger_rule", "pool", "queue", "retries")
OF_RUN = ("task_id", "map_index", "state", "try_number", "start_date", "duration", "operator_name")
AROUND = ("upstream", "downstream", "future", "past")


def map_index_option(command: Any) -> Any:
    return click.option("--map-index", type=int, default=-1, help="of a mapped task: which instance")(command)


def around_options(command: Any) -> Any:
    for name in reversed(AROUND):
        what = "the runs" if name in ("future", "past") else "the tasks"
        word = {"upstream": "before it", "downstream": "after it", "future": "after it", "past": "before it"}[name]
        command = click.option(f"--{name}", is_flag=True, help=f"{what} {word}, too")(command)
    return command


@click.group()
def tasks() -> None:
    """List tasks, read their logs, run them again, mark them."""


@tasks.command(name="list")
@click.argument("dag_id")
@click.argument("run_id", required=False)
@click.option("--state", multiple=True, help="with RUN_ID: only task instances in this state; may repeat")
@limit_option
@show.output_option
@pass_client
def list_(client: Client, dag_id: str, run_id: str | None, state: tuple[str, ...], limit: int, output: str) -> None:
    """List the tasks of a DAG, or the task instances of a run."""
    if run_id is None:
        found = client.server.get(address("dags", dag_id, "tasks"))["tasks"][:limit]
        return show.rows(found, OF_DAG, output)
    path = address("dags", dag_id, "dagRuns", run_id, "taskInstances")
    found = client.server.pages(path, "task_instances", limit, state=list(state) or None, order_by="id")
    return show.rows(found, OF_RUN, output)


@tasks.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.argument("task_id")
@map_index_option
@click.option("--try", "number", type=click.IntRange(min=1), help="which try (default: the last one)")
@click.option("--follow", is_flag=True, help="go on until the try is over; the exit code says how it ended")
@click.option("--json", "as_json", is_flag=True, help="each line as JSON, with its time and level")
@pass_client
def logs(
    client: Client,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int,
    number: int | None,
    follow: bool,
    as_json: bool,
) -> int:
    """Write the log of a task instance."""
    path = address("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id)
    row = client.server.get(path if map_index < 0 else f"{path}/{map_index}")
    number = number or max(1, row["try_number"])

    def write(label: str, record: dict[str, Any]) -> None:
        click.echo(json.dumps(record, ensure_ascii=False) if as_json else log_line(record))

    if follow:
        from .. import follow as following

        state = following.follow_log(client.server, dag_id, run_id, task_id, map_index, number, write)
        return FAILED if state in ("failed", "upstream_failed") else SUCCESS
    with client.server.lines(f"{path}/logs/{number}", map_index=map_index) as lines:
        for line in lines:
            write("", json.loads(line))
    return SUCCESS


@tasks.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.argument("task_id", nargs=-1, required=True)
@around_options
@click.option("--only-failed", is_flag=True, help="only those that failed")
@click.option("--dry-run", is_flag=True, help="only say what would run again")
@yes_option
@show.output_option
@pass_client
def clear(
    client: Client,
    dag_id: str,
    run_id: str,
    task_id: tuple[str, ...],
    only_failed: bool,
    dry_run: bool,
    yes: bool,
    output: str,
    **around: bool,
) -> None:
    """Run tasks of a run again."""
    body = {"dag_run_id": run_id, "task_ids": list(task_id), "only_failed": only_failed}
    body |= {f"include_{name}": around[name] for name in AROUND}
    path = address("dags", dag_id, "clearTaskInstances")
    if not dry_run and not yes:
        found = client.server.call("POST", path, {**body, "dry_run": True})["task_instances"]
        sure(f"Run {len(found)} task instances of {dag_id} again?", yes)
    found = client.server.call("POST", path, {**body, "dry_run": dry_run})["task_instances"]
    show.rows(found, ("dag_run_id", *OF_RUN[:4]), output)


@tasks.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.argument("task_id")
@click.argument("state", type=click.Choice(["success", "failed", "skipped"]))
@map_index_option
@around_options
@click.option("--note", help="a note on the task instance")
@show.output_option
@pass_client
def mark(
    client: Client,
    dag_id: str,
    run_id: str,
    task_id: str,
    state: str,
    map_index: int,
    note: str | None,
    output: str,
    **around: bool,
) -> None:
    """Set the state of a task instance by hand."""
    body = {"new_state": state, **{f"include_{name}": around[name] for name in AROUND}}
    if note is not None:
        body["note"] = note
    parts = () if map_index < 0 else (map_index,)
    path = address("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id, *parts)
    found = client.server.call("PATCH", path, body)
    show.rows(found.get("task_instances", [found]), ("dag_run_id", *OF_RUN[:4]), output)
