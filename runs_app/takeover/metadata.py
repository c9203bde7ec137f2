"""What a metadata database of Airflow 1.10, 2 or 3 holds of connections, variables, pools and DAGs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from .found import DagState, Found, Unreadable
from .source import Source, connect, moment

NO_KEY = "it is encrypted, and no Fernet key was given: set AIRFLOW__CORE__FERNET_KEY to Airflow's"
WRONG_KEY = "it cannot be decrypted with the Fernet key that was given"
CONNECTION = ("conn_type", "description", "host", "schema", "login", "password", "port", "extra")
AUTOMATIC = "('scheduled', 'backfill', 'backfill_job')"
LEFT = (
    ("ab_user", "users", "accounts are made here, or come with single sign-on"),
    ("dag_run", "DAG runs", "the history stays in Airflow; where each DAG's schedule stands is taken"),
    ("task_instance", "task instances", "with their runs"),
    ("xcom", "XComs", "with their runs"),
    ("dataset_event", "dataset events", "DAGs on assets wait for the next change"),
    ("asset_event", "asset events", "DAGs on assets wait for the next change"),
    ("log", "audit entries", "the audit log begins anew"),
)


class Undecipherable(Exception):
    """A value that cannot be decrypted; the message says why."""


def read(url: str, fernet_key: str = "") -> Found:
    """Read everything that can be taken over.

    Raises:
        Unreadable: nothing answers at the address, it is no Airflow's, or the key is no Fernet key.
    """
    decrypt, source = _decrypt(fernet_key), connect(url)
    try:
        if not source.columns("dag") or not source.columns("connection"):
            raise Unreadable("the database is there, but has no tables of Airflow (`dag`, `connection`)")
        found = Found()
        _connections(source, found, decrypt)
        _variables(source, found, decrypt)
        _pools(source, found)
        _dags(source, found)
        for table, what, why in LEFT:
            count = source.count(table)
            if count:
                found.left.append(f"{count} {what}: {why}")
        return found
    except source.error as error:
        raise Unreadable(f"Airflow's database cannot be read: {str(error).splitlines()[0]}") from error
    finally:
        source.close()


def _decrypt(keys: str) -> Callable[[Any, Any], str | None]:
    try:
        fernet = MultiFernet([Fernet(each) for each in keys.replace(",", " ").split()]) if keys.strip() else None
    except ValueError:
        raise Unreadable("the Fernet key is none: it must be 32 bytes in URL-safe base64, as Airflow's is") from None

    def read_value(value: Any, is_encrypted: Any) -> str | None:
        text = value.decode() if isinstance(value, bytes) else value
        if not text or not is_encrypted:
            return text
        if fernet is None:
            raise Undecipherable(NO_KEY)
        try:
            return fernet.decrypt(text.encode()).decode()
        except (InvalidToken, UnicodeDecodeError):
            raise Undecipherable(WRONG_KEY) from None

    return read_value


def _connections(source: Source, found: Found, decrypt: Callable[[Any, Any], str | None]) -> None:
    wanted = ("conn_id", *CONNECTION, "is_encrypted", "is_extra_encrypted")
    for row in source.select("connection", wanted, "ORDER BY id"):
        name = row["conn_id"]
        if not name:
            continue
        if name in found.connections:  # Airflow 1 took one of several by chance
            found.refuse("connections", name, "there are several of this id: the first is taken")
            continue
        try:
            row["password"] = decrypt(row["password"], row["is_encrypted"])
            row["extra"] = decrypt(row["extra"], row["is_extra_encrypted"])
        except Undecipherable as error:
            found.refuse("connections", name, str(error))
            continue
        found.connections[name] = {each: row[each] for each in CONNECTION if row[each] not in (None, "")}


def _variables(source: Source, found: Found, decrypt: Callable[[Any, Any], str | None]) -> None:
    for row in source.select("variable", ("key", "val", "description", "is_encrypted")):
        try:
            value = decrypt(row["val"], row["is_encrypted"])
        except Undecipherable as error:
            found.refuse("variables", row["key"], str(error))
            continue
        if value is None:
            found.refuse("variables", row["key"], "it has no value")
            continue
        found.variables[row["key"]] = {"value": value, "description": row["description"]}


def _pools(source: Source, found: Found) -> None:
    for row in source.select("slot_pool", ("pool", "slots", "description", "include_deferred")):
        row["include_deferred"] = bool(row["include_deferred"])
        found.pools[row.pop("pool")] = row


def _dags(source: Source, found: Found) -> None:
    """Those that are there now: what a file no longer defines has nothing to switch."""
    for row in source.select("dag", ("dag_id", "is_paused", "is_active", "is_stale", "is_subdag")):
        if not (row["is_subdag"] or row["is_stale"] or row["is_active"] in (0, False)):
            found.dags[row["dag_id"]] = DagState(bool(row["is_paused"]))
    for dag_id, date, start, end in source.query(_newest(source)):
        state = found.dags.get(dag_id)
        if state is not None:
            state.start, state.end = moment(start) or moment(date), moment(end)
    active = "WHERE state IN ('running', 'queued') GROUP BY dag_id"
    for dag_id, count in source.query(f"SELECT dag_id, COUNT(*) FROM {source.name('dag_run')} {active}"):
        if dag_id in found.dags:
            found.dags[dag_id].under_way = int(count)


def _newest(source: Source) -> str:
    """The newest run of each DAG that its schedule, or a backfill, made."""
    columns, table = source.columns("dag_run"), source.name("dag_run")
    date = "logical_date" if "logical_date" in columns else "execution_date"
    if "run_type" in columns:
        automatic = f"run_type IN {AUTOMATIC}"
    else:  # Airflow 1 tells it by the id only
        automatic = "(run_id LIKE 'scheduled%' OR run_id LIKE 'backfill%')"
    interval = "r.data_interval_start, r.data_interval_end" if "data_interval_end" in columns else "NULL, NULL"
    newest = f"SELECT dag_id, MAX({date}) AS newest FROM {table} WHERE {automatic} GROUP BY dag_id"
    return (
        f"SELECT r.dag_id, r.{date}, {interval} FROM {table} r JOIN ({newest}) n"
        f" ON n.dag_id = r.dag_id AND n.newest = r.{date}"
    )


def values_of(extra: str | None) -> Any:
    """What an extra says, so that the order of its keys makes no difference."""
    try:
        return json.loads(extra) if extra else None
    except ValueError:
        return extra
