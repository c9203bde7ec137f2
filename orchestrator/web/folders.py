"""The folders of DAG files as a tree: how many DAGs are below each, and how the last runs of these ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import OuterRef, QuerySet, Subquery

from dags_app.models import Dag
from orchestrator.core.states import RunState
from runs_app.models import DagRun

WORST_FIRST = (RunState.FAILED, RunState.CANCELLED, RunState.RUNNING, RunState.QUEUED, RunState.SUCCESS)
MOST = 200


@dataclass
class Folder:
    """One folder with all that is below it."""

    path: str
    depth: int
    total: int = 0
    states: Counter[str] = field(default_factory=Counter)
    broken: int = 0  # files that could not be imported

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def state(self) -> str:
        """The state that says most about the last runs below."""
        return next((str(state) for state in WORST_FIRST if self.states[state]), "none")

    @property
    def failed(self) -> int:
        return self.states[RunState.FAILED]


def tree(dags: QuerySet[Dag]) -> list[Folder]:
    """Return the folders of these DAGs, each before those below it; none where all files lie at the top."""
    last = DagRun.objects.filter(dag=OuterRef("pk")).order_by("-run_after", "-pk").values("state")[:1]
    rows = dags.filter(is_stale=False, file__relative_path__contains="/").annotate(last_state=Subquery(last))
    return build(rows.values_list("file__relative_path", "last_state", "file__import_error__pk"))


def build(rows: Iterable[tuple[str, str | None, int | None]]) -> list[Folder]:
    """Make the tree of (path of the file, state of the last run, whether it has an import error)."""
    found: dict[str, Folder] = {}
    for path, state, error in rows:
        parts = path.split("/")[:-1]
        for depth in range(len(parts)):
            name = "/".join(parts[: depth + 1])
            folder = found.setdefault(name, Folder(name, depth))
            folder.total += 1
            folder.states[state or "none"] += 1
            folder.broken += error is not None
    return sorted(found.values(), key=lambda each: each.path.split("/"))[:MOST]
