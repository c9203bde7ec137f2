"""The DAGs of a file or folder, for tests of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orchestrator.compat
from dags_app.folder import Folder
from orchestrator.runtime.loader import LoadError, load, load_error


def load_dags(path: str | Path) -> dict[str, Any]:
    """Import a DAG file, or those that the DAG processor would find in a folder; return the DAGs by id.

    Raises:
        AssertionError: files that cannot be imported, or an id that two files define: each is named with its line.
    """
    orchestrator.compat.install()
    place = Path(path).absolute()
    if not place.exists():
        raise AssertionError(f"{place} does not exist: give a DAG file or a folder of them")
    root, files = (place, _dag_files(place)) if place.is_dir() else (place.parent, [place.name])
    found: dict[str, Any] = {}
    homes: dict[str, str] = {}
    errors = []
    for name in files:
        try:
            dags = load(str(root), name)
            _check(dags, str(root / name))
        except LoadError as error:
            errors.append(f"{name}{f':{error.line}' if error.line else ''}: {error.message}")
            continue
        for dag_id, dag in dags.items():
            if dag_id in found:
                errors.append(f"{name}: the DAG {dag_id!r} is defined in {homes[dag_id]}, too")
            found[dag_id], homes[dag_id] = dag, name
    if errors:
        raise AssertionError("DAG files that cannot be used:\n  " + "\n  ".join(errors))
    return found


def _check(dags: dict[str, Any], path: str) -> None:
    """Find what is only found when a DAG is handed over: cycles, and schedules that cannot be read."""
    for dag in dags.values():
        try:
            dag.to_spec()
        except Exception as error:
            raise load_error(error, path) from error


def _dag_files(root: Path) -> list[str]:
    folder = Folder(str(root))
    look = folder.look()
    if look is None:
        raise AssertionError(f"{root} cannot be read")
    return [path for path in sorted(look.candidates) if folder.judge(path, look.prints[path]) == "dag"]
