"""The rules of the house that imports and syntax can show."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    path
    for room in ("orchestrator", "dags_app", "runs_app")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "migrations" not in path.parts
]
WRITER = ROOT / "runs_app" / "transitions.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_transitions_writes_a_state(path: Path):
    if path == WRITER:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                assert not (isinstance(target, ast.Attribute) and target.attr == "state"), f"line {node.lineno}"
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"update", "bulk_update"}:
            assert "state" not in {each.arg for each in node.keywords}, f"line {node.lineno}"


def test_the_package_itself_is_empty():
    assert (ROOT / "orchestrator" / "__init__.py").read_text() == ""


def test_the_sdk_loads_no_server_and_few_modules():
    code = "import sys; from orchestrator.sdk import DAG, task; print(chr(10).join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = out.split()
    heavy = {
        "django",
        "celery",
        "redis",
        "channels",
        "psycopg",
        "rest_framework",
        "jinja2",
        "pendulum",
        "asyncio",
        "jsonschema",
    }
    assert not heavy & set(loaded)
    assert len([name for name in loaded if name.startswith("orchestrator")]) < 30
