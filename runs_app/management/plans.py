"""``manage.py dags plan``: what would change for whom if a DAG file, or a folder of them, were deployed as it is now."""

from __future__ import annotations

import ast
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from dags_app import schedule
from dags_app.bundles.config import DEFAULT_NAME
from dags_app.inspection import Inspected
from dags_app.models import Dag
from dags_app.versions import load_spec, read_sources
from orchestrator.core.changes import Change, compare
from orchestrator.core.due import runs_after
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RUN_UNFINISHED
from orchestrator.core.timetables import TimetableError
from runs_app.models import DagRun

from . import checks
from .subcommands import Console, Options

Json = dict[str, Any]
BREAKING = 2
TIMES = 20


@dataclass(slots=True)
class DagPlan:
    """What happens to one DAG. ``action``: add, change, remove, or broken (its file cannot be imported)."""

    dag_id: str
    action: str
    changes: list[Change] = field(default_factory=list)
    times: list[tuple[datetime | None, datetime | None]] = field(default_factory=list)  # (now, then), where they differ
    active_runs: list[str] = field(default_factory=list)

    @property
    def breaking(self) -> bool:
        return self.action in {"remove", "broken"} or any(each.breaking for each in self.changes)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", help="a DAG file, or a folder that would be the whole DAG folder")


def plan(console: Console, options: Options) -> None:
    """Exit code 2 where something that works now would not any more; nothing is written."""
    found = list(plans(Path(options.path).absolute(), timezone.now()))
    console.show([_json(each) for each in found], _markdown(found))
    broken = [each.dag_id for each in found if each.breaking]
    if broken:
        raise CommandError(f"This breaks {', '.join(broken)}", returncode=BREAKING)


def plans(path: Path, now: datetime) -> Iterator[DagPlan]:
    stores, _ = checks.stores_of(Options(variables=None, connections=None, pools=None))
    seen: set[str] = set()
    home = Path(settings.ORCH.dags_folder).absolute()
    inside = path.is_file() and path.is_relative_to(home)
    for each in checks.inspected(str(path), stores):
        name = str(path.relative_to(home)) if inside else each.path
        known = {dag.pk: dag for dag in _dags().filter(file__bundle_name=DEFAULT_NAME, file__relative_path=name)}
        if each.errors:
            # The last good version goes on, as ever; what the file says now is not had.
            text = "; ".join(f"{name}, line {one['line']}: {one['message']}" for one in each.errors)
            for dag_id in known or [name]:
                yield DagPlan(dag_id, "broken", [Change("import_error", text, True)])
            seen.update(known)
            continue
        for spec in each.specs:
            seen.add(spec.dag_id)
            dag = known.get(spec.dag_id) or _dags().filter(pk=spec.dag_id).first()
            made = _added(spec, now) if dag is None or dag.version_id is None else _changed(dag, spec, each, now)
            if made is not None:
                yield made
        for dag_id in sorted(known.keys() - seen):
            yield _removed(known[dag_id])
            seen.add(dag_id)
    if path.is_dir():
        for dag in _dags().exclude(pk__in=seen).order_by("pk"):
            yield _removed(dag)


def _dags() -> Any:
    return Dag.objects.filter(is_stale=False).select_related("version__tree")


def _added(spec: DagSpec, now: datetime) -> DagPlan:
    tasks = [Change("task_added", f"task {each.task_id} ({each.operator}) comes") for each in spec.tasks.values()]
    return DagPlan(spec.dag_id, "add", tasks, [(None, each) for each in _coming(spec, None, now)])


def _removed(dag: Dag) -> DagPlan:
    text = "no file defines it any more: it is marked as gone, its history stays"
    return DagPlan(dag.pk, "remove", [Change("dag_removed", text, True)], active_runs=_active(dag))


def _changed(dag: Dag, spec: DagSpec, file: Inspected, now: datetime) -> DagPlan | None:
    old = load_spec(dag.version_id)
    changes = compare(old, spec)
    changes += _code(dag, file)
    if not changes:
        return None
    made = DagPlan(dag.pk, "change", changes, active_runs=_active(dag))
    last = schedule.last_interval(dag)
    before, after = _coming(old, last, now), _coming(spec, last, now)
    if before != after:
        longest = max(len(before), len(after))
        padded = [[*times, *[None] * (longest - len(times))] for times in (before, after)]
        made.times = list(zip(*padded, strict=True))
    return made


def _coming(spec: DagSpec, last: Any, now: datetime) -> list[datetime]:
    try:
        return [each.run_after for each in islice(runs_after(spec, last=last, now=now), TIMES)]
    except TimetableError:
        return []


def _code(dag: Dag, file: Inspected) -> Iterator[Change]:
    """Files of the version whose code differs; comments and layout do not count."""
    if file.tree is None or dag.version is None:
        return
    old = dag.version.tree.manifest
    differing = [path for path, digest in file.tree.manifest.items() if path in old and old[path] != digest]
    before = read_sources(dag.version, differing) if differing else {}
    for path in differing:
        if not path.endswith(".py") or _meaning(before[path]) != _meaning(file.tree.contents[path]):
            yield Change("code_changed", f"{path} changes")


def _meaning(source: bytes) -> str | bytes:
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError):
        return source


def _active(dag: Dag) -> list[str]:
    rows = DagRun.objects.filter(dag_id=dag.pk, state__in=RUN_UNFINISHED).order_by("pk")
    return list(rows.values_list("run_id", flat=True))


def _json(each: DagPlan) -> Json:
    return {
        "dag_id": each.dag_id,
        "action": each.action,
        "breaking": each.breaking,
        "changes": [
            {"kind": one.kind, "text": one.text, "breaking": one.breaking, "task_id": one.task_id}
            for one in each.changes
        ],
        "next_runs": [{"now": now, "then": then} for now, then in each.times],
        "active_runs": each.active_runs,
    }


def _markdown(found: list[DagPlan]) -> Iterator[str]:
    if not found:
        yield "Nothing changes."
        return
    breaking = sum(each.breaking for each in found)
    yield f"**{len(found)} DAGs change**" + (f", {breaking} in a way that breaks something" if breaking else "")
    for each in found:
        yield ""
        yield f"### {each.dag_id}: {each.action}"
        yield ""
        yield from (f"- {'**breaking** ' if one.breaking else ''}{one.text}" for one in each.changes)
        if each.active_runs:
            yield f"- runs under way keep the version they have: {', '.join(each.active_runs)}"
        if each.times:
            yield ""
            yield from _table(each.times)


def _table(times: list[tuple[datetime | None, datetime | None]]) -> Iterator[str]:
    yield "| next runs now | then |"
    yield "|---|---|"
    for now, then in times:
        yield f"| {_time(now)} | {_time(then)} |"


def _time(moment: datetime | None) -> str:
    return moment.isoformat(sep=" ", timespec="minutes") if moment is not None else ""
