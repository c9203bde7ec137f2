"""Filesystems of object storage, by fsspec, with the credentials of a connection."""

from __future__ import annotations

from typing import Any

_attached: dict[tuple[str, str | None], Any] = {}


def attach(
    protocol: str, conn_id: str | None = None, storage_options: dict[str, Any] | None = None, fs: Any = None
) -> Any:
    """Return the filesystem of ``protocol`` with the credentials of ``conn_id``; ``fs`` puts one there for this process.

    Raises:
        ImportError: fsspec, or what it needs for this protocol, is not installed.
    """
    place = (protocol, conn_id)
    if fs is not None:
        _attached[place] = fs
    if place not in _attached or storage_options:
        made = _make(protocol, {**options_of(protocol, conn_id), **(storage_options or {})})
        if storage_options:
            return made
        _attached[place] = made
    return _attached[place]


def _make(protocol: str, options: dict[str, Any]) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(
            "object storage needs fsspec, and for most services its own package (s3fs, gcsfs, adlfs): install them where tasks run"
        ) from error
    return fsspec.filesystem(protocol, **options)


def options_of(protocol: str, conn_id: str | None) -> dict[str, Any]:
    """What fsspec's filesystem is to be told of a connection: its login and password by their names there, its extra as it is."""
    if conn_id is None:
        return {}
    from .connections import Connection

    connection = Connection.get(conn_id)
    extra = dict(connection.extra_dejson)
    options = dict(extra.pop("storage_options", None) or {})
    names = _NAMES.get(protocol, ("username", "password", "host"))
    for name, value in zip(names, (connection.login, connection.password, connection.host), strict=True):
        if value and name:
            options.setdefault(name, value)
    if protocol in {"s3", "s3a"}:
        options.setdefault("endpoint_url", extra.pop("endpoint_url", None))
        region = extra.pop("region_name", None)
        if region:
            options.setdefault("client_kwargs", {"region_name": region})
        extra = {}
    return {name: value for name, value in {**extra, **options}.items() if value is not None}


_NAMES: dict[str, tuple[str | None, str | None, str | None]] = {
    "s3": ("key", "secret", None),
    "s3a": ("key", "secret", None),
    "gs": (None, None, None),
    "gcs": (None, None, None),
    "abfs": ("account_name", "account_key", None),
    "abfss": ("account_name", "account_key", None),
    "file": (None, None, None),
    "local": (None, None, None),
    "memory": (None, None, None),
}
"""Protocol -> what login, password and host are called there."""
