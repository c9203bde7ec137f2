"""An XCom backend that keeps large values in object storage, and their address in the database."""

from __future__ import annotations

import json
import os
from typing import Any

from .object_storage import ObjectStoragePath
from .xcom import BaseXCom
from .xcom_json import TAG

PREFIX = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_"
STORED = "stored"


class XComObjectStorageBackend(BaseXCom):
    """Values of ``..._THRESHOLD`` bytes or more (negative: none) go below ``..._PATH``, packed by ``..._COMPRESSION``."""

    @staticmethod
    def serialize_value(value: Any, *, key: str | None = None, **names: Any) -> Any:
        data = BaseXCom.serialize_value(value)
        text = json.dumps(data).encode()
        threshold = int(_setting("THRESHOLD") or -1)
        if threshold < 0 or len(text) < threshold:
            return data
        path = _place(key, **names)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb", compression=_setting("COMPRESSION") or None) as file:
            file.write(text)
        return {TAG: STORED, "value": str(path), "size": len(text)}

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        path = _stored(result.value)
        if path is None:
            return BaseXCom.deserialize_value(result)
        with path.open("rb", compression="infer") as file:
            result.value = json.loads(file.read())
        return BaseXCom.deserialize_value(result)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        path = _stored(xcom.value)
        if path is not None:
            path.unlink(missing_ok=True)


def _setting(name: str) -> str:
    return os.environ.get(PREFIX + name, "").strip()


def _base() -> ObjectStoragePath:
    path = _setting("PATH")
    if not path:
        raise ValueError(f"{PREFIX}PATH names no place for XComs: set it, such as s3://my_connection@bucket/xcoms")
    return ObjectStoragePath(path)


def _place(key: str | None, **names: Any) -> ObjectStoragePath:
    """A place of its own for each value that is pushed: a late attempt cannot write over the one that counts."""
    import uuid
    from urllib.parse import quote

    parts = [names.get("dag_id"), names.get("run_id"), names.get("task_id"), names.get("map_index")]
    folders = [quote(str(each if each is not None else "-"), safe=":+@=") for each in parts]
    name = f"{quote(key or 'value', safe='')[:100]}-{uuid.uuid4()}.json"
    return _base().joinpath(*folders, name + _suffix(_setting("COMPRESSION")))


def _suffix(compression: str) -> str:
    """The ending by which the reader knows how a file is packed.

    Raises:
        ValueError: nothing here can pack so.
    """
    if not compression:
        return ""
    from fsspec.utils import compressions

    for ending, name in compressions.items():
        if name == compression:
            return f".{ending}"
    known = sorted(set(compressions.values()))
    raise ValueError(f"{PREFIX}COMPRESSION={compression} is not one of {', '.join(known)}")


def _stored(data: Any) -> ObjectStoragePath | None:
    """Where a value is kept; None: in the database itself.

    Raises:
        ValueError: outside of the place that is set for XComs, so that an entry cannot have any file read or deleted.
    """
    if not (isinstance(data, dict) and data.get(TAG) == STORED):
        return None
    path = ObjectStoragePath(data["value"])
    if not path.is_relative_to(_base()):
        raise ValueError(f"the XCom is kept in {path}, which is not below {PREFIX}PATH")
    return path
