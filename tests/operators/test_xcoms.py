"""Pushing and pulling in real attempts: all forms, lazy sequences, limits, backends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import compat
from orchestrator.sdk import BaseXCom, XCom, task

from .running import reason, run, state


def value(found: Any, task_id: str, key: str = "return_value", index: int = -1) -> Any:
    return found.xcoms[task_id, index, key]


def test_all_forms_of_pulling():
    def make() -> None:
        @task
        def one(n):
            return n * 10

        @task
        def push(ti):
            ti.xcom_push("a", 1)
            ti.xcom_push(key="b", value=None)

        @task
        def pull(ti):
            return {
                "own": ti.xcom_pull(),
                "all": list(ti.xcom_pull(task_ids="one")),
                "index": ti.xcom_pull(task_ids="one", map_indexes=1),
                "indexes": ti.xcom_pull(task_ids="one", map_indexes=[2, 0, 9], default="none"),
                "unmapped": ti.xcom_pull(task_ids="one", map_indexes=None, default="none"),
                "unmapped push": ti.xcom_pull(task_ids="push", map_indexes=None, key="a"),
                "key": ti.xcom_pull(task_ids="push", key="a"),
                "null": ti.xcom_pull(task_ids="push", key="b"),
                "list": ti.xcom_pull(task_ids=["push", "nothing", "one"], key="a"),
                "several": ti.xcom_pull(task_ids=("push", "nothing"), map_indexes=-1, key="a", default=0),
                "prior": ti.xcom_pull(task_ids="push", key="a", include_prior_dates=True),
                "class": (XCom.get_one(key="a", task_id="push"), XCom.get_all(key="return_value", task_id="one")),
            }

        [one.expand(n=[1, 2, 3]), push()] >> pull()

    found = run(make)
    assert state(found, "pull") == "success", reason(found, "pull")
    assert value(found, "pull") == {
        "own": None,
        "all": [10, 20, 30],
        "index": 20,
        "indexes": [30, 10, "none"],
        "unmapped": "none",
        "unmapped push": 1,
        "key": 1,
        "null": None,
        "list": [1, None, None],
        "several": [1, 0],
        "prior": 1,
        "class": (1, [10, 20, 30]),
    }


def test_another_kind_of_index_is_refused():
    def make() -> None:
        @task
        def pull(ti):
            ti.xcom_pull(task_ids="pull", map_indexes="1")

        pull()

    assert "expected int, iterable of ints, or None, got str" in reason(run(make), "pull")


def test_a_mapped_tasks_results_are_a_sequence_that_is_fetched_as_it_is_read(monkeypatch: pytest.MonkeyPatch):
    from orchestrator.sdk.xcom_arg import LazyXComSequence

    monkeypatch.setattr(LazyXComSequence, "CHUNK", 2)

    def make() -> None:
        @task
        def one(n):
            return n

        @task
        def read(values):
            unread = repr(values)
            return [
                unread,
                len(values),
                repr(values),
                list(values),
                [values[0], values[-1], values[-5]],
                [values[1:4], values[::-1], values[::2], values[3:1:-1], values[7:], values[-2:]],
                values == [0, 1, 2, 3, 4],
                list(reversed(values)),
                3 in values,
                _error(lambda: values[5]),
            ]

        @task
        def joined(values):
            return [values[-1], values[1:3], len(values), _error(lambda: values[99])]

        numbers = one.expand(n=list(range(5)))
        read(numbers)
        joined.override(task_id="zipped")(numbers.zip(["a", "b", "c"]))
        joined.override(task_id="filled")(numbers.zip(["a"], fillvalue="-"))
        joined.override(task_id="mapped")(numbers.map(_double))
        joined.override(task_id="concatenated")(numbers.concat([7, 8]))

    found = run(make)
    assert value(found, "read") == [
        "LazyXComSequence(<unevaluated length>)",
        5,
        "LazyXComSequence([5 items])",
        [0, 1, 2, 3, 4],
        [0, 4, 0],
        [[1, 2, 3], [4, 3, 2, 1, 0], [0, 2, 4], [3, 2], [], [3, 4]],
        True,
        [4, 3, 2, 1, 0],
        True,
        "IndexError",
    ]
    assert value(found, "zipped") == [(2, "c"), [(1, "b"), (2, "c")], 3, "IndexError"]
    assert value(found, "filled") == [(4, "-"), [(1, "-"), (2, "-")], 5, "IndexError"]
    assert value(found, "mapped") == [8, [2, 4], 5, "IndexError"]
    assert value(found, "concatenated") == [8, [1, 2], 7, "IndexError"]


def _double(n: int) -> int:
    return n * 2


def _error(call: Any) -> str:
    try:
        return str(call())
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([1], "Returned output was type <class 'list'> expected dictionary for multiple_outputs"),
        ({"a": 1, 2: 3}, "Returned dictionary keys must be strings when using multiple_outputs, found 2"),
    ],
)
def test_several_outputs_must_be_a_dict_with_names(returned: Any, said: str):
    def make() -> None:
        @task(multiple_outputs=True)
        def several():
            return returned

        several()

    found = run(make)
    assert said in reason(found, "several")
    assert not [key for key in found.xcoms if key[0] == "several"], "nothing of a result that is refused is pushed"


def test_several_outputs_can_be_taken_by_name():
    def make() -> None:
        @task
        def several() -> dict[str, Any]:
            return {"a": [1, 2], "b": "x"}

        @task
        def take(a, b):
            return a, b

        found = several()
        take(found["a"], found["b"])

    assert value(run(make), "take") == ([1, 2], "x")


def test_a_value_that_is_too_large_is_refused_by_task_key_and_size():
    def make() -> None:
        @task
        def large(ti):
            ti.xcom_push("report", "x" * 2_000_000)

        large()

    said = reason(run(make), "large")
    assert "the XCom 'report' of large takes 2000002 bytes as JSON, at most 1048576 are kept" in said
    assert "ORCHESTRATOR_XCOM_MAX_BYTES" in said


def test_who_pushes_nothing_cannot_be_mapped_over():
    def make() -> None:
        @task(do_xcom_push=False)
        def quiet():
            return [1]

        @task
        def each(n):
            pass

        each.expand(n=quiet())

    assert "tasks map over the result of quiet" in reason(run(make), "quiet")


@pytest.mark.parametrize(("count", "ends"), [(1024, "success"), (1025, "failed")])
def test_more_than_may_be_mapped_over_fails_who_pushes_it(count: int, ends: str):
    def make() -> None:
        @task
        def many():
            return list(range(count))

        @task
        def others():
            return list(range(5000))  # over which nobody maps

        @task.short_circuit
        def stop():
            return False

        @task
        def each(n):
            pass

        others()
        stop() >> each.expand(n=many())

    result = run(make)
    assert state(result, "others") == "success"
    assert state(result, "many") == ends
    if ends == "failed":
        said = reason(result, "many")
        assert "has 1025 elements; at most 1024 may be mapped over" in said
        assert "ORCHESTRATOR_MAX_MAP_LENGTH" in said


# ---- backends


class InFiles(BaseXCom):
    """Keeps every text in a file; the database has its name."""

    folder: Path

    @staticmethod
    def serialize_value(value: Any, *, key: Any = None, task_id: Any = None, **more: Any) -> Any:
        if not isinstance(value, str):
            return BaseXCom.serialize_value(value)
        (InFiles.folder / f"{task_id}.{key}").write_text(value)
        return BaseXCom.serialize_value(f"file:{task_id}.{key}")

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        found = BaseXCom.deserialize_value(result)
        return (InFiles.folder / found[5:]).read_text() if isinstance(found, str) else found


def test_an_own_backend_has_the_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    InFiles.folder = tmp_path
    monkeypatch.setenv("AIRFLOW__CORE__XCOM_BACKEND", f"{__name__}.InFiles")

    def make() -> None:
        @task
        def one(n):
            return n

        @task
        def read(plain, mapped, ti):
            return [plain, list(mapped), mapped[1], XCom.get_one(task_id="plain", key="return_value")]

        read(one.override(task_id="plain")("text"), one.expand(n=[1, "two"]))

    found = run(make)
    assert value(found, "read") == ["text", [1, "two"], "two", "text"], reason(found, "read")
    assert (tmp_path / "plain.return_value").read_text() == "text"


def test_a_backend_that_is_not_there_is_named_with_the_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__CORE__XCOM_BACKEND", "acme.xcoms.Backend")

    def make() -> None:
        @task
        def one():
            return 1

        one()

    with pytest.raises(ImportError, match=r"XCOM_BACKEND=acme.xcoms.Backend names no class"):
        XCom.get_one(key="x", task_id="y")
    assert "AIRFLOW__CORE__XCOM_BACKEND=acme.xcoms.Backend names no class" in reason(run(make), "one")


@pytest.mark.parametrize(("compression", "ending"), [("", ".json"), ("gzip", ".json.gz"), ("xz", ".json.xz")])
def test_large_values_go_to_object_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str, ending: str
):
    pytest.importorskip("fsspec")
    compat.install()
    prefix = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_"
    settings = {
        "AIRFLOW__CORE__XCOM_BACKEND": "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend",
        f"{prefix}PATH": f"file://{tmp_path}/xcoms",
        f"{prefix}THRESHOLD": "1000",
        f"{prefix}COMPRESSION": compression,
    }
    for name, text in settings.items():
        monkeypatch.setenv(name, text)

    def make() -> None:
        @task
        def small():
            return {"n": 1}

        @task
        def large():
            return {"t": ("x" * 3_000_000, 1)}

        @task
        def read(a, b):
            return a, len(b["t"][0]), type(b["t"]).__name__

        read(small(), large())

    found = run(make)
    assert value(found, "read") == ({"n": 1}, 3_000_000, "tuple"), reason(found, "read")
    (file,) = [path for path in (tmp_path / "xcoms").rglob("*") if path.is_file()]
    assert file.name.endswith(ending) and file.parent.parent.name == "large"
    assert (file.stat().st_size < 100_000) is bool(compression)


def test_an_entry_cannot_name_any_file_as_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("fsspec")
    from orchestrator.sdk.xcom_store import XComObjectStorageBackend

    (tmp_path / "secret").write_text("1")
    monkeypatch.setenv("AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH", f"file://{tmp_path}/xcoms")
    for path in (f"file://{tmp_path}/secret", f"file://{tmp_path}/xcoms/../secret", f"file://{tmp_path}/xcoms2/x"):
        entry = type("Entry", (), {"key": "k", "value": {"__type": "stored", "value": path}})()
        for use in (XComObjectStorageBackend.deserialize_value, XComObjectStorageBackend.purge):
            with pytest.raises(ValueError, match="not below"):
                use(entry)
    assert (tmp_path / "secret").exists()
