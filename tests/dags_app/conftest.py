"""A DAG folder, and the processor that keeps the database the same as it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dags_app.models import Dag, DagImportError
from dags_app.processor import Counts, Processor
from dags_app.versions import known_place, load_spec


@pytest.fixture(autouse=True)
def fresh_versions() -> None:
    """Versions never change, but a test that was rolled back gives its ids to the next one."""
    load_spec.cache_clear()
    known_place.cache_clear()


class Project:
    """A DAG folder with its processor: write files, then :meth:`sync`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.changed: list[str] = []
        self.processor = Processor(str(root), on_changed=self.changed.append)

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def write_dag(self, dag_id: str, path: str = "", *, arguments: str = "", body: str = "") -> Path:
        return self.write(path or f"{dag_id}.py", dag_text(dag_id, arguments=arguments, body=body))

    def sync(self) -> Counts:
        return self.processor.settle()

    def error(self, path: str) -> DagImportError:
        return DagImportError.objects.get(file__relative_path=path)

    def errors(self) -> list[str]:
        return sorted(DagImportError.objects.values_list("file__relative_path", flat=True))


def dag_text(dag_id: str, *, arguments: str = "", body: str = "") -> str:
    """The text of a file with one DAG of one task."""
    return (
        "from datetime import datetime, timedelta\n"
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n"
        f"{body}\nwith DAG({dag_id!r}, {arguments}) as dag:\n    EmptyOperator(task_id='t')\n"
    )


@pytest.fixture
def project(tmp_path: Path, db: None) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.processor.close()


def live() -> list[str]:
    """The DAGs that a file defines."""
    return sorted(Dag.objects.filter(is_stale=False).values_list("pk", flat=True))
