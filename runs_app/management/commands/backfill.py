"""``manage.py backfill``: run past intervals of a DAG, or run them again."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.management.base import CommandError

from orchestrator.core.backfill import Action, Reprocess
from runs_app import backfills
from runs_app.exceptions import BackfillNotFound
from runs_app.management.subcommands import (
    Console,
    GroupCommand,
    Options,
    Subcommand,
    fields,
    read_json,
    read_time,
    rows,
)
from runs_app.models import Backfill

Json = dict[str, Any]


def _request(options: Options) -> backfills.Request:
    conf = read_json(options.conf, "--conf") if options.conf else None
    if conf is not None and not isinstance(conf, dict):
        raise CommandError('--conf must be a JSON object, e.g. \'{"region": "south"}\'')
    if options.max_active_runs < 1:
        raise CommandError("--max-active-runs must be 1 or more")
    return backfills.Request(
        dag_id=options.dag_id,
        from_date=read_time(options.from_date, "--from-date"),
        to_date=read_time(options.to_date, "--to-date"),
        backwards=options.run_backwards,
        reprocess=Reprocess(options.reprocess_behavior),
        max_active_runs=options.max_active_runs,
        conf=conf,
        run_on_latest_version=options.run_on_latest_version,
    )


def plan(console: Console, options: Options) -> None:
    data = [
        {
            "logical_date": None if each.run.partition_key else each.run.logical_date,
            "partition_key": each.run.partition_key,
            "partition_date": each.run.partition_date,
            "action": each.verdict.action,
            "reason": each.verdict.reason or None,
            "data_interval_start": each.run.interval.start,
            "data_interval_end": each.run.interval.end,
        }
        for each in backfills.plan(_request(options))
    ]
    counts = [f"{sum(each['action'] == action for each in data)} to {action}" for action in Action]
    console.show(data, [*rows(data, (_what(data), "action", "reason")), ", ".join(counts)])


def _what(rows: list[Json]) -> str:
    """What tells the runs apart: their dates, or their partitions."""
    return "partition_key" if rows and rows[0]["partition_key"] else "logical_date"


def create(console: Console, options: Options) -> None:
    data = _json(backfills.create(_request(options)))
    console.show(
        data, [f"backfill {data['id']} of {data['dag_id']}: {data['total']} intervals, {data['skipped']} skipped"]
    )
    if data["to_make"]:
        console.note(f"{data['to_make']} of its runs are still to be made: the scheduler does that")


def list_backfills(console: Console, options: Options) -> None:
    found = Backfill.objects.all()
    if options.dag_id:
        found = found.filter(dag_id=options.dag_id)
    if options.open:
        found = found.filter(completed_at__isnull=True)
    chosen = list(found[: options.limit])
    known = backfills.progress(chosen)
    data = [_described(each, known[each.pk]) for each in chosen]
    columns = ("id", "dag_id", "from_date", "to_date", "is_paused", "done", "total", "completed_at")
    console.show(data, rows(data, columns))


def show(console: Console, options: Options) -> None:
    found = Backfill.objects.filter(pk=options.backfill_id).first()
    if found is None:
        raise BackfillNotFound(f"Could not find backfill with id {options.backfill_id}: see `manage.py backfill list`")
    entries = [
        {
            "ordinal": each.ordinal,
            "logical_date": None if each.partition_key else each.logical_date,
            "partition_key": each.partition_key,
            "run_id": each.dag_run.run_id if each.dag_run else None,
            "state": each.dag_run.state if each.dag_run else None,
            "reason": each.exception_reason,
        }
        for each in found.entries.select_related("dag_run").order_by("ordinal")
    ]
    data = _json(found)
    lines = [*fields(data), "", *rows(entries, ("ordinal", _what(entries), "state", "reason", "run_id"))]
    console.show({**data, "runs": entries}, lines)


def pause(console: Console, options: Options) -> None:
    _told(console, backfills.set_paused(options.backfill_id, True), "paused: what runs goes on")


def unpause(console: Console, options: Options) -> None:
    _told(console, backfills.set_paused(options.backfill_id, False), "going on")


def cancel(console: Console, options: Options) -> None:
    _told(console, backfills.cancel(options.backfill_id), "cancelled: what runs goes on")


def _told(console: Console, found: Backfill, what: str) -> None:
    console.show(_json(found), [f"backfill {found.pk} of {found.dag_id} is {what}"])


def _json(found: Backfill) -> Json:
    return _described(found, backfills.progress([found])[found.pk])


def _described(found: Backfill, known: backfills.Progress) -> Json:
    return {
        "id": found.pk,
        "dag_id": found.dag_id,
        "from_date": found.from_date,
        "to_date": found.to_date,
        "run_backwards": found.run_backwards,
        "reprocess_behavior": found.reprocess_behavior,
        "max_active_runs": found.max_active_runs,
        "dag_run_conf": found.dag_run_conf,
        "is_paused": found.is_paused,
        "created_at": found.created_at,
        "completed_at": found.completed_at,
        "total": known.total,
        "done": known.done,
        "skipped": known.skipped,
        "to_make": known.to_make,
        "states": known.states,
    }


def _range(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id")
    parser.add_argument(
        "--from-date", required=True, help="first logical date (or date of a partition), e.g. 2026-03-01"
    )
    parser.add_argument("--to-date", required=True, help="last logical date; it counts, too")
    parser.add_argument("--run-backwards", action="store_true", help="the newest first")
    parser.add_argument(
        "--reprocess-behavior",
        choices=list(Reprocess),
        default=Reprocess.NONE,
        help="which runs that are there run again (none)",
    )
    parser.add_argument("--max-active-runs", type=int, default=10, help="how many at once (10)")
    parser.add_argument("--conf", help="a JSON object: the configuration of each run")
    parser.add_argument(
        "--run-on-latest-version",
        action=BooleanOptionalAction,
        help="runs that run again do so with the DAG's latest version (yes, unless the DAG or the installation says otherwise)",
    )


def _one(parser: ArgumentParser) -> None:
    parser.add_argument("backfill_id", type=int)


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id", nargs="?")
    parser.add_argument("--open", action="store_true", help="only those that are not over")
    parser.add_argument("--limit", type=int, default=20, help="how many at most (20)")


class Command(GroupCommand):
    """``backfill ACTION ...``; each action takes ``--json``."""

    help = "Run past intervals of a DAG, or run them again."
    subcommands = {
        "plan": Subcommand("what would be done, date by date; changes nothing", plan, _range),
        "create": Subcommand("make the runs and start them", create, _range),
        "list": Subcommand("newest first", list_backfills, _list_arguments),
        "show": Subcommand("one and its runs", show, _one),
        "pause": Subcommand("start no more runs", pause, _one),
        "unpause": Subcommand("go on", unpause, _one),
        "cancel": Subcommand("end it: runs that have not begun are cancelled", cancel, _one),
    }
