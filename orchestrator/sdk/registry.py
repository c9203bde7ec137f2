"""Finding the DAGs that a file defines."""

from __future__ import annotations

from typing import Any

from .definition import DAG
from .exceptions import DagError

_made: list[DAG] = []


def add(dag: DAG) -> None:
    """Remember a DAG that was made with ``with`` or ``@dag`` while a file is imported."""
    if dag not in _made:
        _made.append(dag)


def begin() -> None:
    """Forget the DAGs of the file before."""
    _made.clear()


def collect(module: Any) -> list[DAG]:
    """Return the DAGs of a module: those registered while it was imported, and those its globals hold.

    Raises:
        DagError: two different DAGs of the file have the same id.
    """
    found: dict[str, DAG] = {}
    held = [value for value in vars(module).values() if isinstance(value, DAG)]
    for dag in [*_made, *(each for each in held if each not in _made)]:
        if dag.taken_into is not None:
            continue
        other = found.setdefault(dag.dag_id, dag)
        if other is not dag:
            raise DagError(f"the file defines DAG {dag.dag_id!r} twice: give one of them another dag_id")
    return list(found.values())
