"""``manage.py store``: what task instances remember over their tries."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from runs_app import store
from runs_app.management.subcommands import Console, GroupCommand, Options, Subcommand, rows
from runs_app.models import TaskInstance


def _find(options: Options) -> TaskInstance:
    found = TaskInstance.objects.filter(
        run__dag_id=options.dag_id, run__run_id=options.run_id, task_id=options.task_id, map_index=options.map_index
    ).select_related("run")
    instance = found.first()
    if instance is None:
        index = f"[{options.map_index}]" if options.map_index >= 0 else ""
        raise CommandError(
            f"Run {options.run_id!r} of DAG {options.dag_id!r} has no task instance {options.task_id}{index}"
        )
    return instance


def list_entries(console: Console, options: Options) -> None:
    found = store.alive(timezone.now()).filter(task_instance=_find(options)).order_by("key")
    data = list(found.values("key", "value", "updated_at", "expires_at"))
    console.show(data, rows(data, ("key", "value", "updated_at", "expires_at")))


def clear(console: Console, options: Options) -> None:
    deleted = store.forget(_find(options), options.key, user=None)
    console.show({"deleted": deleted}, [f"{deleted} keys deleted"])


def clean(console: Console, options: Options) -> None:
    now, deleted = timezone.now(), 0
    while batch := store.clean(now):
        deleted += batch
    console.show({"deleted": deleted}, [f"{deleted} expired keys deleted"])


def _one(parser: ArgumentParser) -> None:
    for name in ("dag_id", "run_id", "task_id"):
        parser.add_argument(name)
    parser.add_argument("--map-index", type=int, default=-1, help="which instance of a mapped task")


def _clear_arguments(parser: ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--key", help="only this one")


class Command(GroupCommand):
    """``store ACTION ...``; each action takes ``--json``."""

    help = "What task instances remember over their tries."
    subcommands = {
        "list": Subcommand("the keys of one task instance", list_entries, _one),
        "clear": Subcommand("delete the keys of one task instance", clear, _clear_arguments),
        "clean": Subcommand("delete expired keys now; the scheduler does so by itself", clean),
    }
