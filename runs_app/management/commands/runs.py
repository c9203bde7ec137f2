"""``manage.py runs``: look at runs and steer them."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from dags_app.versions import reruns_with_latest
from runs_app import actions, cancel, comparing, forecast, new_tasks
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, fields, rows
from runs_app.models import DagRun, TaskInstance

Json = dict[str, Any]


def find_run(dag_id: str, run_id: str) -> DagRun:
    run = DagRun.objects.filter(dag_id=dag_id, run_id=run_id).first()
    if run is None:
        raise CommandError(f"DAG {dag_id!r} has no run {run_id!r}: see `manage.py runs list {dag_id}`")
    return run


def _json(run: DagRun) -> Json:
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state,
        "run_type": run.run_type,
        "logical_date": run.logical_date,
        "run_after": run.run_after,
        "start_date": run.started_at,
        "end_date": run.ended_at,
        "conf": run.conf,
        "note": run.note,
    }


def _instance(instance: TaskInstance) -> Json:
    start, end = instance.started_at, instance.ended_at
    return {
        "task_id": instance.task_id,
        "map_index": instance.map_index,
        "state": instance.state,
        "try_number": instance.try_number,
        "start_date": start,
        "end_date": end,
        "duration": (end - start).total_seconds() if start and end else None,
    }


def list_runs(console: Console, options: Options) -> None:
    found = DagRun.objects.order_by("-run_after", "-pk")
    if options.dag_id:
        found = found.filter(dag_id=options.dag_id)
    if options.state:
        found = found.filter(state=options.state)
    data = [_json(run) for run in found[: options.limit]]
    console.show(data, rows(data, ("state", "dag_id", "run_id", "run_after")))


def show(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id)
    instances = [_instance(each) for each in TaskInstance.objects.filter(run=run).order_by("pk")]
    lines = [*fields(_json(run)), "", *rows(instances, ("state", "task_id", "map_index", "try_number", "duration"))]
    console.show({**_json(run), "task_instances": instances}, lines)


def compare(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id)
    other = find_run(options.dag_id, options.other) if options.other else comparing.last_good(run, DagRun.objects.all())
    if other is None:
        raise CommandError(f"No run before {run.run_id!r} succeeded: name one with --with")
    found = comparing.compared(other, run, timezone.now())
    data = {
        **{"dag_id": run.dag_id, "run_id": run.run_id, "with": other.run_id, "delay": found.delay},
        **{
            "differences": [asdict(each) for each in found.differences],
            "changes": [each.text for each in found.changes],
        },
        "is_whole": found.is_whole,
    }
    took = f" took {found.delay:+.1f} s" if found.delay is not None else ""
    lines = rows(data["differences"], ("kind", "task_id", "map_index", "name", "before", "after", "delay"))
    whole = [] if found.is_whole else ["The runs are large: not all of them was compared."]
    nothing = ["Nothing differs."]
    console.show(
        data, [f"{run.run_id}{took}, against {other.run_id}", *(lines if found.differences else nothing), *whole]
    )


def forecast_run(console: Console, options: Options) -> None:
    run, now = find_run(options.dag_id, options.run_id), timezone.now()
    told = forecast.of_run(run, now)
    data = {
        **{"dag_id": run.dag_id, "run_id": run.run_id, "p50": told.half, "p90": told.most, "runs": told.runs},
        **{"reason": told.reason or None, "late": [asdict(each) for each in told.lates]},
    }
    if told.half is None:
        console.show(data, [f"no forecast: {told.reason}"])
        return
    late = [
        f"{'will' if each.is_sure else 'may'} miss {each.name or 'its deadline'} at {each.at:%Y-%m-%d %H:%M:%S} UTC"
        for each in told.lates
    ]
    ends = (
        f"half of {told.runs} such runs end by {told.half:%Y-%m-%d %H:%M:%S} UTC, nine of ten by {told.most:%H:%M:%S}"
    )
    console.show(data, [ends, *late])


def clear(console: Console, options: Options) -> None:
    if options.only_new:
        _queue_new(console, options)
    else:
        _clear(console, options, only_failed=options.only_failed)


def _queue_new(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id)
    names = new_tasks.queue(run.pk, dry_run=options.dry_run)
    run.refresh_from_db()
    data = {**_json(run), "cleared": 0, "queued": len(names), "task_ids": names, "dry_run": options.dry_run}
    did = "would be queued" if options.dry_run else "queued"
    console.show(data, [f"{len(names)} new tasks {did}: {', '.join(names) or '-'}", f"the run is {run.state}"])


def rerun(console: Console, options: Options) -> None:
    _clear(console, options, only_failed=not options.whole)


def _clear(console: Console, options: Options, *, only_failed: bool) -> None:
    run = find_run(options.dag_id, options.run_id)
    latest = reruns_with_latest(run.dag)
    found = actions.clear(run.pk, only_failed=only_failed, latest=latest, dry_run=options.dry_run)
    run.refresh_from_db()
    names = sorted({each.task_id for each in found})
    data = {**_json(run), "cleared": len(found), "task_ids": names, "dry_run": options.dry_run}
    did = "would be cleared" if options.dry_run else "cleared"
    console.show(data, [f"{len(found)} task instances {did}: {', '.join(names) or '-'}", f"the run is {run.state}"])


def cancel_run(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id)
    cancel.cancel_run(run.pk, reason=options.reason)
    run.refresh_from_db()
    ends = "" if run.ended_at else ": it ends when its teardowns are done"
    console.show(_json(run), [f"{run.dag_id} {run.run_id} is cancelled{ends}"])


def delete(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id)
    if not options.yes:
        raise CommandError(f"This deletes {run.run_id} with its task instances, tries and XComs: say so with --yes")
    actions.delete_run(run.pk, user=None)
    data = {"dag_id": options.dag_id, "run_id": options.run_id, "deleted": True}
    console.show(data, [f"{options.dag_id} {options.run_id} is deleted"])


def note(console: Console, options: Options) -> None:
    run = find_run(options.dag_id, options.run_id)
    actions.set_note(run.pk, options.text, user=None)
    run.refresh_from_db()
    console.show(_json(run), [f"note of {run.dag_id} {run.run_id}: {run.note or '-'}"])


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id", nargs="?")
    parser.add_argument("--state", help="only those in this state")
    parser.add_argument("--limit", type=int, default=20, help="how many at most (20)")


def _one(parser: ArgumentParser) -> None:
    parser.add_argument("dag_id")
    parser.add_argument("run_id")


def _compare_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--with", dest="other", help="the run to compare with (the last good one before it)")


def _clear_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only-failed", action="store_true", help="only what failed, or was cancelled")
    which.add_argument(
        "--only-new",
        action="store_true",
        help="clear nothing: run what the DAG's latest version has on top, under that version",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be cleared, or queued")


def _rerun_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--whole", action="store_true", help="all of it, not only what failed")
    parser.add_argument("--dry-run", action="store_true", help="only say what would run again")


def _cancel_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--reason", default="", help="why; shown with the run's events")


def _delete_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--yes", action="store_true", help="really")


def _note_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("text", help="an empty one takes the note away")


class Command(GroupCommand):
    """``runs ACTION ...``; each action takes ``--json``."""

    help = "List and show runs; clear, rerun, cancel and delete them."
    subcommands = {
        "list": Subcommand("newest first", list_runs, _list_arguments),
        "show": Subcommand("one run and its task instances", show, _one),
        "compare": Subcommand("what differs from another run, and made it late", compare, _compare_arguments),
        "forecast": Subcommand("when a running one will end", forecast_run, _one),
        "clear": Subcommand("run its tasks again", clear, _clear_arguments),
        "rerun": Subcommand("run again what failed, or was cancelled", rerun, _rerun_arguments),
        "cancel": Subcommand("stop it; its teardowns still run", cancel_run, _cancel_arguments),
        "delete": Subcommand("one with all that belongs to it", delete, _delete_arguments),
        "note": Subcommand("write a note on it", note, _note_arguments),
    }
