"""``.airflowignore`` in both of Airflow's syntaxes."""

from __future__ import annotations

import logging

import pytest

from dags_app.ignore import is_ignored, read_rules


def ignored(text: str, path: str, *, kind: str = "glob", folder: str = "", is_folder: bool = False) -> bool:
    return is_ignored(read_rules(text, folder, kind), path, is_folder)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a.py", "a.py", True),
        ("a.py", "deep/a.py", True),
        ("/a.py", "deep/a.py", False),
        ("/a.py", "a.py", True),
        ("deep/a.py", "deep/a.py", True),
        ("deep/a.py", "very/deep/a.py", False),
        ("*_test.py", "x/my_test.py", True),
        ("a?.py", "ab.py", True),
        ("a?.py", "a/.py", False),
        ("*.py\n!keep.py", "keep.py", False),
        ("*.py\n!keep.py", "other.py", True),
        ("!keep.py\n*.py", "keep.py", True),
        ("# a comment\n\n   \n", "a comment", False),
        ("\\#odd.py", "#odd.py", True),
        ("\\!odd.py", "!odd.py", True),
        ("a.py   ", "a.py", True),
        ("**/x.py", "x.py", True),
        ("**/x.py", "a/b/x.py", True),
        ("a/**/x.py", "a/x.py", True),
        ("a/**/x.py", "a/b/c/x.py", True),
        ("a/**", "a/b/c.py", True),
        ("a/**", "a.py", False),
        ("[ab].py", "b.py", True),
        ("[!ab].py", "b.py", False),
        ("[a-c]1.py", "b1.py", True),
        ("a*b.py", "a/b.py", False),
        ("(x).py", "(x).py", True),
        ("/", "a.py", False),
    ],
)
def test_glob(text, path, expected):
    assert ignored(text, path) is expected


def test_a_pattern_that_ends_in_a_slash_fits_folders_only():
    assert ignored("tmp/", "a/tmp", is_folder=True)
    assert not ignored("tmp/", "a/tmp")


def test_a_file_speaks_only_of_its_own_folder():
    assert ignored("/x.py", "team/x.py", folder="team")
    assert not ignored("x.py", "other/x.py", folder="team")
    assert not ignored("x.py", "team2/x.py", folder="team")


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("project_a", "project_a/dag.py", True),
        ("project_a", "TESTING_project_a.py", True),
        (r"tenant_[\d]", "tenant_1.py", True),
        (r"tenant_[\d]", "tenant_x.py", False),
        ("^a.py$  # the first", "a.py", True),
        ("# all of it", "a.py", False),
    ],
)
def test_regexp(text, path, expected):
    assert ignored(text, path, kind="regexp") is expected


def test_a_line_that_is_no_pattern_is_left_out_and_logged(caplog):
    with caplog.at_level(logging.WARNING):
        assert ignored("(\na.py", "a.py", kind="regexp")
    assert "ignore_rule_skipped" in caplog.text
