"""One parsed file becomes rows: everything is worked out first, then written in one short transaction."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from orchestrator.core import timetables
from orchestrator.core.serde import SpecError
from orchestrator.sdk.listeners import IMPORT_HOOKS

from . import access_control, asset_sync, documents, plugin_calls, pools, ranges, schedule, takeovers, uses
from .bundles.config import DEFAULT_NAME
from .documents import Document
from .models import Dag, DagFile, DagImportError, DagTag, DagVersion, SourceBlob, SourceTree
from .trees import Tree

log = logging.getLogger(__name__)

OnChanged = Callable[[str], None]
"""Told the id of a DAG that changed, after the commit; "" where a file without DAGs did."""

SHOWN = (
    *("display_name", "description", "owners", "timetable_summary", "timetable_description", "timetable_periodic"),
    *("is_backfillable", "has_task_concurrency_limits", "max_active_runs", "max_active_tasks", "overlap_policy"),
    *(
        "max_consecutive_failed_dag_runs",
        "asset_expression",
        "is_partitioned",
        "pools",
        "team_roles",
        "fileloc",
        "file_id",
        "is_stale",
    ),
)
LONGEST_TEXT = 20_000
BATCH = 25
"""DAGs written in one transaction: a file may define thousands, and others must get to write meanwhile."""


@dataclass(slots=True)
class Parsed:
    """What is known of one file: from its parse, or why there was none."""

    path: str  # relative to the bundle's folder
    fileloc: str
    seconds: float = 0.0
    documents: list[Document] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)  # {"message", "line", "stack_trace"}
    tree: Tree | None = None
    schedules: dict[str, Any] = field(default_factory=dict)  # DAG id -> what its own timetable answered
    bundle: str = DEFAULT_NAME
    bundle_version: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    changed: set[str] = field(default_factory=set)  # DAGs that pages show differently now
    freed: set[str] = field(default_factory=set)  # ids that another file may define from here on
    refused: dict[str, str] = field(default_factory=dict)  # ids that another file defines -> that file
    new_versions: int = 0
    has_error: bool = False


def read_documents(found: Iterable[Any]) -> tuple[list[Document], list[dict[str, Any]]]:
    """Check what a parse handed over; what cannot be stored becomes an error."""
    read, errors = [], []
    for each in found:
        try:
            read.append(documents.read(each))
        except SpecError as error:
            errors.append(error_of(str(error)))
    return read, errors


def error_of(message: str, line: int | None = None, trace: str = "") -> dict[str, Any]:
    return {"message": message, "line": line, "stack_trace": trace or message}


def store(parsed: Parsed, *, now: datetime, present: Container[str], on_changed: OnChanged | None = None) -> Outcome:
    """Write what a file defines.

    ``present`` holds the files that are there now, so that a DAG whose file is gone may be taken over. A DAG that
    the file defined before and does not now goes stale, unless the file is broken: then its last version stays.
    """
    outcome, errors = Outcome(), list(parsed.errors)
    found = sorted(parsed.documents, key=lambda each: each.spec.dag_id)
    batches = [found[at : at + BATCH] for at in range(0, len(found), BATCH)] or [[]]
    for number, batch in enumerate(batches, 1):
        with transaction.atomic():
            if number == 1:
                file = _file(parsed, now)
                if parsed.tree is not None and parsed.documents:
                    _store_tree(parsed.tree)
            errors += _store_batch(batch, parsed, file, present, now, outcome)
            if number == len(batches):
                if not errors:
                    _retire_others(file, {each.spec.dag_id for each in found}, outcome)
                _store_error(file, errors, now, outcome, parsed.fileloc)
    _tell(outcome, on_changed)
    return outcome


def _store_batch(
    batch: Sequence[Document],
    parsed: Parsed,
    file: DagFile,
    present: Container[str],
    now: datetime,
    outcome: Outcome,
) -> list[dict[str, Any]]:
    """Write some DAGs of a file; return an error for each that another file defines."""
    wanted = {each.spec.dag_id: each for each in batch}
    # By id, as every writer locks them, so that two processors cannot wait for each other.
    rows = Dag.objects.select_for_update(of=("self",)).select_related("version").defer("version__spec")
    known = {dag.pk: dag for dag in rows.filter(pk__in=wanted).order_by("pk")}
    rivals = _rivals(known.values(), file, present)
    outcome.refused |= rivals
    if parsed.tree is not None:
        renewed: dict[str, int] = {}
        for dag_id in sorted(wanted.keys() - rivals.keys()):
            version_pk = _store_dag(known.get(dag_id), wanted[dag_id], parsed, file, now, outcome)
            if version_pk is not None:
                renewed[dag_id] = version_pk
        if renewed:
            asset_sync.store({dag_id: wanted[dag_id].spec for dag_id in renewed}, renewed, now)
        unread = {dag.pk for dag in known.values() if not dag.uses_known} - rivals.keys()
        if looked := renewed.keys() | unread:
            uses.store({dag_id: wanted[dag_id].spec for dag_id in looked}, parsed.tree)
    Dag.objects.filter(pk__in=wanted.keys() - rivals.keys()).update(
        last_parsed_at=now, last_parse_seconds=parsed.seconds
    )
    return [_duplicate(dag_id, other) for dag_id, other in rivals.items()]


def _retire_others(file: DagFile, wanted: Container[str], outcome: Outcome) -> None:
    """The DAGs that the file defined before and does not now."""
    before = Dag.objects.filter(file=file, is_stale=False).order_by("pk").values_list("pk", flat=True)
    gone = [dag_id for dag_id in before if dag_id not in wanted]
    for at in range(0, len(gone), BATCH):
        rows = Dag.objects.select_for_update().filter(pk__in=gone[at : at + BATCH], is_stale=False)
        _retire(rows.order_by("pk"), outcome)


def store_gone(
    paths: Sequence[str], *, now: datetime, on_changed: OnChanged | None = None, bundle: str = DEFAULT_NAME
) -> Outcome:
    """Write that files are not there any more: their DAGs are stale, their errors gone; runs and versions stay."""
    outcome = Outcome()
    for path in paths:
        with transaction.atomic():
            file = DagFile.objects.filter(bundle_name=bundle, relative_path=path, gone_at__isnull=True).first()
            if file is None:
                continue
            file.gone_at = now
            file.save(update_fields=["gone_at"])
            _retire(Dag.objects.select_for_update().filter(file=file, is_stale=False).order_by("pk"), outcome)
            _store_error(file, [], now, outcome)
    _tell(outcome, on_changed)
    return outcome


def _tell(outcome: Outcome, on_changed: OnChanged | None) -> None:
    if on_changed is not None:
        for dag_id in sorted(outcome.changed):
            on_changed(dag_id)


def _file(parsed: Parsed, now: datetime) -> DagFile:
    # Where another processor inserts it just now, the caller tries again.
    key = {"bundle_name": parsed.bundle, "relative_path": parsed.path}
    file = DagFile.objects.filter(**key).first() or DagFile(**key)
    if parsed.tree is not None:
        file.digest = parsed.tree.digest
    file.last_parsed_at, file.last_parse_seconds, file.gone_at = now, parsed.seconds, None
    file.parse_asked = False
    file.save()
    return file


def _store_tree(tree: Tree) -> None:
    if SourceTree.objects.filter(pk=tree.digest).exists():
        return
    there = set(SourceBlob.objects.filter(pk__in=set(tree.manifest.values())).values_list("pk", flat=True))
    blobs = {
        sha256: SourceBlob(sha256=sha256, content=tree.contents[path], size=len(tree.contents[path]))
        for path, sha256 in tree.manifest.items()
        if sha256 not in there
    }
    SourceBlob.objects.bulk_create(blobs.values(), ignore_conflicts=True, batch_size=100)
    SourceTree.objects.bulk_create([SourceTree(digest=tree.digest, manifest=tree.manifest)], ignore_conflicts=True)


def _rivals(dags: Iterable[Dag], file: DagFile, present: Container[str]) -> dict[str, str]:
    """The DAGs that another file defines, with that file. Of another bundle's files their rows say whether they are there."""
    others = {dag.pk: dag.file_id for dag in dags if dag.file_id not in (None, file.pk) and not dag.is_stale}
    there = DagFile.objects.filter(pk__in=others.values(), gone_at__isnull=True)
    names = {
        pk: path if bundle == file.bundle_name else f"{path} of bundle {bundle}"
        for pk, bundle, path in there.values_list("pk", "bundle_name", "relative_path")
        if bundle != file.bundle_name or path in present
    }
    return {dag_id: names[pk] for dag_id, pk in others.items() if pk in names}


def _duplicate(dag_id: str, other: str) -> dict[str, Any]:
    return error_of(f"DAG {dag_id!r} is defined in {other} already: give one of them another dag_id")


def _store_dag(
    dag: Dag | None, document: Document, parsed: Parsed, file: DagFile, now: datetime, outcome: Outcome
) -> int | None:
    """Write one DAG; return its version where it is another one than before, or the DAG was away."""
    spec, is_new = document.spec, dag is None
    if dag is None:
        dag = Dag(dag_id=spec.dag_id, file=file, fileloc=parsed.fileloc, is_paused=_paused_at_first(document))
        dag.save(force_insert=True)
    before = {name: getattr(dag, name) for name in (*SHOWN, *schedule.PLANNED)}
    was_stale, had_version = dag.is_stale, dag.version_id
    dag.file, dag.fileloc, dag.is_stale = file, parsed.fileloc, False
    _describe(dag, document)
    dag.version = _version(dag, document, parsed, outcome)
    is_behind = dag.is_paused and not spec.catchup and dag.next_run_after is not None and dag.next_run_after < now
    if spec.timetable.get("type") == "custom":
        dag.planned_ahead = schedule.checked_ahead(parsed.schedules.get(dag.dag_id))
        ranges.take(dag, parsed.schedules.get(dag.dag_id))
        dag.save(update_fields=["planned_ahead", "range_asked", "range_answer"])
        schedule.plan(dag, now, schedule.last_interval(dag), spec)
    elif dag.version_id != had_version or was_stale or dag.schedule_error or is_behind:
        schedule.plan(dag, now, schedule.last_interval(dag), spec)
    if had_version is None:
        takeovers.use(dag, now, spec, is_new=is_new)
    if dag.version_id != had_version:
        for task_id, reason in pools.never_run(spec).items():
            log.warning("task_never_runs dag=%s task=%s reason=%s", spec.dag_id, task_id, reason)
    tags = _store_tags(dag, spec.tags, is_new)
    after = {name: getattr(dag, name) for name in (*SHOWN, *schedule.PLANNED)}
    if is_new or tags or before != after or dag.version_id != had_version:
        dag.save(update_fields=[*SHOWN[:-2], "file", "is_stale", "version", *schedule.PLANNED])
        outcome.changed.add(dag.dag_id)
    return dag.version_id if dag.version_id != had_version or was_stale else None


def _paused_at_first(document: Document) -> bool:
    given = document.spec.is_paused_upon_creation
    return bool(settings.ORCH.paused_at_creation if given is None else given)


def _describe(dag: Dag, document: Document) -> None:
    """Copy what lists show, so that they need no spec."""
    spec = document.spec
    dag.display_name = (spec.display_name or "")[:500]
    dag.description = spec.description
    dag.owners = list(spec.owners)
    dag.max_active_runs, dag.max_active_tasks = spec.max_active_runs, spec.max_active_tasks
    dag.overlap_policy = spec.overlap_policy
    dag.max_consecutive_failed_dag_runs = spec.max_consecutive_failed_dag_runs
    dag.has_task_concurrency_limits = any(task.is_limited for task in spec.tasks.values())
    dag.pools = sorted({task.pool for task in spec.tasks.values()})
    dag.asset_expression = asset_sync.expression_of(spec)
    dag.team_roles = access_control.as_roles(spec.access_control)
    try:
        timetable = timetables.from_json(dict(spec.timetable))
    except Exception as error:  # it cannot be used: schedule.plan says so on the DAG
        dag.timetable_summary, dag.timetable_description = None, str(error)[:1000]
        dag.timetable_periodic = dag.is_backfillable = dag.is_partitioned = False
        return
    dag.timetable_summary = timetable.summary[:500]
    dag.timetable_description = timetable.description[:1000]
    dag.timetable_periodic, dag.is_backfillable = timetable.periodic, timetable.periodic
    dag.is_partitioned = getattr(timetable, "is_partitioned", False)


def _version(dag: Dag, document: Document, parsed: Parsed, outcome: Outcome) -> DagVersion:
    """The version with this content: the current one, an earlier one that comes back, or a new one."""
    assert parsed.tree is not None
    digest = hashlib.sha256(f"{parsed.tree.digest}\n{document.identity}".encode()).hexdigest()
    if dag.version is not None and dag.version.digest == digest:
        return dag.version
    found = DagVersion.objects.filter(dag=dag, digest=digest).defer("spec").first()
    if found is not None:
        return found
    number = DagVersion.objects.filter(dag=dag).aggregate(last=Max("version_number"))["last"] or 0
    outcome.new_versions += 1
    return DagVersion.objects.create(
        dag=dag,
        version_number=number + 1,
        digest=digest,
        spec=document.data,
        tree_id=parsed.tree.digest,
        relative_path=parsed.path,
        bundle_name=parsed.bundle,
        bundle_version=parsed.bundle_version,
    )


def _store_tags(dag: Dag, tags: Iterable[str], is_new: bool) -> bool:
    wanted = set(tags)
    there = set() if is_new else set(DagTag.objects.filter(dag=dag).values_list("name", flat=True))
    if there - wanted:
        DagTag.objects.filter(dag=dag, name__in=there - wanted).delete()
    DagTag.objects.bulk_create([DagTag(dag=dag, name=name) for name in sorted(wanted - there)])
    return there != wanted


def _retire(dags: Iterable[Dag], outcome: Outcome) -> None:
    """No file defines them: no new runs; what runs goes on with its version."""
    gone = []
    for dag in dags:
        dag.is_stale = True
        schedule.unplan(dag)
        dag.save(update_fields=["is_stale", *schedule.PLANNED])
        outcome.changed.add(dag.dag_id)
        outcome.freed.add(dag.dag_id)
        gone.append(dag.dag_id)
    asset_sync.retire(gone)


def _store_error(
    file: DagFile, errors: Sequence[dict[str, Any]], now: datetime, outcome: Outcome, fileloc: str = ""
) -> None:
    """Keep one error a file: the first in words, the trace of each."""
    before = DagImportError.objects.filter(file=file).first()
    outcome.has_error = bool(errors)
    if errors:
        _tell_listeners(fileloc, before is not None, errors, now)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        after = DagImportError(
            pk=before.pk if before else None,
            file=file,
            message=_storable(errors[0]["message"])[:2000] + more,
            line=errors[0]["line"],
            stack_trace="\n".join(_storable(each["stack_trace"]) for each in errors)[:LONGEST_TEXT],
            timestamp=now,
        )
        if before is not None and (before.message, before.line) == (after.message, after.line):
            return
        after.save()
    elif before is not None:
        before.delete()
    else:
        return
    outcome.changed |= set(Dag.objects.filter(file=file).values_list("pk", flat=True)) or {""}


def _tell_listeners(path: str, known: bool, errors: Sequence[dict[str, Any]], now: datetime) -> None:
    hook = IMPORT_HOOKS[known]
    if plugin_calls.heard(hook):
        trace = "\n".join(_storable(each["stack_trace"]) for each in errors)[:LONGEST_TEXT]
        plugin_calls.tell(hook, [{"filename": path, "stacktrace": trace}], now)


def _storable(text: str) -> str:
    """A text as any database takes it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
