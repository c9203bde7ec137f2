"""Whether files that were written for Airflow run here: each is imported as the processor would, and nothing is run."""

from __future__ import annotations

import importlib.util
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from orchestrator.compat.review import review
from orchestrator.runtime.client import ForkServer, ParseResult

from .folder import Folder
from .parsing import Answers

RUNS, NOTES, NEEDS, CANNOT = "runs", "runs with notes", "needs", "cannot run"
STATUSES = (RUNS, NOTES, NEEDS, CANNOT)
PROVIDER = re.compile(r"apache-airflow-providers-[a-z0-9-]+")
NO_MODULE = re.compile(r"No module named '([^']+)'")
NOT_THERE = re.compile(r"Variable (\S+) not found|conn_id `([^`]+)` isn't defined")
PACKAGES = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "jwt": "PyJWT",
    "MySQLdb": "mysqlclient",
    "PIL": "Pillow",
    "psycopg2": "psycopg2-binary",
    "pymysql": "PyMySQL",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Modules whose package has another name."""


@dataclass(slots=True)
class Verdict:
    """What becomes of one file."""

    path: str
    status: str
    dags: list[str] = field(default_factory=list)
    era: int | None = None
    needs: list[str] = field(default_factory=list)
    reason: str = ""
    line: int | None = None
    notes: list[tuple[int, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.path,
            "status": self.status,
            "dags": self.dags,
            "era": self.era,
            "needs": self.needs,
            "reason": self.reason or None,
            "line": self.line,
            "notes": [{"line": line, "text": text} for line, text in self.notes],
        }


class Told(Answers):
    """Answers of the stores; where there is no database yet, nothing is in them."""

    def answer(self, what: str, args: Mapping[str, Any]) -> Any:
        try:
            return super().answer(what, args)
        except DatabaseError:
            return None


def judge(root: str, only: str | None = None) -> Iterator[Verdict]:
    """Yield a verdict for each DAG file below ``root``, in the order of their paths; ``only``: for one of them.

    Raises:
        OSError: the folder cannot be read.
    """
    os.scandir(root).close()
    folder, server = Folder(root), ForkServer()
    look = folder.look()
    try:
        for path in sorted(look.candidates) if look else ():
            if only in (None, path) and folder.judge(path, look.prints[path]) == "dag":
                verdict = _verdict(server, root, path)
                if verdict is not None:
                    yield verdict
    finally:
        server.close()


def _verdict(server: ForkServer, root: str, path: str) -> Verdict | None:
    """None: a file that defines no DAG, and is imported by others."""
    answers = Told()
    found = server.parse(
        root,
        path,
        timeout=settings.ORCH.parse_timeout,
        memory_bytes=settings.ORCH.parse_memory_bytes,
        answer=answers.answer,
        plugins=os.path.join(root, "plugins") if os.path.isdir(os.path.join(root, "plugins")) else None,
    )
    if not found.dags and not found.errors:
        return None
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        read = review(file.read())
    verdict = Verdict(path, RUNS, sorted(str(each["dag_id"]) for each in found.dags), read.era)
    if found.errors:
        _why_not(verdict, ParseResult(errors=answers.masked(found.errors)), root)
        return verdict
    verdict.notes = [(note.line, note.text) for note in read.notes]
    for line, module in read.later:
        package = _missing(module, root, path)
        if package:
            verdict.needs.append(package)
            verdict.notes.append((line, f"a task imports {module}, which is not installed ({package})"))
    verdict.notes.sort()
    verdict.needs = sorted(set(verdict.needs))
    verdict.status = NEEDS if verdict.needs else NOTES if verdict.notes else RUNS
    return verdict


def _why_not(verdict: Verdict, found: ParseResult, root: str) -> None:
    error = found.errors[0]
    verdict.reason, verdict.line, verdict.status = error["message"], error.get("line"), CANNOT
    module, thing = NO_MODULE.search(verdict.reason), NOT_THERE.search(verdict.reason)
    packages = sorted(set(PROVIDER.findall(verdict.reason)))
    if packages:
        verdict.status, verdict.needs = NEEDS, [each.rstrip("-") for each in packages]
    elif module and not module[1].startswith("airflow"):
        verdict.status, verdict.needs = NEEDS, [package_of(module[1])]
    elif thing:
        verdict.status, verdict.needs = NEEDS, [f"Variable {thing[1]}" if thing[1] else f"Connection {thing[2]}"]


def package_of(module: str) -> str:
    """The name by which pip knows what has a module; a guess where the two are not the same."""
    top, _, rest = module.partition(".")
    if top == "google" and rest.startswith("cloud."):
        return f"google-cloud-{rest.split('.')[1].replace('_', '-')}"
    return PACKAGES.get(top, top.replace("_", "-"))


def _missing(module: str, root: str, path: str) -> str | None:
    """The package that has a module which is neither installed nor in the folder; its parents are not imported."""
    top = module.partition(".")[0]
    if top in {"airflow", "orchestrator"}:
        return None
    places = [
        root,
        os.path.dirname(os.path.join(root, path)),
        *(os.path.join(root, each) for each in ("plugins", "config")),
    ]
    if any(os.path.exists(os.path.join(place, top + end)) for place in places for end in ("", ".py")):
        return None
    try:
        is_there = importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        is_there = False
    return None if is_there else package_of(module)


def summary(verdicts: list[Verdict]) -> dict[str, Any]:
    """How many files of each kind there are, what is needed how often, and the share that runs, of a hundred."""
    counts = Counter(each.status for each in verdicts)
    runs = counts[RUNS] + counts[NOTES]
    return {
        "files": len(verdicts),
        "dags": sum(len(each.dags) for each in verdicts),
        **{status.replace(" ", "_"): counts[status] for status in STATUSES},
        "share_that_runs": round(100 * runs / len(verdicts), 1) if verdicts else None,
        "needed": dict(Counter(need for each in verdicts for need in each.needs).most_common()),
    }
