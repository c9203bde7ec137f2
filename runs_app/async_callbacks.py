"""Callbacks of missed deadlines that a triggerer awaits: taken like triggers, done when they have ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from orchestrator.runtime.deadline_callback import CLASSPATH

from . import deadlines
from .answers import run_json
from .callbacks import callback_done
from .deferrals import Deferral
from .locking import fetch, retrying, skip_locked, write
from .models import Callback

_OPEN = "FROM runs_app_callback WHERE done_at IS NULL AND on_triggerer AND process_id IS NULL AND tries < 3"


def waiting() -> bool:
    return bool(fetch(f"SELECT 1 {_OPEN} LIMIT 1"))


@retrying()
def take(process_pk: int, count: int, now: datetime) -> list[Deferral]:
    """Take up to ``count`` callbacks that no triggerer has, oldest first; none where our own lease has been ended."""
    with transaction.atomic():
        rows = fetch(
            f"SELECT id {_OPEN} AND EXISTS (SELECT 1 FROM runs_app_process WHERE id = %s AND ended_at IS NULL) "
            f"ORDER BY id LIMIT %s{skip_locked()}",
            [process_pk, count],
        )
        found = []
        for (pk,) in rows:
            write(
                "UPDATE runs_app_callback SET process_id = %s, claimed_at = %s, tries = tries + 1 WHERE id = %s",
                [process_pk, now, pk],
            )
            found.append(_deferral(Callback.objects.select_related("run", "deadline").get(pk=pk)))
        return found


def _deferral(callback: Callback) -> Deferral:
    run = callback.run
    row = {
        **dict.fromkeys(("task_id", "next_method", "next_kwargs", "first_started_at"), None),
        **{"id": -callback.pk, "token": callback.tries, "run_id": run.pk, "dag_id": run.dag_id, "map_index": -1},
        **{"version_id": run.version_id, "try_number": 0, "max_tries": 0, "pool": "", "queue": "", "hostname": ""},
        **{"priority_weight": 1, "reschedule_count": 0, "started_at": callback.claimed_at},
    }
    order = deadlines.order_of(callback, run_json(run.pk))
    return Deferral(0, CLASSPATH, {"order": order}, row, callback_pk=callback.pk)


def held(process_pk: int) -> set[tuple[int, int]]:
    """Return the keys of the callbacks that are ours."""
    rows = fetch(
        "SELECT id, tries FROM runs_app_callback WHERE process_id = %s AND on_triggerer AND done_at IS NULL",
        [process_pk],
    )
    return {(-pk, tries) for pk, tries in rows}


@retrying()
def give_back(process_pk: int, keys: Iterable[tuple[int, int]]) -> None:
    """Leave those of ours to others that we do not run: the answer to the commit that took them never arrived."""
    for key, tries in keys:
        write(
            "UPDATE runs_app_callback SET process_id = NULL WHERE process_id = %s AND id = %s AND tries = %s "
            "AND done_at IS NULL",
            [process_pk, -key, tries],
        )


def done(deferral: Deferral, outcome: str, now: datetime) -> None:
    """Its call has ended, well or not: why is in the log."""
    callback = Callback.objects.select_related("run").filter(pk=deferral.callback_pk, tries=deferral.row["token"])
    for each in callback:
        callback_done(each, outcome, now)


@retrying()
def release(process_pk: int) -> None:
    """Leave every callback of ours to others."""
    write(
        "UPDATE runs_app_callback SET process_id = NULL WHERE process_id = %s AND on_triggerer AND done_at IS NULL",
        [process_pk],
    )
