"""``orchestrator dags``: list, look at, pause."""

from __future__ import annotations

from typing import Any

import click

from .. import show
from ..context import Client, limit_option, pass_client
from ..server import address

COLUMNS = ("dag_id", "is_paused", "timetable_summary", "next_dagrun_run_after", "owners")
SHOWN = (
    *("dag_id", "description", "is_paused", "is_stale", "timetable_summary", "timetable_description"),
    *(
        "next_dagrun_run_after",
        "owners",
        "max_active_runs",
        "has_import_errors",
        "relative_fileloc",
        "last_parsed_time",
    ),
)


@click.group()
def dags() -> None:
    """List DAGs, look at them, pause and unpause them."""


@dags.command(name="list")
@click.argument("pattern", required=False)
@click.option("--tag", multiple=True, help="only DAGs with one of these tags; may repeat")
@click.option("--paused/--active", default=None, help="only those that are paused, or are not")
@limit_option
@show.output_option
@pass_client
def list_(
    client: Client, pattern: str | None, tag: tuple[str, ...], paused: bool | None, limit: int, output: str
) -> None:
    """List DAGs; PATTERN is part of their id, with % for anything."""
    params = {"dag_id_pattern": pattern, "tags": list(tag) or None, "paused": None if paused is None else str(paused)}
    show.rows(client.server.pages(address("dags"), "dags", limit, **params), COLUMNS, output)


@dags.command(name="show")
@click.argument("dag_id")
@show.output_option
@pass_client
def show_(client: Client, dag_id: str, output: str) -> None:
    """Show one DAG."""
    show.one(client.server.get(address("dags", dag_id, "details")), output, SHOWN)


@dags.command()
@click.argument("dag_id")
@click.option("--freeze", is_flag=True, help="stop runs under way from starting tasks, too")
@show.output_option
@pass_client
def pause(client: Client, dag_id: str, freeze: bool, output: str) -> None:
    """Make no more runs of a DAG; those under way go on."""
    body = {"is_paused": True, **({"pause_mode": "freeze"} if freeze else {})}
    show.one(client.server.call("PATCH", address("dags", dag_id), body), output, ("dag_id", "is_paused"))


@dags.command()
@click.argument("dag_id")
@show.output_option
@pass_client
def unpause(client: Client, dag_id: str, output: str) -> None:
    """Let a DAG run again."""
    found = client.server.call("PATCH", address("dags", dag_id), {"is_paused": False})
    show.one(found, output, ("dag_id", "is_paused"))


@dags.command()
@click.argument("dag_id")
@click.option("--dot", is_flag=True, help="as a graph that Graphviz draws")
@show.output_option
@pass_client
def graph(client: Client, dag_id: str, dot: bool, output: str) -> None:
    """Show the tasks of a DAG and what comes after each."""
    tasks = client.server.get(address("dags", dag_id, "tasks"))["tasks"]
    if dot:
        return click.echo(_dot(dag_id, tasks))
    rows = [{**each, "downstream": ", ".join(each["downstream_task_ids"] or [])} for each in tasks]
    return show.rows(tasks if output in ("json", "yaml") else rows, ("task_id", "operator_name", "downstream"), output)


def _dot(dag_id: str, tasks: list[dict[str, Any]]) -> str:
    def name(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    lines = [f"digraph {name(dag_id)} {{", "  rankdir=LR;"]
    for each in tasks:
        lines.append(f"  {name(each['task_id'])};")
        lines += [f"  {name(each['task_id'])} -> {name(after)};" for after in each["downstream_task_ids"] or []]
    return "\n".join([*lines, "}"])
