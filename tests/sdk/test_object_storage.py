"""Paths in object storage, on fsspec's memory and local filesystems."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sdk import ObjectStoragePath, comms
from orchestrator.sdk.object_fs import attach, options_of
from orchestrator.sdk.object_stat import stat_result
from orchestrator.sdk.xcom_json import decode, encode

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def base() -> Any:
    fsspec.filesystem("memory").store.clear()
    made = ObjectStoragePath("memory://bucket/data")
    made.mkdir(parents=True)
    return made


def test_names_are_taken_apart():
    path = ObjectStoragePath("s3://my_conn@bucket/a/b.tar.gz")
    assert (path.protocol, path.conn_id, path.bucket, path.key) == ("s3", "my_conn", "bucket", "a/b.tar.gz")
    assert (path.name, path.stem, path.suffix, path.suffixes) == ("b.tar.gz", "b.tar", ".gz", [".tar", ".gz"])
    assert str(path) == "s3://my_conn@bucket/a/b.tar.gz" and path.as_uri() == "s3://bucket/a/b.tar.gz"
    assert path.path == "bucket/a/b.tar.gz" and path.namespace == "s3://bucket"
    assert str(path.parent / "c") == "s3://my_conn@bucket/a/c" and path.parent.parent.parent == path.parent.parent
    assert path.with_suffix(".x").name == "b.tar.x" and path.with_name("z").key == "a/z"
    assert path.is_relative_to("s3://my_conn@bucket/a") and not path.is_relative_to("s3://bucket/a")
    assert not ObjectStoragePath("s3://bucket/a/../b").is_relative_to("s3://bucket/a")
    assert ObjectStoragePath("s3://b/x", conn_id="c") == ObjectStoragePath("s3://c@b/x")
    assert len({path, ObjectStoragePath(path)}) == 1
    assert ObjectStoragePath("/tmp/x").protocol == "file"


def test_files_are_written_found_copied_and_deleted(base: ObjectStoragePath, tmp_path: Path):
    (base / "a.txt").write_text("grün")
    (base / "below" / "b.bin").write_bytes(b"12345")
    assert (base / "a.txt").read_text() == "grün" and (base / "below/b.bin").size() == 5
    assert sorted(each.name for each in base.iterdir()) == ["a.txt", "below"]
    assert [str(each) for each in base.rglob("*.bin")] == ["memory://bucket/data/below/b.bin"]
    assert base.is_dir() and (base / "a.txt").is_file() and not (base / "c").exists()
    (base / "a.txt").copy(base / "copy.txt")
    (base / "copy.txt").move(base / "moved.txt")
    assert (base / "moved.txt").exists() and not (base / "copy.txt").exists()
    local = ObjectStoragePath(f"file://{tmp_path}/here")
    base.copy(local, recursive=True)
    assert (tmp_path / "here/below/b.bin").read_bytes() == b"12345"
    with open(local / "a.txt") as file:
        assert file.read() == "grün"
    (local / "a.txt").move(base / "back.txt")
    assert (base / "back.txt").read_text() == "grün" and not (tmp_path / "here/a.txt").exists()
    (base / "back.txt").unlink()
    (base / "back.txt").unlink(missing_ok=True)
    with pytest.raises(FileExistsError):
        base.mkdir()
    with pytest.raises(IsADirectoryError, match="recursive=True"):
        base.copy(local)
    with pytest.raises(TypeError, match="is no local file"):
        open(base / "a.txt").close()
    base.rmdir(recursive=True)
    assert not base.exists()


def test_it_is_an_xcom_with_the_name_of_its_connection_only(base: ObjectStoragePath):
    path = ObjectStoragePath("s3://my_conn@bucket/key")
    assert decode(encode([path])) == [path]
    assert "my_conn" in str(encode(path)) and "secret" not in str(encode(path))


def test_the_connection_says_how_to_sign_in():
    answers = {
        "aws": {"conn_type": "aws", "login": "id", "password": "secret", "extra": '{"endpoint_url": "http://x", "region_name": "eu"}'},
        "web": {"conn_type": "http", "login": "me", "host": "h", "extra": '{"storage_options": {"port": 1}, "timeout": 3}'},
    }  # fmt: skip
    before = comms.use(lambda what, args: {"conn_id": args["conn_id"], **answers[args["conn_id"]]})
    try:
        assert options_of("s3", "aws") == {
            "key": "id",
            "secret": "secret",
            "endpoint_url": "http://x",
            "client_kwargs": {"region_name": "eu"},
        }
        assert options_of("sftp", "web") == {"username": "me", "host": "h", "port": 1, "timeout": 3}
    finally:
        comms.use(before)


def test_a_filesystem_of_ones_own_can_be_attached(tmp_path: Path):
    attach("vault", fs=fsspec.filesystem("dir", path=str(tmp_path), fs=fsspec.filesystem("file")))
    ObjectStoragePath("vault://a.txt").write_text("x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_paths_are_made_without_fsspec_and_using_one_says_what_to_install():
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from orchestrator.sdk import ObjectStoragePath\n"
        "path = ObjectStoragePath('s3://bucket/x') / 'y'\n"
        "try:\n    path.exists()\nexcept ImportError as error:\n    print(error)\n"
    )
    assert "needs fsspec" in subprocess.check_output([sys.executable, "-c", code], text=True)


def test_a_copy_to_a_store_asks_for_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise FileNotFoundError("no right to look at the bucket")

    target = ObjectStoragePath("memory://bucket/in/a.txt")
    (tmp_path / "a.txt").write_text("data")
    monkeypatch.setattr(type(target.fs), "makedirs", refuse)
    ObjectStoragePath(f"file://{tmp_path}/a.txt").copy(target)
    assert target.read_text() == "data"


def test_what_a_storage_knows_of_a_path_reads_as_os_stat_does(tmp_path: Path):
    (tmp_path / "a.txt").write_text("data")
    path, real = ObjectStoragePath(f"file://{tmp_path}/a.txt"), os.stat(tmp_path / "a.txt")
    found = path.stat()
    assert [found.st_size, found.st_mtime, found.st_mode] == [real.st_size, real.st_mtime, real.st_mode]
    assert found["size"] == 4 and found["protocol"] == "file"


@pytest.mark.parametrize("name", ["mtime", "LastModified", "last_modified"])
def test_a_change_has_one_name_whatever_the_storage_calls_it(name: str):
    changed = datetime(2024, 1, 2, tzinfo=UTC)
    found = stat_result({"type": "directory", name: changed})
    assert found.st_mtime == changed.timestamp() and stat.S_ISDIR(found.st_mode) and found.st_size == 0
