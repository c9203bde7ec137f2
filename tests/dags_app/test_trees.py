"""Which files make up a version."""

from __future__ import annotations

import os

import pytest

from dags_app import trees


def collect(root, file: str = "dag.py", **given) -> list[str]:
    names: dict[str, list[str]] = {}
    for folder, _, files in os.walk(root):
        for each in files:
            names.setdefault(each, []).append(os.path.relpath(os.path.join(folder, each), root))
    given = {"imported": (), "opened": (), "specs": (), **given}
    return sorted(trees.collect(str(root), file, names=names, **given).contents)


def write(root, **files: str) -> None:
    for path, text in files.items():
        target = root / path.replace("__", "/").replace("_dot_", ".")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def test_a_name_with_its_folder_chooses_among_files_of_one_name(tmp_path):
    write(tmp_path, dag_dot_py="open('a/q.sql')", a__q_dot_sql="", b__q_dot_sql="")
    assert collect(tmp_path) == ["a/q.sql", "dag.py"]


def test_files_near_the_dag_file_come_first(tmp_path):
    write(tmp_path, team__dag_dot_py="'q.sql'", team__sql__q_dot_sql="", other__q_dot_sql="")
    assert collect(tmp_path, "team/dag.py") == ["team/dag.py", "team/sql/q.sql"]


def test_the_full_path_of_a_file_in_the_folder_names_it(tmp_path):
    write(tmp_path, dag_dot_py="'/opt/airflow/dags/sql/q.sql.'", sql__q_dot_sql="")
    assert collect(tmp_path) == ["dag.py", "sql/q.sql"]


@pytest.mark.parametrize("text", ["'bash %s/sql/q.sql ' % HERE", "'%(here)s/sql/q.sql'", "f'{HERE}/sql/q.sql'"])
def test_a_folder_that_is_filled_in_before_a_name_is_no_part_of_it(tmp_path, text):
    write(tmp_path, team__dag_dot_py=text, team__sql__q_dot_sql="")
    assert collect(tmp_path, "team/dag.py") == ["team/dag.py", "team/sql/q.sql"]


def test_what_a_named_file_names_belongs_too_and_circles_end(tmp_path):
    write(tmp_path, dag_dot_py="'a.sql'", a_dot_sql="b.sql", b_dot_sql="a.sql dag.py")
    assert collect(tmp_path) == ["a.sql", "b.sql", "dag.py"]


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/hostname", "a/../../secret.txt"])
def test_nothing_outside_of_the_folder_is_read(tmp_path, path):
    (tmp_path / "secret.txt").write_text("x")
    root = tmp_path / "dags"
    root.mkdir()
    write(root, dag_dot_py="")
    assert collect(root, opened=[path], imported=[path]) == ["dag.py"]


def test_pipes_and_missing_files_are_left_out(tmp_path):
    write(tmp_path, dag_dot_py="")
    os.mkfifo(tmp_path / "pipe")
    assert collect(tmp_path, opened=["pipe", "gone", "nul\0"]) == ["dag.py"]


def test_a_file_that_is_one_long_word_takes_no_long_time(tmp_path):
    write(tmp_path, dag_dot_py="x = '" + "a" * 3_000_000 + "'\n# " + "./" * 500_000 + "\n'q.sql'", q_dot_sql="")
    assert collect(tmp_path) == ["dag.py", "q.sql"]


def test_files_that_are_too_large_together_are_refused_with_the_largest(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "LARGEST", 100)
    write(tmp_path, dag_dot_py="", a_dot_csv="x" * 40, b_dot_csv="x" * 70)
    with pytest.raises(trees.TreeTooLarge, match=r"largest is b\.csv with 70"):
        collect(tmp_path, opened=["a.csv", "b.csv"])
