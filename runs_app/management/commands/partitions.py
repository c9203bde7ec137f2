"""``manage.py partitions``: the keys that are being collected for a DAG, and taking keys off its runs."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import CommandError

from dags_app.models import Dag
from runs_app import partition_actions, partitions
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, read_time, rows

COLUMNS = ("partition_key", "received", "required", "since", "assets")


def _dag(dag_id: str) -> Dag:
    dag = Dag.objects.filter(pk=dag_id).first()
    if dag is None:
        raise CommandError(f"There is no DAG {dag_id!r}: see `manage.py dags list`")
    return dag


def pending(console: Console, options: Options) -> None:
    dag = _dag(options.dag_id)
    if not dag.is_partitioned or dag.asset_expression is None:
        raise CommandError(f"DAG {dag.pk!r} is not scheduled on partitioned assets: no keys are collected for it")
    data = [
        {
            "partition_key": each.key,
            "received": each.received,
            "required": each.required,
            "since": each.created_at,
            "assets": {name: f"{received}/{required}" for name, (received, required) in each.assets.items()},
        }
        for each in partitions.progress(dag)
    ]
    console.show(data, rows(data, COLUMNS))


def clear(console: Console, options: Options) -> None:
    if sum(map(bool, (options.run_id, options.partition_key, options.since or options.until))) != 1:
        raise CommandError("Give exactly one of --run-id, --partition-key, or a range of dates (--from, --to)")
    dag = _dag(options.dag_id)
    zone = partition_actions.zone_of(dag)
    since = read_time(options.since, "--from", zone) if options.since else None
    until = read_time(options.until, "--to", zone) if options.until else None
    found = partition_actions.clear(
        dag.pk,
        run_id=options.run_id or None,
        key=options.partition_key or None,
        since=since,
        until=until,
        tasks=options.clear_task_instances,
        dry_run=options.dry_run,
        user=None,
    )
    data = [{"run_id": run.run_id, "partition_key": key, "partition_date": date} for run, key, date in found.runs]
    done = "would be taken off" if options.dry_run else "was taken off"
    lines = [f"{each['run_id']}: the key {each['partition_key']!r} {done}" for each in data]
    console.show(data, lines or [f"No run of {options.dag_id} has such a key"])


def _pending_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id")


def _clear_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id")
    parser.add_argument("--run-id", default="", help="of this run")
    parser.add_argument("--partition-key", default="", help="of every run with this key")
    parser.add_argument("--from", dest="since", default="", help="partitions from this date on, in the schedule's zone")
    parser.add_argument("--to", dest="until", default="", help="partitions up to this date")
    parser.add_argument("--clear-task-instances", action="store_true", help="and run their tasks again")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


class Command(GroupCommand):
    help = "Partitions: the keys being collected, and taking keys off runs."
    subcommands = {
        "pending": Subcommand("Show the keys that wait for parts.", pending, _pending_arguments),
        "clear": Subcommand("Take the key and its date off runs.", clear, _clear_arguments),
    }
