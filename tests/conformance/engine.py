"""The real engine without its daemons: files are parsed and stored, runs made, task instances claimed and run in
child processes and ended, all in rows; only who is next is chosen here, as the recorded order says."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

from django.utils import timezone

from dags_app import sync
from dags_app.folder import Look, Names
from dags_app.models import Dag
from dags_app.parsing import parse
from dags_app.versions import load_spec
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RunState, RunType, TaskState
from orchestrator.runtime.client import ForkServer
from orchestrator.sdk.xcom_json import decode
from runs_app import advance, create, finish
from runs_app.claim import claim
from runs_app.models import DagRun, TaskInstance, XCom
from runs_app.view import run_row
from runs_app.worker import Running, Slot

from .dagfile import text_of
from .looks import Looks

Json = Any
CHOSEN = "chosen"
"""The queue that our one slot claims from: what is to run next is put there."""
MOST_TRIES = 3000
WAVES = {"wave": 1, "wave backwards": -1}
"""Whether a wave runs in the order of the file or the other way round, which changes no recorded answer."""


class Refused(Exception):
    """The DAG file was refused; the text begins with the name of the exception class."""


def refusal(error: Refused) -> Json:
    """The answer of a case whose DAG never was."""
    return {"import_error": str(error).partition(":")[0]}


@dataclass
class Engine:
    """One slot, one fork server; both are made when the first case needs them."""

    _slot: Slot | None = None
    _environment: dict[str, str] = field(default_factory=dict)
    looks: Looks = field(default_factory=Looks)

    @property
    def slot(self) -> Slot:
        if self._slot is None:
            self._slot = Slot([CHOSEN])
        return self._slot

    @property
    def server(self) -> ForkServer:
        return self.slot.server.own

    @contextmanager
    def environment(self, values: dict[str, str]) -> Iterator[None]:
        """With these variables in the environment of user code: the zygote is started anew where they differ."""
        if values != self._environment:
            self.close()
            self._environment = dict(values)
        with mock.patch.dict(os.environ, values):
            yield

    def close(self) -> None:
        if self._slot is not None:
            self._slot.server.close()
            self._slot = None

    # ---- from a case to a DAG

    def store(self, spec: Json) -> Dag:
        """Write the case's DAG file, parse it in a process of its own and store what it defines.

        Raises:
            Refused: it cannot be imported, or its DAG cannot be stored.
        """
        with tempfile.TemporaryDirectory(prefix="case-") as folder:
            file = f"{spec['dag_id']}.py"
            for name, text in {**spec.get("extra_files", {}), file: text_of(spec)}.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            there = {str(path.relative_to(folder)): (0, 0, 0, 0) for path in Path(folder).rglob("*") if path.is_file()}
            look = Look(prints=there, candidates={file})
            parsed = parse(self.server, folder, file, look, Names(look, {file})).parsed
        DagRun.objects.filter(dag_id=spec["dag_id"]).delete()  # of another case with this id
        Dag.objects.filter(pk=spec["dag_id"]).delete()
        if parsed.errors:
            raise Refused(parsed.errors[0]["message"])
        sync.store(parsed, now=timezone.now(), present={file})
        Dag.objects.filter(pk=spec["dag_id"]).update(is_paused=False)
        return Dag.objects.get(pk=spec["dag_id"])

    # ---- runs

    def start(self, dag: Dag, given: Json) -> DagRun:
        """Make a run as a case describes it, and start it."""
        times = {name: moment(given.get(name)) for name in ("logical_date", "run_after")}
        interval = given.get("data_interval") or ([given["logical_date"]] * 2 if given.get("logical_date") else None)
        after = times["run_after"] or times["logical_date"] or timezone.now()
        run = create.create_run(
            dag=dag,
            version_pk=dag.version_id,
            run_type=RunType(given.get("run_type", "manual")),
            run_after=after,
            logical_date=times["logical_date"],
            interval=(moment(interval[0]), moment(interval[1])) if interval else None,
            triggered_by="test",
            now=timezone.now(),
            run_id=given.get("run_id"),
            conf=given.get("conf"),
        )
        self.looks.left.clear()
        with self.looks.counted():
            advance.start_queued(dag.pk, timezone.now())
        return run

    def drive(self, run: DagRun, order: str, tries: int | None = None) -> None:
        """Run what is scheduled, one after the other in this order, until nothing is (or so many tries are over)."""
        with self.looks.counted():
            self._drive(run, order, tries)

    def _drive(self, run: DagRun, order: str, tries: int | None) -> None:
        for _ in range(MOST_TRIES if tries is None else tries):
            ready = scheduled(run)
            if not ready and not self._wake(run):
                return
            ready = ready or scheduled(run)
            if not ready:
                return
            if order in WAVES:
                self._wave(run, self.looks.next_wave(ready)[:: WAVES[order]])
            else:
                self.attempt(ready[0 if order == "first" else -1])
        if tries is None:
            raise AssertionError(f"run {run.run_id!r} does not end")

    def _wake(self, run: DagRun) -> bool:
        """Let the time of what waits for its next try, or its next poke, come."""
        waiting = TaskInstance.objects.filter(run=run, not_before__isnull=False, run__state=RunState.RUNNING)
        times = sorted(waiting.values_list("not_before", flat=True))
        if not times:
            return False
        advance.advance(run.pk, max(times[0], timezone.now()), wait=True)
        return True

    def _wave(self, run: DagRun, ready: list[TaskInstance]) -> None:
        """Run all that is scheduled before anybody looks at the run again; only a failure under fail_fast is at once."""
        fails_fast = spec_of(run).fail_fast
        for row in _within_limits(run, ready):
            if not TaskInstance.objects.filter(pk=row.pk, state=TaskState.SCHEDULED).exists():
                continue
            with _taken():
                self.attempt(row)
            if fails_fast:
                advance.advance_marked(run.pk, timezone.now())
        advance.advance_marked(run.pk, timezone.now())

    def attempt(self, chosen: TaskInstance) -> None:
        """Claim one task instance, run it in a child process, and write its end."""
        queue = chosen.queue
        TaskInstance.objects.filter(pk=chosen.pk).update(queue=CHOSEN)
        now = max(timezone.now(), chosen.scheduled_at or timezone.now())
        row = claim(self.slot.claimer, now)
        TaskInstance.objects.filter(pk=chosen.pk).update(queue=queue)
        if row is None:
            raise AssertionError(f"{chosen.task_id}[{chosen.map_index}] is scheduled and cannot be claimed")
        running = Running(self.slot, {**row, "queue": queue})
        outcome = running.run()
        found = finish.finish(row, outcome, timezone.now())
        running.close(accepted=found.accepted)


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def spec_of(run: DagRun) -> DagSpec:
    return load_spec(run.version_id)


def _place(run: DagRun) -> dict[str, int]:
    """Where each task stands in the file."""
    return {task_id: place for place, task_id in enumerate(spec_of(run).tasks)}


def _in_order(run: DagRun, rows: Iterable[TaskInstance]) -> list[TaskInstance]:
    place = _place(run)
    return sorted(rows, key=lambda row: (place.get(row.task_id, len(place)), row.map_index))


def scheduled(run: DagRun) -> list[TaskInstance]:
    return _in_order(run, TaskInstance.objects.filter(run=run, state=TaskState.SCHEDULED))


def _within_limits(run: DagRun, ready: list[TaskInstance]) -> Iterator[TaskInstance]:
    taken: dict[str, int] = {}
    for row in ready:
        taken[row.task_id] = taken.get(row.task_id, 0) + 1
        limit = spec_of(run).tasks[row.task_id].max_active_tis_per_dagrun
        if limit is None or taken[row.task_id] <= limit:
            yield row


@contextmanager
def _taken() -> Iterator[None]:
    """While somebody else advances the run: who ends a task finds its lock taken and leaves a mark."""

    def row(run_pk: int, *, lock: bool, wait: bool = False) -> Any:
        return None if lock and not wait else run_row(run_pk, lock=lock, wait=wait)

    with (
        mock.patch.object(finish, "run_row", row),
        mock.patch.object(finish.advance, "advance_marked", lambda *_: {}),
    ):
        yield


@contextmanager
def nobody_looks() -> Iterator[None]:
    """What a request writes by itself: the engine goes on at once, Airflow's scheduler at its next look."""
    with (
        mock.patch.object(advance, "settle_whole", lambda *_: advance.Advanced()),
        mock.patch.object(advance, "start_queued", lambda *_: Counter()),
    ):
        yield


# ---- the answer about a run


def plain(value: Any) -> Any:
    """What a stored XCom holds, with lists for tuples."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def answer_about(run: DagRun) -> Json:
    xcoms: dict[int, dict[str, Any]] = {}
    for pk, key, value in XCom.objects.filter(run=run).values_list("task_instance_id", "key", "value"):
        xcoms.setdefault(pk, {})[key] = plain(decode(value))
    found = []
    for row in _in_order(run, TaskInstance.objects.filter(run=run)):
        each = {
            "task_id": row.task_id,
            "map_index": row.map_index,
            "state": None if row.state == TaskState.NONE else str(row.state),
            "try_number": row.try_number,
        }
        if row.rendered_map_index is not None or row.map_index >= 0:
            each["rendered_map_index"] = row.rendered_map_index or str(row.map_index)
        if row.pk in xcoms:
            each["xcom"] = xcoms[row.pk]
        found.append(each)
    return {"run_state": str(DagRun.objects.get(pk=run.pk).state), "task_instances": found}


ENGINE = Engine()
