"""The documents say what is there: pages made from code are fresh, and every name, path and link in them exists."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from orchestrator import env
from orchestrator.core.states import TaskState
from orchestrator.core.trigger_rules import RULES
from tests.docs import pages

ROOT = pages.ROOT
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
FILES = [file for room in ("orchestrator", "dags_app", "runs_app") for file in (ROOT / room).rglob("*.py")]
GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
each_document = pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
PACKAGES = ("orchestrator", "dags_app", "runs_app", "tests", "bench")


@pytest.mark.parametrize("name", pages.PAGES)
def test_pages_made_from_code_are_fresh(name: str):
    path = ROOT / "docs" / "reference" / name
    assert path.read_text() == pages.PAGES[name](), "run: make docs"


def test_every_setting_read_from_the_environment_is_on_the_page():
    read = re.compile(r'environ(?:\.get\(|\[|\.setdefault\()"([A-Z_]+)"')
    found = {name for file in FILES for name in read.findall(file.read_text()) if not name.startswith("AIRFLOW_")}
    known = {each.name for each in env.SETTINGS} | set(env.READ_ELSEWHERE)
    assert found - known <= {"DJANGO_SETTINGS_MODULE", "PATH"}
    elsewhere = "".join(file.read_text() for file in FILES if file.name != "env.py")
    own = {name for name in env.READ_ELSEWHERE if not name.startswith("AIRFLOW_")}
    assert own - found == set()
    assert {name for name in env.READ_ELSEWHERE if f'"{name}"' not in elsewhere} - own == set()


def test_every_state_and_rule_is_explained():
    assert set(pages.MEANING) == set(TaskState)
    assert set(pages.RULE) == set(RULES)


def test_every_page_is_listed_once_by_its_title():
    found = re.findall(r"^- \[(.+)\]\((\S+)\)$", (ROOT / "docs" / "README.md").read_text(), re.MULTILINE)
    there = [path for path in (ROOT / "docs").rglob("*.md") if path.name != "README.md"]
    titles = {str(path.relative_to(ROOT / "docs")): path.read_text().splitlines()[0].lstrip("# ") for path in there}
    assert sorted((name, title) for title, name in found) == sorted(titles.items())


@each_document
def test_links_lead_somewhere(path: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, target


@each_document
def test_names_of_code_exist(path: Path):
    for name in set(re.findall(r"`((?:orchestrator|runs_app|dags_app)(?:\.\w+)+)", path.read_text())):
        if "manage.py" not in name and not name.endswith((".py", ".sqlite3")):
            assert resolves(name), name


@each_document
def test_files_that_are_named_exist(path: Path):
    for name in set(
        re.findall(rf"`((?:{'|'.join(PACKAGES)}|docs|static|templates|examples)/[\w./-]+)`", path.read_text())
    ):
        if name not in {"examples/dags/largest.py", "examples/dags/weather.py", "bench/latest.json"}:
            assert (ROOT / name).exists(), name


@each_document
def test_settings_and_commands_that_are_named_exist(path: Path):
    text = path.read_text()
    known = {each.name for each in env.SETTINGS} | set(env.READ_ELSEWHERE)
    assert {name for name in re.findall(r"\bORCHESTRATOR_[A-Z_]*[A-Z]\b", text) if name != "ORCHESTRATOR_TASK"} <= known
    commands = set(re.findall(r"manage\.py ([a-z_-]+)", text)) - {"migrate", "createsuperuser", "check"}
    assert commands <= set(pages.our_commands())


@each_document
def test_make_targets_that_are_named_exist(path: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", path.read_text())) <= targets


def resolves(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def test_our_own_words_are_in_the_glossary():
    words = set(re.findall(r"^\| \*\*([\w -]+)\*\* \|", GLOSSARY.read_text(), re.MULTILINE))
    assert words >= {
        *("attempt", "token", "generation", "hint", "invitation", "mark", "move", "verdict", "lease", "sweep", "spec"),
        *("version", "bundle", "slot", "claim", "nudge", "control pass", "fork server", "spare", "inline task"),
    }
    assert list(words) and sorted(words, key=str.lower) == re.findall(
        r"^\| \*\*([\w -]+)\*\* \|", GLOSSARY.read_text(), re.MULTILINE
    )


def test_every_dependency_is_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[~><=! ]", each)[0].lower() for each in wanted}
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text().lower()
    told = set(re.findall(r"[a-z][a-z0-9-]+", page))
    assert names - told == set()
    listed = {word for cell in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for word in re.split(r", ", cell)}
    runtime = {re.split(r"[~><=! ]", each)[0].lower() for each in project["project"]["dependencies"]}
    assert listed - {"package"} == runtime


def test_decisions_are_numbered_without_a_gap_and_say_what_violates_them():
    files = sorted((ROOT / "docs" / "adr").glob("*.md"))
    for number, file in enumerate(files, start=1):
        text = file.read_text()
        assert file.name.startswith(f"{number:04}-") and text.startswith(f"# {number}. ")
        for part in ("**Context.**", "**Decision.**", "**Consequences.**", "**A change violates this when**"):
            assert part in text, (file.name, part)
