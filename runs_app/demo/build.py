"""Makes the reference data: files first, parsed era by era, then the history of every DAG."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from django.conf import settings
from django.db import transaction

from dags_app import schedule
from dags_app.models import Dag, DagVersion
from dags_app.processor import Processor
from dags_app.versions import load_spec
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState, RunType
from orchestrator.core.timetables import DataInterval
from runs_app.exceptions import OrchestratorError
from runs_app.models import Attempt, DagRun, TaskInstance

from . import around, families, heroes
from .dates import DAY, dates_of
from .history import Told, Writer, batches
from .rows import settle, without_hurry
from .sizes import GRID, LAKE, LOG, MAPPED, Sizes
from .story import Mood, tell

Say = Callable[[str], None]
REVIEW, ORDERS, PRICES, REPORT, ALERTS = (
    *("contract_review", "orders_ingest", "prices_ingest", "order_report", "order_alerts"),
)
CLUSTER, BACKFILLED = "cluster_jobs", "finance_revenue_ar"
ASKERS = frozenset(around.ASKERS)


class NotEmpty(OrchestratorError):
    """There are DAGs here that the reference data would stand among."""


def check(sizes: Sizes, *, anyway: bool) -> None:
    """Raises:
    NotEmpty: the database or the DAG folder holds other DAGs, or has the reference data already.
    """
    paths = set(_files(sizes, heroes.ERAS))
    if DagRun.objects.filter(dag__in=(GRID, LAKE)).exists():
        raise NotEmpty("The reference data is here already: take another ORCHESTRATOR_HOME, or a fresh database")
    others = Dag.objects.exclude(file__relative_path__in=paths).order_by("pk").values_list("pk", flat=True)
    if others[:1] and not anyway:
        raise NotEmpty(f"This database holds other DAGs ({others[0]!r}, ...): take a fresh one, or say --anyway")
    folder = settings.ORCH.dags_folder
    found = {str(each.relative_to(folder)) for each in folder.rglob("*.py")} if folder.is_dir() else set()
    if found - paths and not anyway:
        raise NotEmpty(f"{folder} holds other DAG files ({min(found - paths)}, ...): set DAGS_FOLDER, or say --anyway")


def build(sizes: Sizes, say: Say) -> dict[str, int]:
    """Write everything; return how much of what there is."""
    around.shared(sizes.until)
    _parse(sizes, say)
    writer = Writer(Random(sizes.seed), sizes.until)
    with transaction.atomic():
        without_hurry()
        _date_versions(sizes)
        for number, dag in enumerate(Dag.objects.filter(is_stale=False).order_by("pk"), 1):
            Historian(sizes, writer, dag).write()
            if number % 100 == 0:
                say(f"{number} DAGs, {writer.counts['task instances']} task instances")
        _assets(sizes, writer)
        _pause_some()
        settle(DagRun, TaskInstance, Attempt)
    _plan(sizes.until)
    say("logs")
    _logs(sizes)
    return {"DAGs": Dag.objects.count(), "versions": DagVersion.objects.count(), **writer.counts}


# ---- files and versions


def _files(sizes: Sizes, era: int) -> dict[str, str]:
    own = heroes.files(sizes, era)
    return {**own, **families.files(max(0, sizes.dags - 10), era)}


def _parse(sizes: Sizes, say: Say) -> None:
    """Write the files as they were in each era, and let the processor see them."""
    folder: Path = settings.ORCH.dags_folder
    folder.mkdir(parents=True, exist_ok=True)
    processor = Processor(str(folder))
    try:
        for era in range(1, heroes.ERAS + 1):
            for path, text in _files(sizes, era).items():
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists() or target.read_text() != text:
                    target.write_text(text)
                    os.utime(target, (sizes.until.timestamp() - 3600,) * 2)  # it has settled: no need to wait
            counts = processor.settle(limit=600)
            say(f"files as of edit {era}: {counts.parsed} parsed, {counts.new_versions} new versions")
    finally:
        processor.close()


def _date_versions(sizes: Sizes) -> None:
    """A version is as old as the first run that has it."""
    for number, days in ((1, sizes.runs + 5), (2, sizes.runs * 2 // 3), (3, sizes.runs // 3)):
        DagVersion.objects.filter(version_number=number).update(created_at=sizes.until - DAY * days)
    Dag.objects.update(created_at=sizes.until - DAY * (sizes.runs + 5))


# ---- history


class Historian:
    """Writes what became of one DAG; how it went depends on the seed and its id only."""

    def __init__(self, sizes: Sizes, writer: Writer, dag: Dag) -> None:
        self.sizes, self.writer, self.dag = sizes, writer, dag
        self.random = Random(f"{sizes.seed} {dag.pk}")
        self.versions = list(dag.versions.order_by("version_number").values_list("pk", flat=True))
        self.flaky = self.random.choice((0, 0, 0.01, 0.03, 0.08))

    def write(self) -> None:
        if self.dag.pk in {REPORT, ALERTS}:
            return  # made by the events of others
        told = self._told()
        backfill = None
        if self.dag.pk == BACKFILLED:
            past = told[: len(told) // 3]
            dates = [run.run_after for run in past]
            backfill = around.backfill_of(self.dag.pk, dates, self.sizes.until, user="ada")
            for run in past:
                run.run_type, run.backfill_pk, run.user = RunType.BACKFILL, backfill.pk, "ada"
                run.logical_date = run.run_after
        around.note(told, self.random)
        for batch in batches(told):
            keys = self.writer.write(batch)
            if self.dag.pk == REVIEW:
                around.questions(batch, keys)
        if backfill is not None:
            around.entries(backfill, told[: len(told) // 3])
        if self.dag.pk == CLUSTER:
            around.deadlines(told, self.sizes.until)

    def _told(self) -> list[Told]:
        if self.dag.pk in {MAPPED, LOG}:
            date = self.sizes.until - DAY
            return [self._run(date, RunType.MANUAL, Mood(wide=self.sizes.mapped, failing=0.02), 0, 1)]
        count = self.sizes.runs if self.dag.pk in {GRID, LAKE} else self.sizes.few_runs
        dates = dates_of(self.dag.timetable_summary, self.sizes.until, count)
        return [self._run(date, self._type(at), self._mood(at, count), at, count) for at, date in enumerate(dates)]

    def _type(self, at: int) -> RunType:
        if self.dag.timetable_summary is None or self.dag.timetable_summary in {"None", "Never"} or at % 41 == 17:
            return RunType.MANUAL
        return RunType.OPERATOR_TRIGGERED if at % 97 == 53 else RunType.SCHEDULED

    def _mood(self, at: int, count: int) -> Mood:
        """Now and then a bad day, slowly slower, and the last run of some DAGs under way."""
        failing = self.flaky if self.dag.pk not in {GRID, LAKE} else 0.002
        if self.random.random() < 0.06:
            failing += 0.15 if self.dag.pk not in {LAKE} else 0.01
        is_last = at == count - 1
        unanswered = ASKERS if is_last else frozenset({"choose_archive"}) if at == count - 2 else frozenset()
        under_way = is_last and self.dag.pk != LAKE and self.random.random() < 0.1
        return Mood(
            failing=failing,
            pace=1 + 0.5 * at / count,
            now=self.sizes.until if under_way or (self.dag.pk == REVIEW and unanswered) else None,
            asking=ASKERS if self.dag.pk == REVIEW else frozenset(),
            unanswered=unanswered if self.dag.pk == REVIEW else frozenset(),
        )

    def _run(self, date: datetime, kind: RunType, mood: Mood, at: int, count: int) -> Told:
        version_pk = self.versions[min(len(self.versions) - 1, at * len(self.versions) // count)]
        if mood.now is not None and not mood.unanswered:
            date = _just_now(date, mood.now)
        started = date + timedelta(milliseconds=120)
        story = tell(self._spec(version_pk), started, self.random, mood)
        logical = date if kind == RunType.SCHEDULED else None
        user = "ada" if kind == RunType.MANUAL else None
        return Told(self.dag.pk, version_pk, kind, date, logical, story, user=user)

    def _spec(self, version_pk: int) -> DagSpec:
        return load_spec(version_pk)


def _just_now(date: datetime, now: datetime) -> datetime:
    """A run that is under way began a few seconds ago."""
    return max(date, now - timedelta(seconds=8))


def _assets(sizes: Sizes, writer: Writer) -> None:
    """Events of what the producers made, and the runs that followed them."""
    random = Random(sizes.seed)
    producers = DagRun.objects.filter(dag__in=(ORDERS, PRICES), state=RunState.SUCCESS).order_by("run_after")
    events = around.asset_events(list(producers))
    for dag_id, step in ((REPORT, 6), (ALERTS, 1)):
        dag = Dag.objects.filter(pk=dag_id).first()
        if dag is None or dag.version_id is None:
            continue
        times = [each.timestamp + timedelta(milliseconds=80) for each in events[step - 1 :: step]]
        told = [
            Told(
                dag_id,
                dag.version_id,
                RunType.ASSET_TRIGGERED,
                at,
                None,
                tell(load_spec(dag.version_id), at, random, Mood()),
            )
            for at in times
        ]
        writer.write(told)
        around.told_of(told, events)


def _pause_some() -> None:
    """Most DAGs are on; of every family some are not."""
    Dag.objects.update(is_paused=False)
    off = [pk for at, pk in enumerate(Dag.objects.order_by("pk").values_list("pk", flat=True)) if at % 9 == 4]
    Dag.objects.filter(pk__in=off).exclude(pk__in=(GRID, LAKE, REVIEW)).update(is_paused=True)


def _plan(now: datetime) -> None:
    """The next run of each DAG, after the last that its schedule made."""
    changed = []
    for dag in Dag.objects.filter(is_stale=False):
        last = dag.runs.filter(run_type=RunType.SCHEDULED).order_by("-logical_date").first()
        interval = DataInterval(last.logical_date, last.logical_date) if last and last.logical_date else None
        schedule.plan(dag, now, interval)
        changed.append(dag)
    Dag.objects.bulk_update(changed, schedule.PLANNED, batch_size=100)


def _logs(sizes: Sizes) -> None:
    for run in _with_logs():
        around.values_of(run.pk)
    long = DagRun.objects.filter(dag=LOG).first()
    if long is not None:
        around.long_log(long, sizes.log_bytes)


def _with_logs() -> Iterator[DagRun]:
    for dag_id in (GRID, BACKFILLED, REVIEW, ORDERS, REPORT, CLUSTER):
        yield from DagRun.objects.filter(dag=dag_id).order_by("-run_after")[:3]
