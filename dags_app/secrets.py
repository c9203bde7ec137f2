"""Variables and connections: the only place where their secrets are encrypted and read.

The keys are a list, newest first: from ``FERNET_KEYS`` (separated by commas or spaces), or from
``keys/fernet_keys`` in the home, one a line, made when there is none. The first one encrypts, all of
them decrypt. Values never stand in an error, a log line or a repr.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from orchestrator.keys import load_or_make, replace
from orchestrator.logs.mask import secret_values

from .models import Connection, Variable

FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")
HIDDEN = ("password", "extra")
BATCH = 200


class SecretError(RuntimeError):
    """A secret cannot be read or written; the message says which, and what to do about the keys."""


def key_file() -> Path:
    return Path(settings.ORCH.home) / "keys" / "fernet_keys"


def _new_key() -> str:
    return Fernet.generate_key().decode()


def _keys() -> MultiFernet:
    text = os.environ.get("FERNET_KEYS", "").strip()
    if text:
        return _read_keys(text, "FERNET_KEYS")
    try:
        return _read_keys(load_or_make(key_file(), _new_key), str(key_file()))
    except OSError as error:
        raise SecretError(f"the keys of variables and connections cannot be read: {error}") from error


@lru_cache(maxsize=8)
def _read_keys(text: str, source: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(each) for each in text.replace(",", " ").split()])
    except ValueError:
        raise SecretError(
            f"{source} holds something that is no Fernet key: each must be 32 bytes in URL-safe base64"
        ) from None


def encrypt(text: str) -> bytes:
    """Return a secret as it may be stored."""
    return _encrypt(text)


def decrypt(token: Any, what: str) -> str:
    """Return a stored secret in clear.

    Raises:
        SecretError: no key decrypts it; ``what`` says of what it is.
    """
    return _decrypt(token, what)


def _encrypt(text: str) -> bytes:
    return _keys().encrypt(text.encode("utf-8", "surrogatepass"))


def _decrypt(token: Any, what: str) -> str:
    try:
        return _keys().decrypt(bytes(token)).decode("utf-8", "surrogatepass")
    except InvalidToken:
        source = "FERNET_KEYS" if os.environ.get("FERNET_KEYS", "").strip() else str(key_file())
        raise SecretError(
            f"{what} cannot be decrypted: {source} lacks the key it was written with; add that key to the list, or set it again"
        ) from None


# ---- variables


def get_variable(key: str) -> str | None:
    """Return the value, None where there is no such variable."""
    secret = Variable.objects.filter(pk=key).values_list("secret", flat=True).first()
    return None if secret is None else _decrypt(secret, f"variable {key!r}")


def set_variable(key: str, value: str, description: str | None = None) -> None:
    """Write a variable; without ``description`` it keeps the one it has."""
    _check_id("variable key", key)
    values: dict[str, Any] = {"secret": _encrypt(value)}
    if description is not None:
        values["description"] = description
    Variable.objects.update_or_create(pk=key, defaults=values)


def delete_variable(key: str) -> bool:
    return bool(Variable.objects.filter(pk=key).delete()[0])


# ---- connections


def get_connection(conn_id: str) -> dict[str, Any] | None:
    """Return ``conn_id`` and :data:`FIELDS`, None where there is no such connection."""
    row = Connection.objects.filter(pk=conn_id).first()
    return None if row is None else read_connection(row)


def read_connection(row: Connection) -> dict[str, Any]:
    """Return a connection whole, its secrets in clear."""
    hidden: dict[str, Any] = {}
    if row.secret is not None:
        hidden = json.loads(_decrypt(row.secret, f"connection {row.conn_id!r}"))
    return {
        "conn_id": row.conn_id,
        **{name: hidden.get(name) if name in HIDDEN else getattr(row, name) for name in FIELDS},
    }


def hidden_there(row: Mapping[str, Any]) -> frozenset[str]:
    """Return which of the hidden fields a connection has, without a word of them; all where no key reads them any more."""
    if row["secret"] is None:
        return frozenset()
    try:
        hidden = json.loads(_decrypt(row["secret"], f"connection {row['conn_id']!r}"))
    except SecretError:
        return frozenset(HIDDEN)
    return frozenset(name for name in HIDDEN if hidden.get(name))


def set_connection(conn_id: str, values: Mapping[str, Any]) -> None:
    """Write a connection as ``values`` say, or those fields of one that is there.

    Raises:
        SecretError: an unknown field, no type, or a port that is no number.
    """
    _check_id("connection id", conn_id)
    unknown = sorted(values.keys() - set(FIELDS))
    if unknown:
        raise SecretError(f"a connection has no field {unknown[0]!r}: it has {', '.join(FIELDS)}")
    row = Connection.objects.filter(pk=conn_id).first() or Connection(conn_id=conn_id)
    # Only where a hidden field is kept must the old secret be readable: a lost key is mended by setting both.
    kept = read_connection(row) if row.secret is not None and not set(HIDDEN) <= values.keys() else {}
    for name in FIELDS:
        if name in values and name not in HIDDEN:
            setattr(row, name, values[name])
    if not row.conn_type:
        raise SecretError(f"connection {conn_id!r} needs a conn_type, e.g. postgres or http")
    row.port = _port(conn_id, row.port)
    hidden = {name: values[name] if name in values else kept.get(name) for name in HIDDEN}
    if isinstance(hidden["extra"], (dict, list)):
        hidden["extra"] = json.dumps(hidden["extra"])
    row.secret = _encrypt(json.dumps(hidden)) if any(each is not None for each in hidden.values()) else None
    row.save()


def _port(conn_id: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= 65535:
        raise SecretError(f"connection {conn_id!r}: port must be a number up to 65535")
    return number


def delete_connection(conn_id: str) -> bool:
    return bool(Connection.objects.filter(pk=conn_id).delete()[0])


def sensitive_values(connection: Mapping[str, Any]) -> set[str]:
    """What of a connection no log may show: its password, and the extra's values under secret names."""
    found = {str(connection["password"])} if connection.get("password") else set()
    extra = connection.get("extra")
    if extra:
        found.update(secret_values(extra))
        if isinstance(extra, str) and extra.lstrip()[:1] not in ("{", "["):
            found.add(extra)  # no JSON: it is a secret as a whole
    return found


def _check_id(what: str, value: str) -> None:
    if not value or len(value) > 250 or "\0" in value:
        raise SecretError(f"a {what} must have 1 to 250 characters")


# ---- keys


def add_key() -> None:
    """Put a new key in front of the key file's list; what is written from here on is encrypted with it.

    Raises:
        SecretError: the keys come from the environment, which only whoever sets it can change.
    """
    if os.environ.get("FERNET_KEYS", "").strip():
        raise SecretError("the keys come from FERNET_KEYS: put a new key in front of that list, then rotate")
    _keys()
    replace(key_file(), f"{_new_key()}\n{key_file().read_text().strip()}")


def rotate(*more: tuple[type[models.Model], str]) -> int:
    """Encrypt with the first key what is still encrypted with an older one; return how many were.

    ``more``: other models that have a ``secret``, each with what one of them is called.

    Safe to stop and to call again, and while others write: a row that changed meanwhile is left to its writer,
    who used the first key already.

    Raises:
        SecretError: a row that no key decrypts; those before it are done.
    """
    return sum(_rotate(model, name) for model, name in ((Variable, "variable"), (Connection, "connection"), *more))


def _rotate(model: type[models.Model], name: str) -> int:
    keys = _keys()
    newest = keys._fernets[0]
    done, last = 0, ""
    while True:
        rows = model._default_manager.filter(pk__gt=last, secret__isnull=False).order_by("pk")
        batch = list(rows.values_list("pk", "secret")[:BATCH])
        if not batch:
            return done
        for pk, secret in batch:
            old = bytes(secret)
            try:
                newest.decrypt(old)
            except InvalidToken:
                fresh = _encrypt(_decrypt(old, f"{name} {pk!r}"))
                done += model._default_manager.filter(pk=pk, secret=old).update(secret=fresh)
        last = batch[-1][0]
