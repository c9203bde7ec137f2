"""Remembering what an action finds, so that it can be taken back.

Whoever lets somebody act opens a :func:`keeping` around it; within, the actions themselves note what was there before,
in the transaction and under the locks in which they change it. Outside of one nothing is noted and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from dags_app.models import Dag
from runs_app.models import DagRun, Undo

from . import columns
from .columns import Json

OFFERED = timedelta(seconds=30)
"""A page offers it for so long."""
KEPT = timedelta(seconds=120)
"""It is possible for so long: a page without a script, and a command, take longer than a click."""
MOST_ROWS = 2000
"""Task instances of one undo: it is one transaction, and others wait for its locks."""
MOST_PARTS = 500


@dataclass
class Kept:
    """What was noted since the keeping began. ``spoiled``: why it cannot be taken back."""

    user: Any
    parts: list[Any] = field(default_factory=list)
    verbs: list[list[str | None]] = field(default_factory=list)
    spoiled: str = ""

    def spoil(self, why: str) -> None:
        self.spoiled = self.spoiled or why

    def needs(self, verb: str, dag_id: str | None = None) -> None:
        if [verb, dag_id] not in self.verbs:
            self.verbs.append([verb, dag_id])

    def of(self, kind: str) -> list[Any]:
        return [each for each in self.parts if each.kind == kind]


_current: ContextVar[Kept | None] = ContextVar("kept", default=None)


def current() -> Kept | None:
    """What notes are added to; None where nobody asked for any, or it is spoiled already."""
    kept = _current.get()
    return None if kept is None or kept.spoiled else kept


@contextmanager
def keeping(user: Any) -> Iterator[Kept]:
    """Have the actions within note what they find."""
    kept = Kept(user)
    token = _current.set(kept)
    try:
        yield kept
    finally:
        _current.reset(token)


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Have the actions within note nothing."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def offered(text: str) -> Undo | None:
    """Write down what was noted, to be taken back for a while; None where there is nothing, or no way back."""
    kept = current()
    if kept is None:
        return None
    parts = [found for each in kept.parts if (found := each.to_json()) is not None]
    if not parts or len(parts) > MOST_PARTS or sum(len(each.get("rows", ())) for each in parts) > MOST_ROWS:
        return None
    now = timezone.now()
    forget(now)
    user = kept.user if getattr(kept.user, "pk", None) else None
    return Undo.objects.create(
        user=user,
        actor=user.get_username() if user else "command line",
        text=text[:500],
        verbs=kept.verbs,
        parts=parts,
        created_at=now,
        expires_at=now + KEPT,
    )


def open_to(user: Any) -> models.QuerySet[Undo]:
    """What one may still take back: one's own only, and not for ever."""
    return Undo.objects.filter(user=user if getattr(user, "pk", None) else None, expires_at__gt=timezone.now())


def forget(now: Any) -> None:
    """Delete what can be taken back no more."""
    Undo.objects.filter(expires_at__lte=now).delete()


# ---- things under names, and DAGs


@dataclass
class Thing:
    """A variable, connection or pool that was made, changed or deleted. Its secret stays as encrypted as it was."""

    model: type[models.Model]
    key: str
    before: Json | None
    after: Json | None
    kind = "thing"

    def to_json(self) -> Json | None:
        found = {"kind": self.kind, "model": self.model._meta.model_name, "key": self.key}
        return found | {"before": self.before, "after": self.after} if self.before != self.after else None


def look_at(model: type[models.Model], key: str) -> Json | None:
    """Return the thing of this name as JSON, None where there is none."""
    row = model._default_manager.filter(pk=key).first()
    return None if row is None else columns.packed(row, columns.all_of(model, but=["updated_at"]))


@contextmanager
def of_thing(model: type[models.Model], key: str) -> Iterator[None]:
    """Note a change of a variable, connection or pool, within its transaction."""
    kept = current()
    before = look_at(model, key) if kept is not None else None
    yield
    if kept is not None:
        kept.parts.append(Thing(model, key, before, look_at(model, key)))
        kept.needs(f"edit_{model._meta.model_name}s")


@dataclass
class Switch:
    """A DAG that was paused or switched on; ``newest``: its last run by then."""

    dag_id: str
    before: Json
    after: Json
    newest: int
    at: str
    kind = "switch"

    def to_json(self) -> Json | None:
        names = ("dag_id", "before", "after", "newest", "at")
        own = {name: getattr(self, name) for name in names}
        return {"kind": self.kind, **own} if self.before != self.after else None


@contextmanager
def of_switch(dag_id: str) -> Iterator[None]:
    """Note that a DAG is paused or switched on, and which of its runs wait for that, within the transaction."""
    kept = current()
    if kept is None:
        yield
        return
    from .run_part import waiting_runs

    dag, at = Dag.objects.select_for_update(no_key=True).get(pk=dag_id), timezone.now()
    before = columns.packed(dag, columns.DAG)
    waiting_runs(kept, dag, at)
    yield
    dag.refresh_from_db(fields=columns.DAG)
    newest = DagRun.objects.filter(dag_id=dag_id).aggregate(newest=models.Max("pk"))["newest"] or 0
    kept.parts.append(Switch(dag_id, before, columns.packed(dag, columns.DAG), newest, at.isoformat()))
    kept.needs("pause", dag_id)


# ---- notes, and runs that were made


@dataclass
class Note:
    """A note on a run, or on one of its task instances."""

    run_pk: int
    instance_pk: int | None
    before: str | None
    after: str | None
    kind = "note"

    def to_json(self) -> Json | None:
        own = {"run": self.run_pk, "instance": self.instance_pk, "before": self.before, "after": self.after}
        return {"kind": self.kind, **own} if self.before != self.after else None


def noted(run: DagRun, instance_pk: int | None, before: str | None, after: str | None) -> None:
    """Note that a note changes, within its transaction."""
    kept = current()
    if kept is not None:
        kept.parts.append(Note(run.pk, instance_pk, before, after or None))
        kept.needs("note", run.dag_id)


@dataclass
class Made:
    """A run that somebody triggered."""

    run_pk: int
    dag_id: str
    run_id: str
    kind = "made"

    def to_json(self) -> Json:
        return {"kind": self.kind, "run": self.run_pk, "dag_id": self.dag_id, "run_id": self.run_id}


def made(run: DagRun) -> None:
    """Note that a run was triggered, within its transaction."""
    kept = current()
    if kept is not None:
        kept.parts.append(Made(run.pk, run.dag_id, run.run_id))
        kept.needs("trigger", run.dag_id)
