"""Deferred task instances as the triggerer sees them: taking their triggers, and accepting what these found.

Any number of triggerers share the rows of ``Trigger``. A row without a process is free; a process that
died leaves its rows to others when the sweep ends its lease. Two may run the same trigger for a moment:
an event is accepted by the token of the attempt that deferred, so only the first one counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from orchestrator.core.states import TaskState

from . import advance, notify, transitions
from .finish import Finished, Outcome, finish_deferred
from .locking import batches, fetch, moment, placeholders, retrying, skip_locked, write

Json = dict[str, Any]
COLUMNS = (
    *("id", "run_id", "dag_id", "task_id", "map_index", "token", "generation", "try_number", "max_tries", "losses"),
    *("version_id", "queue", "pool", "priority_weight", "hostname", "next_kwargs", "reschedule_count"),
    *("first_started_at", "started_at"),
)


@dataclass(slots=True, frozen=True)
class Deferral:
    """One trigger and the task instance that waits for it."""

    trigger_pk: int
    classpath: str
    kwargs: Json
    row: Json  # of the task instance, as a claim returns it
    callback_pk: int = 0  # a missed deadline's callback instead: no task instance waits for it

    @property
    def key(self) -> tuple[int, int]:
        """Names this deferral for good: a task that defers again keeps its row but not its token."""
        return self.row["id"], self.row["token"]

    @property
    def log_key(self) -> tuple[int, int]:
        """The log that its lines belong to: the attempt's that deferred, or the callback's own."""
        return (0, self.callback_pk) if self.callback_pk else self.key

    @property
    def imports(self) -> str:
        """What has to be importable where it runs."""
        return self.kwargs["order"]["path"] if self.callback_pk else self.classpath

    def __str__(self) -> str:
        index = f"[{self.row['map_index']}]" if self.row["map_index"] >= 0 else ""
        return f"{self.classpath} of {self.row['dag_id']}.{self.row['task_id']}{index}"


def open_triggers() -> tuple[int, int, int]:
    """Return how many triggers are free, how many there are, and how many triggerers share them."""
    return fetch(
        "SELECT (SELECT count(*) FROM runs_app_trigger WHERE process_id IS NULL), "
        "(SELECT count(*) FROM runs_app_trigger), "
        "(SELECT count(*) FROM runs_app_process WHERE kind = 'triggerer' AND ended_at IS NULL)"
    )[0]


@retrying()
def take(process_pk: int, count: int) -> list[Deferral]:
    """Take up to ``count`` free triggers, oldest first; none where our own lease has been ended."""
    found: list[Deferral] = []
    with transaction.atomic():
        rows = fetch(
            "SELECT id FROM runs_app_trigger WHERE process_id IS NULL AND EXISTS "
            "(SELECT 1 FROM runs_app_process WHERE id = %s AND ended_at IS NULL) "
            f"ORDER BY created_at, id LIMIT %s{skip_locked()}",
            [process_pk, count],
        )
        for batch in batches([pk for (pk,) in rows]):
            write(
                f"UPDATE runs_app_trigger SET process_id = %s WHERE id IN ({placeholders(batch)})", [process_pk, *batch]
            )
            alive = _read(batch)
            found += alive
            nobodys = set(batch) - {each.trigger_pk for each in alive}
            if nobodys:  # their tasks went on without them
                write(f"DELETE FROM runs_app_trigger WHERE id IN ({placeholders(list(nobodys))})", list(nobodys))
    return found


def _read(trigger_pks: Sequence[int]) -> list[Deferral]:
    columns = ", ".join(f"i.{name}" for name in COLUMNS)
    rows = fetch(
        f"SELECT t.id, t.classpath, t.kwargs, {columns} FROM runs_app_trigger t "
        "JOIN runs_app_taskinstance i ON i.id = t.task_instance_id AND i.token = t.token AND i.state = 'deferred' "
        f"WHERE t.id IN ({placeholders(trigger_pks)})",
        trigger_pks,
    )
    found = []
    for trigger_pk, classpath, kwargs, *values in rows:
        row = dict(zip(COLUMNS, values, strict=True))
        row["next_kwargs"], kwargs = _json(row["next_kwargs"]), _json(kwargs)
        for name in ("first_started_at", "started_at"):
            row[name] = moment(row[name])
        found.append(Deferral(trigger_pk, classpath, kwargs, row | {"next_method": None}))
    return found


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def held(process_pk: int) -> set[tuple[int, int]]:
    """Return the keys of the triggers that are ours and still waited for."""
    return set(
        fetch(
            "SELECT i.id, i.token FROM runs_app_trigger t JOIN runs_app_taskinstance i "
            "ON i.id = t.task_instance_id AND i.token = t.token AND i.state = 'deferred' WHERE t.process_id = %s",
            [process_pk],
        )
    )


@retrying()
def give_back(process_pk: int, keys: Iterable[tuple[int, int]]) -> None:
    """Leave triggers of ours to others that we do not run: the answer to the commit that took them never arrived."""
    for instance_pk, token in keys:
        write(
            "UPDATE runs_app_trigger SET process_id = NULL WHERE process_id = %s AND task_instance_id = %s AND token = %s",
            [process_pk, instance_pk, token],
        )


@retrying()
def release(process_pk: int) -> int:
    """Leave every trigger of ours to others."""
    return write("UPDATE runs_app_trigger SET process_id = NULL WHERE process_id = %s", [process_pk])


@retrying(attempts=20)
def resume(answers: Iterable[tuple[Deferral, Mapping[str, Any]]], now: datetime) -> set[tuple[int, int]]:
    """Send tasks back to the workers with what their triggers found; return the keys that were accepted.

    Each answer is ``{"payload": encoded value}`` or ``{"error": text}``, where the task then fails (or is tried
    again). One transaction for all of them. Safe to repeat: what was accepted is not accepted again.
    """
    accepted: set[tuple[int, int]] = set()
    ready: Counter[str] = Counter()
    with transaction.atomic():
        # In one order, so that two triggerers with the same events do not wait for each other.
        for deferral, answer in sorted(answers, key=lambda each: each[0].key):
            row, error = deferral.row, answer.get("error")
            if error is None:
                fields = {"next_kwargs": json.dumps({**(row["next_kwargs"] or {}), "event": answer.get("payload")})}
                reason = f"{deferral.classpath} fired"
            else:
                fields = {"next_method": "__fail__", "next_kwargs": json.dumps({"error": error})}
                reason = str(error)[:2000]
            if transitions.undefer(
                row["id"], row["token"], TaskState.SCHEDULED, actor="triggerer", reason=reason, at=now, fields=fields
            ):
                accepted.add(deferral.key)
                ready[row["queue"]] += 1
                notify.run_changed(row["run_id"], row["dag_id"])
    advance.tell(ready)
    return accepted


def end(deferral: Deferral, state: str, xcoms: dict[str, tuple[Any, int | None]], now: datetime) -> Finished:
    """End the task in ``state`` (success, failed or skipped) because its trigger says so."""
    outcome = Outcome(state, reason=f"{deferral.classpath} ended it", retry=False, xcoms=xcoms, child_ran=False)
    found = finish_deferred(deferral.row, outcome, now)
    advance.tell(found.ready)
    return found
