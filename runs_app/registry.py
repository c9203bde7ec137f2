"""Changing pools, variables and connections: the change and its audit entry in one transaction, never a secret in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Model, Sum, Value, When

from dags_app import secrets
from dags_app.models import Connection, Pool, Variable
from orchestrator.core.states import TaskState

from .actions import audit
from .exceptions import OrchestratorError
from .models import TaskInstance
from .undo.keeping import of_thing

DEFAULT_POOL = "default_pool"
MOST_A_MINUTE = 10_000


class InvalidEntry(OrchestratorError):
    """A pool, variable or connection cannot be as it was asked for."""


def save_pool(name: str, values: Mapping[str, Any], *, new: bool, user: Any) -> Pool:
    """Make or change a pool. ``values``: slots, description, include_deferred, rate_per_minute.

    Raises:
        InvalidEntry: fewer than -1 slots, or a rate that lets nothing start.
    """
    if values.get("slots", 0) < -1:
        raise InvalidEntry(f"Pool `{name}` needs 0 or more slots, or -1 for no limit")
    rate = values.get("rate_per_minute")
    if rate is not None and not 1 <= rate <= MOST_A_MINUTE:
        raise InvalidEntry(f"Pool `{name}` needs a rate of 1 to {MOST_A_MINUTE} a minute, or none")
    with transaction.atomic(), of_thing(Pool, name):
        pool, _ = Pool.objects.update_or_create(pk=name, defaults=dict(values))
        audit(user, "post_pool" if new else "patch_pool", pool=name, **values)
    return pool


def delete_pool(name: str, *, user: Any) -> bool:
    """Delete a pool; its tasks wait until there is one of that name again.

    Raises:
        InvalidEntry: it is the default pool.
    """
    if name == DEFAULT_POOL:
        raise InvalidEntry("Default Pool can't be deleted")
    with transaction.atomic(), of_thing(Pool, name):
        found = bool(Pool.objects.filter(pk=name).delete()[0])
        if found:
            audit(user, "delete_pool", pool=name)
    return found


def pool_use(names: list[str]) -> dict[str, dict[str, int]]:
    """Return for each pool how many slots are running, scheduled and deferred."""
    states = (TaskState.RUNNING, TaskState.SCHEDULED, TaskState.DEFERRED)
    counts = {str(state): Sum(Case(When(state=state, then=F("pool_slots")), default=Value(0))) for state in states}
    rows = TaskInstance.objects.filter(pool__in=names, state__in=states).values("pool").annotate(**counts)
    return {row["pool"]: {str(state): row[state] for state in states} for row in rows.order_by("pool")}


def save_variable(key: str, values: Mapping[str, Any], *, new: bool, user: Any) -> Variable:
    """Make or change a variable. ``values``: value (left out = kept), description.

    Raises:
        InvalidEntry: the key is no key, or a new variable has no value.
    """
    if new and "value" not in values:
        raise InvalidEntry(f"Variable `{key}` needs a value")
    with transaction.atomic(), of_thing(Variable, key), _as_invalid():
        if "value" in values:
            secrets.set_variable(key, values["value"], values.get("description"))
        if "description" in values:
            Variable.objects.filter(pk=key).update(description=values["description"])
        audit(user, "post_variable" if new else "patch_variable", key=key, changed=sorted(values))
        return Variable.objects.get(pk=key)


def delete_variable(key: str, *, user: Any) -> bool:
    with transaction.atomic(), of_thing(Variable, key):
        found = secrets.delete_variable(key)
        if found:
            audit(user, "delete_variable", key=key)
    return found


def save_connection(conn_id: str, values: Mapping[str, Any], *, new: bool, user: Any) -> Connection:
    """Make or change a connection. ``values``: any of :data:`dags_app.secrets.FIELDS`; what is left out is kept.

    Raises:
        InvalidEntry: no type, or a port that is none.
    """
    with transaction.atomic(), of_thing(Connection, conn_id), _as_invalid():
        secrets.set_connection(conn_id, values)
        audit(user, "post_connection" if new else "patch_connection", connection=conn_id, changed=sorted(values))
        return Connection.objects.get(pk=conn_id)


def delete_connection(conn_id: str, *, user: Any) -> bool:
    with transaction.atomic(), of_thing(Connection, conn_id):
        found = secrets.delete_connection(conn_id)
        if found:
            audit(user, "delete_connection", connection=conn_id)
    return found


def put_back(model: type[Model], key: str, columns: Mapping[str, Any] | None, *, user: Any) -> None:
    """Write one of them as it was before a change that is undone, in the caller's transaction; ``columns`` None: it was not there.

    A secret comes as it was encrypted, so that nobody has to read it.
    """
    name = str(model._meta.model_name)
    there = model._default_manager.filter(pk=key).exists()
    if columns is None:
        model._default_manager.filter(pk=key).delete()
    else:
        model(**columns).save(force_insert=not there)
    event = "delete" if columns is None else "patch" if there else "post"
    audit(user, f"{event}_{name}", **{"key" if name == "variable" else name: key}, undone=True)


class _as_invalid:
    """Turns what :mod:`dags_app.secrets` refuses into an error with a status."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, secrets.SecretError):
            raise InvalidEntry(str(error)) from error
