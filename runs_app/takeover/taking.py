"""Writing what was found: what is new, or differs and may be overwritten, in one transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from dags_app import secrets, takeovers
from dags_app.models import Connection, Dag, Pool, TakenOver, Variable
from runs_app import actions, imports, notify
from runs_app.exceptions import OrchestratorError
from runs_app.registry import InvalidEntry

from .found import KINDS, DagState, Found, Refused
from .metadata import values_of


@dataclass(slots=True)
class Taken:
    """What became of the entries of one kind, by name."""

    made: list[str] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # another one is here, and stays


@dataclass(slots=True)
class Report:
    """What was taken, kind by kind, and what not and why."""

    taken: dict[str, Taken]
    refused: list[Refused]
    left: list[str]
    notes: list[str] = field(default_factory=list)


def take(
    found: Found, *, kinds: Collection[str] = KINDS, overwrite: bool = False, dry_run: bool = False, user: Any = None
) -> Report:
    """Write what was found, all of it or nothing; an entry that cannot be ours is left out and told.

    ``dry_run``: do it, tell, and take it back.
    """
    report = Report({kind: Taken() for kind in KINDS if kind in kinds}, [], found.left)
    report.refused = [each for each in found.refused if each.kind in kinds]
    with transaction.atomic():
        for kind in (imports.CONNECTIONS, imports.VARIABLES, imports.POOLS):
            name = f"{kind.word.lower()}s"
            if name in kinds:
                _take_entries(kind, getattr(found, name), report, name, overwrite, user)
        if "dags" in kinds:
            _take_dags(found.dags, report, overwrite)
        if dry_run:
            transaction.set_rollback(True)
    if "dags" in kinds and not dry_run:
        _settle(report, user)
    return report


def _take_entries(
    kind: imports.Kind, entries: dict[str, Any], report: Report, name: str, overwrite: bool, user: Any
) -> None:
    taken, there = report.taken[name], STATES[name]()
    for key, entry in entries.items():
        before = there.get(key)
        try:
            with transaction.atomic():
                values = kind.read(key, entry, before is None)
                if before is not None and _is_same(values, before):
                    taken.same.append(key)
                    continue
                if before is not None and not overwrite:
                    taken.kept.append(key)
                    continue
                kind.save(key, values, new=before is None, user=user)
        except (InvalidEntry, secrets.SecretError) as error:
            report.refused.append(Refused(name, key, str(error)))
            continue
        (taken.made if before is None else taken.overwritten).append(key)


def _is_same(values: dict[str, Any], before: dict[str, Any]) -> bool:
    return all(_plain(name, value) == _plain(name, before.get(name)) for name, value in values.items())


def _plain(name: str, value: Any) -> Any:
    return values_of(value) if name == "extra" and isinstance(value, str) else value or None


def _connections() -> dict[str, dict[str, Any]]:
    return {row.pk: _readable(row) for row in Connection.objects.all()}


def _readable(row: Connection) -> dict[str, Any]:
    try:
        return secrets.read_connection(row)
    except secrets.SecretError:  # written with a key that is lost: another one, whatever the file says
        return {}


def _variables() -> dict[str, dict[str, Any]]:
    found = {}
    for key, description in Variable.objects.values_list("key", "description"):
        try:
            found[key] = {"value": secrets.get_variable(key), "description": description}
        except secrets.SecretError:
            found[key] = {}
    return found


def _pools() -> dict[str, dict[str, Any]]:
    names = ("slots", "description", "include_deferred", "rate_per_minute")
    return {row["name"]: row for row in Pool.objects.values("name", *names)}


STATES = {"connections": _connections, "variables": _variables, "pools": _pools}


# ---- DAGs


def _take_dags(states: dict[str, DagState], report: Report, overwrite: bool) -> None:
    """Note how each stands; the note is used when its file is here, which may be later."""
    taken, now = report.taken["dags"], timezone.now()
    known = TakenOver.objects.in_bulk(list(states))
    for dag_id, state in states.items():
        before = known.get(dag_id)
        values = {"is_paused": state.is_paused, "interval_start": state.start, "interval_end": state.end}
        if before is not None and all(getattr(before, name) == value for name, value in values.items()):
            taken.same.append(dag_id)
            continue
        if before is not None and before.used_at is not None and not overwrite:
            taken.kept.append(dag_id)
            continue
        TakenOver.objects.update_or_create(dag_id=dag_id, defaults={**values, "taken_at": now, "used_at": None})
        (taken.made if before is None else taken.overwritten).append(dag_id)
    waiting = [dag_id for dag_id, state in states.items() if state.under_way]
    if waiting:
        named = ", ".join(sorted(waiting)[:5]) + (", ..." if len(waiting) > 5 else "")
        report.notes.append(
            f"{_dags(waiting)} with runs under way in Airflow, which count as made: let them end there before it is"
            f" switched off ({named})"
        )
    missing = set(states) - set(Dag.objects.filter(pk__in=list(states)).values_list("pk", flat=True))
    if missing:
        report.notes.append(f"{_dags(missing)} not here yet: what was taken is used as soon as the files are")


def _dags(found: Collection[str]) -> str:
    return f"{len(found)} DAG{'' if len(found) == 1 else 's'}"


def _settle(report: Report, user: Any) -> None:
    """Use the notes of the DAGs that are here: each in a transaction of its own, and any number of times."""
    open_notes = TakenOver.objects.filter(used_at__isnull=True).values_list("pk", flat=True)
    for dag_id in Dag.objects.filter(pk__in=list(open_notes), version__isnull=False).values_list("pk", flat=True):
        with transaction.atomic():
            dag = Dag.objects.select_for_update().get(pk=dag_id)
            was_paused = dag.is_paused
            takeovers.use(dag, timezone.now())
        try:
            wanted = TakenOver.objects.get(pk=dag_id).is_paused
            if wanted is not None and wanted != was_paused:
                actions.pause(dag_id, wanted, user=user)
            else:
                notify.dag_changed(dag_id)
        except OrchestratorError as error:  # deleted meanwhile
            report.refused.append(Refused("dags", dag_id, str(error)))
