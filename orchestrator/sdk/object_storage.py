"""``ObjectStoragePath``: paths in object storage, used like those of :mod:`pathlib`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from .object_fs import attach
from .object_stat import stat_result


class ObjectStoragePath:
    """A file or folder in object storage: ``ObjectStoragePath("s3://my_connection@bucket/folder") / "name"``.

    The connection's credentials are looked up when the storage is first touched, so that a DAG file may make
    paths at its top. Without a protocol it is a local path.
    """

    __version__ = 1
    sep = root_marker = "/"

    def __init__(
        self, *args: Any, protocol: str | None = None, conn_id: str | None = None, **storage_options: Any
    ) -> None:
        first, *rest = args or (".",)
        if isinstance(first, ObjectStoragePath):
            protocol, conn_id = protocol or first.protocol, conn_id or first.conn_id
            storage_options = {**first.storage_options, **storage_options}
            path = first.path
        else:
            found = urlsplit(str(first))
            is_url = "://" in str(first)
            user, _, host = found.netloc.rpartition("@")
            conn_id = conn_id or user or None
            protocol = protocol or (found.scheme if is_url else "file")
            path = host + found.path if is_url else str(first)
        self.protocol, self.conn_id, self.storage_options = protocol, conn_id, storage_options
        whole = posixpath.join(path, *(str(each) for each in rest))
        self.path = posixpath.normpath(whole) if whole else ""

    def _beside(self, path: str) -> ObjectStoragePath:
        """The same storage at another path."""
        made = object.__new__(type(self))
        made.protocol, made.conn_id, made.storage_options = self.protocol, self.conn_id, self.storage_options
        made.path = path
        return made

    def _of(self, other: Any) -> ObjectStoragePath:
        if isinstance(other, ObjectStoragePath):
            return other
        return type(self)(other) if "://" in str(other) else self._beside(posixpath.join(self.path, str(other)))

    # ---- names

    @property
    def fs(self) -> Any:
        return attach(self.protocol, self.conn_id, self.storage_options or None)

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.path)

    name = property(lambda self: self._pure.name)
    stem = property(lambda self: self._pure.stem)
    suffix = property(lambda self: self._pure.suffix)
    suffixes = property(lambda self: self._pure.suffixes)
    parts = property(lambda self: self._pure.parts)

    @property
    def bucket(self) -> str:
        """The bucket or container; empty for local files."""
        return "" if self.path.startswith("/") else self.path.partition("/")[0]

    container = bucket

    @property
    def key(self) -> str:
        """The path inside the bucket."""
        return self.path.partition("/")[2] if self.bucket else self.path

    @property
    def namespace(self) -> str:
        return f"{self.protocol}://{self.bucket}" if self.bucket else self.protocol

    @property
    def parent(self) -> ObjectStoragePath:
        return self._beside(posixpath.dirname(self.path) or self.bucket or self.path)

    @property
    def parents(self) -> tuple[ObjectStoragePath, ...]:
        found = [each for each in map(str, self._pure.parents) if each != "."]
        return tuple(self._beside(each) for each in found)

    def joinpath(self, *others: Any) -> ObjectStoragePath:
        return self._beside(posixpath.normpath(posixpath.join(self.path, *(str(each) for each in others))))

    def __truediv__(self, other: Any) -> ObjectStoragePath:
        return self.joinpath(other)

    def with_name(self, name: str) -> ObjectStoragePath:
        return self._beside(str(self._pure.with_name(name)))

    def with_suffix(self, suffix: str) -> ObjectStoragePath:
        return self._beside(str(self._pure.with_suffix(suffix)))

    def is_relative_to(self, other: Any) -> bool:
        other = other if isinstance(other, ObjectStoragePath) else type(self)(other)
        return self.samestore(other) and self._pure.is_relative_to(other._pure)

    def relative_to(self, other: Any) -> ObjectStoragePath:
        return self._beside(str(self._pure.relative_to(self._of(other)._pure)))

    def samestore(self, other: Any) -> bool:
        return (
            isinstance(other, ObjectStoragePath) and self.protocol == other.protocol and self.conn_id == other.conn_id
        )

    def as_uri(self) -> str:
        return f"{self.protocol}://{self.path}"

    def __str__(self) -> str:
        user = f"{self.conn_id}@" if self.conn_id else ""
        return f"{self.protocol}://{user}{self.path}"

    def __fspath__(self) -> str:
        if self.protocol not in {"file", "local"}:
            raise TypeError(f"{self} is no local file: open it with .open(), or copy it first")
        return self.path

    def __repr__(self) -> str:
        return f"ObjectStoragePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectStoragePath) and str(self) == str(other)

    def __lt__(self, other: ObjectStoragePath) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    # ---- reading and writing

    def open(self, mode: str = "r", **kwargs: Any) -> Any:
        return self.fs.open(self.path, mode=mode, **kwargs)

    def read_bytes(self) -> bytes:
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> int:
        with self.open("wb") as file:
            return file.write(data)

    def write_text(self, data: str, encoding: str = "utf-8") -> int:
        return self.write_bytes(data.encode(encoding))

    def read_block(self, offset: int, length: int, delimiter: bytes | None = None) -> bytes:
        return self.fs.read_block(self.path, offset, length, delimiter=delimiter)

    def exists(self) -> bool:
        return self.fs.exists(self.path)

    def is_file(self) -> bool:
        return self.fs.isfile(self.path)

    def is_dir(self) -> bool:
        return self.fs.isdir(self.path)

    def stat(self) -> stat_result:
        return stat_result(self.fs.info(self.path), protocol=self.protocol, conn_id=self.conn_id)

    def size(self) -> int:
        return self.fs.size(self.path)

    def checksum(self) -> int:
        return self.fs.checksum(self.path)

    def ukey(self) -> str:
        return self.fs.ukey(self.path)

    def sign(self, expiration: int = 100, **kwargs: Any) -> str:
        return self.fs.sign(self.path, expiration, **kwargs)

    # ---- folders

    def iterdir(self) -> Iterator[ObjectStoragePath]:
        for each in self.fs.ls(self.path, detail=False):
            found = self._found(each)
            if found.path != self.path:
                yield found

    def glob(self, pattern: str) -> Iterator[ObjectStoragePath]:
        return map(self._found, self.fs.glob(posixpath.join(self.path, pattern)))

    def rglob(self, pattern: str) -> Iterator[ObjectStoragePath]:
        return self.glob(f"**/{pattern}")

    def walk(self) -> Iterator[tuple[ObjectStoragePath, list[str], list[str]]]:
        for folder, below, files in self.fs.walk(self.path):
            yield self._found(folder), list(below), list(files)

    def _found(self, path: str) -> ObjectStoragePath:
        stripped = self.fs._strip_protocol(path)
        return self._beside(stripped if self.path.startswith("/") else stripped.lstrip("/"))

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        if not exist_ok and self.exists():
            raise FileExistsError(str(self))
        self.fs.makedirs(self.path, exist_ok=True) if parents or exist_ok else self.fs.mkdir(self.path)

    def touch(self, truncate: bool = True, **kwargs: Any) -> None:
        self.fs.touch(self.path, truncate=truncate, **kwargs)

    def unlink(self, missing_ok: bool = False) -> None:
        if missing_ok and not self.exists():
            return
        self.fs.rm_file(self.path)

    def rmdir(self, recursive: bool = False) -> None:
        self.fs.rm(self.path, recursive=True) if recursive else self.fs.rmdir(self.path)

    # ---- moving

    def copy(self, dst: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Copy a file, or with ``recursive`` a folder, also to another storage."""
        target = self._of(dst)
        if self.samestore(target):
            self.fs.copy(self.path, target.path, recursive=recursive, **kwargs)
            return
        if self.is_dir():
            if not recursive:
                raise IsADirectoryError(f"{self} is a folder: copy it with recursive=True")
            for each in self.fs.find(self.path):
                found = self._found(each)
                found._stream_to(target / str(found._pure.relative_to(self._pure)))
            return
        self._stream_to(target)

    def _stream_to(self, target: ObjectStoragePath) -> None:
        import shutil

        if target.protocol in ("file", "local"):
            # Object stores have no folders, and asking for one needs rights to the bucket itself.
            target.parent.mkdir(parents=True, exist_ok=True)
        with self.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)

    def copy_into(self, target_dir: Any, recursive: bool = False, **kwargs: Any) -> None:
        self.copy(self._of(target_dir) / self.name, recursive=recursive, **kwargs)

    def move(self, path: Any, recursive: bool = False, **kwargs: Any) -> None:
        target = self._of(path)
        if self.samestore(target):
            self.fs.mv(self.path, target.path, recursive=recursive, **kwargs)
            return
        self.copy(target, recursive=recursive)
        self.fs.rm(self.path, recursive=recursive)

    def move_into(self, target_dir: Any, recursive: bool = False, **kwargs: Any) -> None:
        self.move(self._of(target_dir) / self.name, recursive=recursive, **kwargs)

    def rename(self, target: Any) -> ObjectStoragePath:
        found = target if isinstance(target, ObjectStoragePath) or "://" in str(target) else self.parent / str(target)
        self.move(found)
        return self._of(found)

    replace = rename

    # ---- as an XCom

    def serialize(self) -> dict[str, Any]:
        """The path and the name of its connection; never credentials."""
        return {"path": f"{self.protocol}://{self.path}", "conn_id": self.conn_id, "kwargs": self.storage_options}

    @classmethod
    def deserialize(cls, data: dict[str, Any], version: int) -> ObjectStoragePath:
        return cls(data["path"], conn_id=data["conn_id"], **(data.get("kwargs") or {}))
