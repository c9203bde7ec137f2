"""The engine's real steps under a clock, a broker and deaths that one seed decides.

Time stands still until it is moved. Invitations get lost, come twice and late. Whatever does a step may die before,
within and after its transactions, be frozen past its lease and come back with its result.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.db import OperationalError, connection

from dags_app.models import Dag, Pool
from orchestrator import wake
from orchestrator.core.states import RUN_FINISHED, RunType
from runs_app import actions, advance, control, create, deferrals, processes, sweep, tick
from runs_app.claim import Claimer, claim
from runs_app.finish import Outcome, finish
from runs_app.models import DagRun, Process, TaskInstance
from tests.support import factories

from .dags import Plan, random_spec

START = datetime(2026, 3, 1, tzinfo=UTC)
QUEUES = (["default"], ["other"], ["default", "other"])
TROUBLED_STEPS = 300
CALM_STEPS = 1500
"""After the trouble nothing dies any more, so nothing that was forgotten is found by another death: it must be found."""
TERMINAL = frozenset({"success", "failed", "skipped"})


class Died(BaseException):
    """The process that did the step is no more."""


@dataclass
class Slot:
    claimer: Claimer
    row: dict[str, Any] | None = None
    ends_at: datetime = START
    frozen_until: datetime | None = None
    beat_at: datetime = START


@dataclass
class Accepted:
    """Results that counted, by task instance, generation and try."""

    ends: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    late: int = 0


class World:
    """One simulation; :meth:`run` goes on until every run has ended."""

    def __init__(self, seed: int, *, trouble: float = 1.0) -> None:
        self.seed, self.rng, self.trouble = seed, Random(seed), trouble
        self.now = START
        self.invitations: list[str] = []
        self.slots: list[Slot] = []
        self.triggerer: int | None = None
        self.held: dict[int, deferrals.Deferral] = {}
        self.plans: dict[str, Plan] = {}
        self.accepted = Accepted()
        self.swept_at = self.looked_at = START
        self.beat_dead_until = START
        self.faults: Counter[str] = Counter()
        self.cleared = 0
        self.fuse: int | None = None  # statements until the process that runs them dies
        self.deaf = False  # the next commit goes through, its answer does not arrive

    # ---- the outside

    @contextmanager
    def outside(self) -> Iterator[World]:
        """Put the clock, the broker and the ways to die in place of the real ones."""
        clock = SimpleNamespace(sleep=lambda seconds: None, monotonic=lambda: (self.now - START).total_seconds())
        commit = connection.commit

        def commit_and_maybe_lose_the_answer() -> None:
            commit()
            if self.deaf:
                self.deaf = False
                self.faults["answer lost"] += 1
                raise OperationalError("the connection broke after the commit")

        def invited(name: str, queue: str, count: int, args: list[str]) -> None:
            self.invitations += [name if name == "control" else queue] * count

        with ExitStack() as stack:
            for target, attribute, value in (
                ("django.utils.timezone", "now", lambda: self.now),
                *((f"runs_app.{module}", "time", clock) for module in ("locking", "limits", "claim", "tick")),
                ("runs_app.sweep", "_passes", itertools.count(1)),
                ("runs_app.sweep", "_saw_errors", False),
                ("runs_app.limits", "_live", (-1e9, 1)),
                ("runs_app.notify", "publish", lambda group, message: None),
                ("runs_app.limits", "TTL_SECONDS", 0.0),
                ("runs_app.limits", "SETTLED_SECONDS", 0.0),
            ):
                stack.enter_context(mock.patch(f"{target}.{attribute}", value))
            stack.enter_context(mock.patch.object(wake, "_send", invited))
            stack.enter_context(mock.patch.object(wake, "due", lambda at: None))
            stack.enter_context(mock.patch.object(wake, "deferred", lambda: None))
            stack.enter_context(mock.patch.object(connection, "force_debug_cursor", True))
            stack.enter_context(mock.patch.object(connection, "commit", commit_and_maybe_lose_the_answer))
            stack.enter_context(connection.execute_wrapper(self._statement))
            yield self

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Died
        return execute(sql, params, many, context)

    @contextmanager
    def _in_danger(self, what: str, statements: int, *, weight: float = 1.0) -> Iterator[None]:
        """Run a step that may die in the middle, or not hear of its commit. Raises Died."""
        draw = self.rng.random() / (self.trouble * weight or 1e-9)
        if draw < 0.03:
            self.fuse = self.rng.randrange(statements)
        elif draw < 0.05:
            self.deaf = True
        try:
            yield
            if 0.05 <= draw < 0.06:
                self.faults[f"{what} died after its commit"] += 1
                raise Died
        except Died:
            self.faults[f"{what} died"] += 1
            connection.close()
            raise
        finally:
            self.fuse, self.deaf = None, False

    # ---- setting out

    def set_out(self) -> None:
        Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
        Pool.objects.get_or_create(name="narrow", defaults={"slots": 1})
        for number in range(self.rng.randint(1, 2)):
            spec = random_spec(self.rng, f"sim_{self.seed}_{number}")
            limited = {"max_active_runs": spec.max_active_runs, "max_active_tasks": spec.max_active_tasks}
            dag = factories.make_dag(spec=spec, **limited)
            self.plans[spec.dag_id] = Plan(self.seed, spec)
            for each in range(self.rng.randint(1, 2)):
                self._make_run(dag, each)
        for queues in QUEUES[: self.rng.randint(2, 3)]:
            self._new_slot(queues)

    def _make_run(self, dag: Dag, number: int) -> None:
        date = START + timedelta(days=number)
        create.create_run(
            dag=dag,
            version_pk=dag.version_id,
            run_type=RunType.SCHEDULED,
            run_after=self.now,
            logical_date=date,
            interval=(date, date),
            triggered_by="test",
            now=self.now,
        )

    def _new_slot(self, queues: list[str]) -> Slot:
        row = Process.objects.create(
            kind="slot", hostname="elsewhere", pid=7, queues=queues, started_at=self.now, beat_at=self.now
        )
        made = Slot(Claimer(row.pk, "elsewhere", 7, queues), beat_at=self.now)
        self.slots.append(made)
        return made

    # ---- the loop

    def run(self) -> None:
        for step in range(TROUBLED_STEPS + CALM_STEPS):
            if step == TROUBLED_STEPS:
                self.trouble = 0.0
            if not DagRun.objects.exclude(state__in=RUN_FINISHED).exists() and not self._user_clears():
                return
            self._step()
        raise AssertionError(f"seed {self.seed}: not every run has ended, long after the last fault\n{self.report()}")

    def _step(self) -> None:
        ready = [slot for slot in self.slots if slot.row and slot.ends_at <= self.now and not slot.frozen_until]
        draw = self.rng.random()
        if self.rng.random() < 0.02 * self.trouble:
            self._trouble()
        elif self.invitations and draw < 0.5:
            self._deliver()
        elif ready and draw < 0.9:
            self._end(self.rng.choice(ready))
        elif draw < 0.95 and not self.invitations and not ready:
            self._let_time_go(self.rng.choice((1.0, 2.0, 4.0)))
        else:
            self._let_time_go(self.rng.choice((0.01, 0.1, 0.5)))

    def _deliver(self) -> None:
        name = self.invitations.pop(self.rng.randrange(len(self.invitations)))
        draw = self.rng.random()
        if draw < 0.1 * self.trouble:
            self.faults["invitation lost"] += 1
            return
        if draw < 0.2 * self.trouble:
            self.invitations.append(name)
        if name == "control":
            self._control()
            return
        idle = [each for each in self.slots if name in each.claimer.queues and not each.row and not each.frozen_until]
        if idle:
            self._claim(self.rng.choice(idle))

    def _let_time_go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self.now - self.swept_at >= timedelta(seconds=1) and self.now >= self.beat_dead_until:
            self.swept_at = self.now
            self._control()
        if self.now - self.looked_at >= timedelta(seconds=0.5):
            self.looked_at = self.now
            self._trigger()
        for slot in list(self.slots):
            if slot.frozen_until is not None and slot.frozen_until <= self.now:
                slot.frozen_until = None
                slot.beat_at = self.now  # its beat comes late: it may tell its result before it hears that it was dead
            if slot.frozen_until is None and self.now - slot.beat_at >= timedelta(seconds=2):
                self._beat(slot)

    # ---- processes

    def _control(self) -> None:
        try:
            with self._in_danger("control", 40):
                control.step(self.now)
        except Died:
            self.beat_dead_until = self.now + timedelta(seconds=self.rng.choice((0.5, 5.0)))

    def _beat(self, slot: Slot) -> None:
        """As the lease's thread does it; a slot that was found dead lets go of what it ran."""
        slot.beat_at = self.now
        if not processes.beat(slot.claimer.process_pk):
            self.slots.remove(slot)
            self._new_slot(list(slot.claimer.queues))
            return
        control.step_if_stale(self.now)
        waits = TaskInstance.objects.filter(state="scheduled", queue__in=slot.claimer.queues)
        if slot.row is None and waits.filter(scheduled_at__lt=self.now - timedelta(seconds=3)).exists():
            self._claim(slot)

    def _dies(self, slot: Slot) -> None:
        """Another takes its place at once; what it held is known to be lost when its lease is over."""
        self.slots.remove(slot)
        self._new_slot(list(slot.claimer.queues))

    def _claim(self, slot: Slot) -> None:
        slot.claimer.capacity.read_at = -1e9
        try:
            with self._in_danger("claim", 12):
                self._take(slot, claim(slot.claimer, self.now))
        except Died:
            self._dies(slot)

    def _take(self, slot: Slot, row: dict[str, Any] | None) -> None:
        slot.row = row
        slot.ends_at = self.now + timedelta(seconds=self.rng.choice((0.01, 0.2, 1.0, 4.0)))

    def _end(self, slot: Slot) -> None:
        assert slot.row is not None
        row, slot.row = slot.row, None
        outcome = self._outcome(row)
        slot.claimer.capacity.read_at = -1e9
        try:
            with self._in_danger("finish", 25, weight=4.0):
                found = finish(row, outcome, self.now, slot.claimer)
                self._count(row, outcome, found.accepted)
                advance.tell(found.ready)
                self._take(slot, found.next_row)
        except Died:
            self._dies(slot)

    def _count(self, row: dict[str, Any], outcome: Outcome, accepted: bool) -> None:
        if not accepted:
            self.accepted.late += 1
        elif outcome.kind in TERMINAL:
            self.accepted.ends[row["id"], row["generation"], row["try_number"]] += 1

    def _outcome(self, row: dict[str, Any]) -> Outcome:
        plan, task_id, index = self.plans[row["dag_id"]], row["task_id"], row["map_index"]
        if plan.defers(task_id) and row["next_method"] is None:
            trigger = {"classpath": "simulated", "kwargs": {}, "method": "go_on", "timeout_seconds": None}
            return Outcome("deferred", trigger=trigger)
        if row["reschedule_count"] < plan.pokes(task_id):
            return Outcome("rescheduled", reschedule_at=self.now + timedelta(seconds=2))
        kind = plan.end(task_id, index, row["try_number"] - self._tries_before(row))
        outcome = Outcome(kind, reason=f"as planned: {kind}")
        if kind == "success":
            length = plan.length(task_id, index)
            outcome.xcoms["return_value"] = (list(range(length)), length)
            if plan.spec.tasks[task_id].skips:
                outcome.skip_note = {"followed": plan.followed(task_id)}
        return outcome

    def _tries_before(self, row: dict[str, Any]) -> int:
        """Tries of generations before a clear: the plan speaks of those since."""
        return row["max_tries"] - self.plans[row["dag_id"]].spec.tasks[row["task_id"]].retries

    def _trigger(self) -> None:
        """One triggerer: takes triggers, holds them a while, sends events, and may die with them."""
        try:
            with self._in_danger("triggerer", 10):
                if self.triggerer is None or not processes.beat(self.triggerer):
                    self.held.clear()
                    self.triggerer = processes.register("triggerer")
                    Process.objects.filter(pk=self.triggerer).update(hostname="elsewhere")
                known = {each.key for each in self.held.values()}
                deferrals.give_back(self.triggerer, deferrals.held(self.triggerer) - known)
                for each in deferrals.take(self.triggerer, 5):
                    self.held[each.trigger_pk] = each
                fired = [each for each in self.held.values() if self.rng.random() < 0.5]
                for each in fired:
                    del self.held[each.trigger_pk]
                deferrals.resume([(each, {"payload": None}) for each in fired], self.now)
        except Died:
            self.triggerer = None
            self.held.clear()

    # ---- what happens to them

    def _trouble(self) -> None:
        what = self.rng.choice(("kill", "freeze", "freeze", "flush", "beat", "twice", "pause"))
        self.faults[what] += 1
        slot = self.rng.choice(self.slots)
        if what == "kill":
            self._dies(slot)
        elif what == "freeze":
            slot.frozen_until = self.now + timedelta(seconds=self.rng.choice((3.0, 20.0, 40.0)))
        elif what == "flush":
            self.invitations.clear()
        elif what == "beat":
            self.beat_dead_until = self.now + timedelta(seconds=self.rng.choice((2.0, 15.0)))
        elif what == "twice":
            self._control()
            tick.tick(self.now)
            sweep.sweep(self.now)
        else:
            dag_id = self.rng.choice(sorted(self.plans))
            actions.pause(dag_id, True, user=None)
            self._let_time_go(1.0)
            actions.pause(dag_id, False, user=None)

    def _user_clears(self) -> bool:
        """When all is over somebody may clear what failed, once or twice."""
        if self.seed % 4 or self.cleared >= 2:
            return False
        self.cleared += 1
        runs = list(DagRun.objects.filter(dag_id__in=self.plans).order_by("pk"))
        return bool(actions.clear(self.rng.choice(runs).pk, only_failed=True))

    def report(self) -> str:
        lines = [f"time {self.now - START}, faults {dict(self.faults)}, late results {self.accepted.late}"]
        for run in DagRun.objects.filter(dag_id__in=self.plans).order_by("pk"):
            lines.append(f"{run} {run.state}")
            for each in TaskInstance.objects.filter(run=run).order_by("pk"):
                times = f"tries {each.try_number} losses {each.losses} not before {each.not_before}"
                lines.append(f"    {each.task_id}[{each.map_index}] {each.state} {times} mark {each.changed}")
        return "\n".join(lines)
