"""Anything people, slots, time and accidents may do, in any order: the rules hold after each step.

A plain model runs beside the database: what it knows for sure is compared, everything else is judged by the
invariants. At the end the accidents stop, and every run must come to its end.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from dags_app.models import Dag, Pool
from orchestrator import wake
from orchestrator.core.states import FINISHED
from runs_app import actions, answering, control, hitl, invariants, sweep
from runs_app.claim import Claimer
from runs_app.exceptions import CannotUndo, OrchestratorError
from runs_app.finish import Outcome
from runs_app.locking import db_now
from runs_app.models import Attempt, Callback, ControlState, DagRun, HITLDetail, Process, TaskInstance
from runs_app.undo.keeping import keeping, offered
from runs_app.undo.taking_back import take_back
from tests.runs_app.engine import end, python_dag, seconds, slot, take

LONG = os.environ.get("LONG_TESTS") == "1"
EXAMPLES, STEPS = (int(os.environ.get("LONG_EXAMPLES", 500)), 60) if LONG else (12, 50)

numbers = itertools.count()

SHAPES: dict[str, dict[str, Any]] = {
    "diamond": {"arrows": {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}, "max_active_runs": 2},
    "retries": {
        "arrows": {"a": (), "b": ("a",), "c": ("b",)},
        "tasks": {"retries": 1, "retry_delay": seconds(30)},
        "dagrun_timeout": seconds(900),
    },
    "rules": {
        "arrows": {"a": (), "b": (), "c": ("a", "b"), "d": ("c",)},
        "tasks": {
            "c": {"trigger_rule": "one_failed"},
            "d": {"trigger_rule": "all_done"},
            "a": {"pool": "narrow"},
            "b": {"pool": "narrow"},
        },
    },
    "past": {"arrows": {"a": (), "b": ("a",)}, "tasks": {"depends_on_past": True}, "max_active_tasks": 1},
    "clock": {"arrows": {"a": ()}, "schedule": seconds(120), "catchup": True, "max_active_runs": 2},
}

OUTCOMES = (
    "success",
    "failed",
    "failed for good",
    "skipped",
    "rescheduled",
    "deferred",
    "awaiting_input",
    "lost",
    "interrupted",
)


class Engine(RuleBasedStateMachine):
    """Slots, people, the clock, and accidents."""

    def __init__(self) -> None:
        super().__init__()
        self.now = timezone.now()
        self.slots: list[Claimer] = []
        self.held: list[tuple[Claimer, dict[str, Any]]] = []  # attempts that a living slot holds
        self.stale: list[dict[str, Any]] = []  # attempts that were ended, or taken away: nothing of theirs may count
        self.accepted: set[tuple[int, int]] = set()  # (task instance, generation) whose end was accepted
        self.tokens: dict[int, int] = {}
        self.undos: list[int] = []  # what people did and may want back

    @initialize(shapes=st.sets(st.sampled_from(sorted(SHAPES)), min_size=1, max_size=3))
    def start(self, shapes: set[str]) -> None:
        Pool.objects.create(name="narrow", slots=1)
        ControlState.objects.create(pk=1, swept_at=db_now(), expire_from=db_now() - timedelta(hours=1))
        for name in sorted(shapes):
            shape = dict(SHAPES[name])
            if "schedule" in shape:
                shape["start_date"] = self.now
            dag = python_dag(f"{name}_{next(numbers)}", shape.pop("arrows"), **shape)
            if "schedule" in shape:
                actions.pause(dag.pk, True, user=None)
                actions.pause(dag.pk, False, user=None)
        self.slots = [slot() for _ in range(3)]
        self.dags = sorted(Dag.objects.values_list("pk", flat=True))
        for number in range(len(self.dags)):
            self.trigger(number)

    # ---- people

    @rule(number=st.integers(0, 9))
    def trigger(self, number: int) -> None:
        if DagRun.objects.count() < 6:
            date = self.now - timedelta(microseconds=next(numbers))
            with self._kept():
                actions.trigger_dag(self.dags[number % len(self.dags)], logical_date=date)

    @rule(number=st.integers(0, 9), tasks=st.sets(st.sampled_from("abcd"), min_size=1), more=st.booleans())
    def clear(self, number: int, tasks: set[str], more: bool) -> None:
        run = self._run(number)
        if run is None:
            return
        with self._kept():
            cleared = actions.clear(run.pk, task_ids=sorted(tasks), downstream=more)
        for row in cleared:
            self._taken(row.pk)

    @rule(number=st.integers(0, 30), state=st.sampled_from(["success", "failed", "skipped"]))
    def mark(self, number: int, state: str) -> None:
        rows = list(TaskInstance.objects.order_by("pk").values_list("pk", flat=True))
        if rows:
            pk = rows[number % len(rows)]
            with self._kept():
                moved = actions.set_task_state([pk], state)
            if moved:
                self._taken(pk)
            self._take_what_was_cleared()

    @rule(number=st.integers(0, 9), state=st.sampled_from(["success", "failed", "queued"]))
    def mark_run(self, number: int, state: str) -> None:
        run = self._run(number)
        if run is not None:
            with self._kept():
                actions.set_run_state(run.pk, state, user=None)
            self._take_what_was_cleared()

    @rule(number=st.integers(0, 9), paused=st.booleans())
    def pause(self, number: int, paused: bool) -> None:
        with self._kept():
            actions.pause(self.dags[number % len(self.dags)], paused, user=None)

    @rule(number=st.integers(0, 3))
    def undo(self, number: int) -> None:
        """The last thing, most of the time; what cannot be taken back as a whole changes nothing."""
        if not self.undos:
            return
        before = list(TaskInstance.objects.order_by("pk").values_list("pk", "state", "token"))
        try:
            take_back(self.undos.pop(max(0, len(self.undos) - 1 - number // 2)), user=None)
        except CannotUndo:
            assert list(TaskInstance.objects.order_by("pk").values_list("pk", "state", "token")) == before

    @contextmanager
    def _kept(self) -> Iterator[None]:
        with keeping(None):
            yield
            if (undo := offered("done")) is not None:
                self.undos.append(undo.pk)

    @rule(number=st.integers(0, 9))
    def delete_run(self, number: int) -> None:
        run = self._run(number)
        if run is None:
            return
        gone = set(run.task_instances.values_list("pk", flat=True))
        try:
            actions.delete_run(run.pk, user=None)
        except OrchestratorError:
            return
        self.held = [each for each in self.held if each[1]["id"] not in gone]
        self.stale = [each for each in self.stale if each["id"] not in gone]

    @rule(number=st.integers(0, 9))
    def answer(self, number: int) -> None:
        asked = list(HITLDetail.objects.order_by("pk"))
        if not asked:
            return
        open_before = set(hitl.open_questions().values_list("pk", flat=True))
        detail = asked[number % len(asked)]
        try:
            answering.answer(detail.pk, options=["yes"])
        except OrchestratorError:
            assert detail.pk not in open_before, "an answer that was waited for was refused"

    # ---- slots

    @rule(number=st.integers(0, 2))
    def claim(self, number: int) -> None:
        claimer = self.slots[number]
        if any(holder is claimer for holder, _ in self.held):
            return
        row = take(claimer, self.now)
        if row is None:
            return
        assert row["token"] > self.tokens.get(row["id"], 0), "a token came again"
        self.tokens[row["id"]] = row["token"]
        assert all(other["id"] != row["id"] for _, other in self.held), "two hold one task instance"
        self.held.append((claimer, row))

    @rule(number=st.integers(0, 2), outcome=st.sampled_from(OUTCOMES), again=st.booleans())
    def finish(self, number: int, outcome: str, again: bool) -> None:
        if not self.held:
            return
        _, row = self.held.pop(number % len(self.held))
        if outcome == "awaiting_input":
            question = {"subject": "?", "options": ["yes", "no"], "defaults": ["no"] if again else None}
            hitl.ask((row["run_id"], row["task_id"], row["map_index"]), row["token"], question, self.now)
        found = end(row, _outcome(outcome, self.now), now=self.now)
        assert found.accepted, "a living slot's result was refused"
        self._ended(row, outcome)
        if again:
            self.late_result(0)

    @rule(number=st.integers(0, 9))
    def late_result(self, number: int) -> None:
        """A result that comes twice, or after its attempt was taken away."""
        if self.stale:
            row = self.stale[number % len(self.stale)]
            before = list(TaskInstance.objects.filter(pk=row["id"]).values_list("state", "token"))
            assert not end(row, "failed", now=self.now).accepted, "a result was accepted that must not count"
            assert list(TaskInstance.objects.filter(pk=row["id"]).values_list("state", "token")) == before

    # ---- time and accidents

    @rule(step=st.sampled_from([1, 30, 130, 1000]))
    def time_passes(self, step: int) -> None:
        self.now += seconds(step)
        self._pass()

    @rule(number=st.integers(0, 2))
    def slot_dies(self, number: int) -> None:
        claimer = self.slots[number]
        Process.objects.filter(pk=claimer.process_pk).update(beat_at=db_now() - timedelta(minutes=5))
        self.slots[number] = slot()
        lost = [row for holder, row in self.held if holder is claimer]
        self.held = [each for each in self.held if each[0] is not claimer]
        self._pass()
        self.stale += lost
        assert not Attempt.objects.filter(process_id=claimer.process_pk, outcome__isnull=True).exists()

    # ---- what must hold

    @invariant()
    def every_rule_holds(self) -> None:
        if self.slots:
            broken = invariants.check(db_now(), liveness=False)
            assert not broken, broken

    @invariant()
    def the_model_agrees(self) -> None:
        running = set(TaskInstance.objects.filter(state="running").values_list("pk", "token"))
        assert running == {(row["id"], row["token"]) for _, row in self.held}

    def teardown(self) -> None:
        """Peace: every run comes to its end."""
        if not self.slots:
            return
        for dag_id in self.dags:
            actions.pause(dag_id, False, user=None)
        Dag.objects.update(next_run_after=None)
        # Runs that look back wait for good for what somebody marked failed in an earlier one.
        for pk in TaskInstance.objects.filter(dag_id__startswith="past", state="failed").values_list("pk", flat=True):
            actions.set_task_state([pk], "success")
        self._take_what_was_cleared()
        for _ in range(60):
            self.now += seconds(60)
            for _, row in self.held:
                end(row, "success", now=self.now)
            self.held.clear()
            self._pass()
            sweep._advance_blocked(sweep.Swept(), sweep.Turn(db_now(), True), self.now)
            for claimer in self.slots:
                while (row := take(claimer, self.now)) is not None:
                    end(row, "success", now=self.now)
            if not DagRun.objects.filter(state__in=["queued", "running"]).exists():
                break
        left = list(DagRun.objects.filter(state__in=["queued", "running"]).values_list("run_id", "state"))
        waiting = list(TaskInstance.objects.exclude(state__in=FINISHED).values_list("dag_id", "task_id", "state"))
        assert not left, (left, waiting)
        assert not invariants.check(db_now(), liveness=False)
        assert Callback.objects.count() == 0

    # ---- helpers

    def _run(self, number: int) -> DagRun | None:
        runs = list(DagRun.objects.order_by("pk"))
        return runs[number % len(runs)] if runs else None

    def _pass(self) -> None:
        """A control pass that is not held back by the one before."""
        ControlState.objects.update(swept_at=db_now() - timedelta(seconds=1))
        counts = control.step(self.now)
        assert counts.failed == []
        assert counts.swept is not None
        self._take_what_was_cleared()

    def _ended(self, row: dict[str, Any], outcome: str) -> None:
        self.stale.append(row)
        if outcome in {"success", "failed for good", "skipped"}:
            key = (row["id"], row["generation"])
            assert key not in self.accepted, "two results of one generation were accepted"
            self.accepted.add(key)

    def _taken(self, pk: int) -> None:
        self.stale += [row for _, row in self.held if row["id"] == pk]
        self.held = [each for each in self.held if each[1]["id"] != pk]

    def _take_what_was_cleared(self) -> None:
        """Marks and timeouts end other task instances, too: the slots that hold them learn it by their token."""
        holding = set(TaskInstance.objects.filter(state="running").values_list("pk", "token"))
        for _, row in list(self.held):
            if (row["id"], row["token"]) not in holding:
                assert Attempt.objects.get(task_instance_id=row["id"], token=row["token"]).outcome == "stopped"
                self._taken(row["id"])


def _outcome(name: str, now: datetime) -> Outcome:
    if name == "rescheduled":
        return Outcome(name, reschedule_at=now + seconds(30))
    if name == "deferred":
        return Outcome(name, trigger={"classpath": "x.Y", "method": "go", "timeout_seconds": 60})
    if name == "awaiting_input":
        return Outcome(name, trigger={"method": "go", "timeout_seconds": 60})
    if name == "failed for good":
        return Outcome("failed", retry=False)
    return Outcome(name)


class TestEngine(TestCase):
    """Each example runs in a transaction that is rolled back."""

    @pytest.fixture(autouse=True)
    def _no_messages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wake, "_send", lambda *args: None)
        monkeypatch.setattr(wake, "due", lambda at: None)

    def test_no_order_of_events_breaks_a_rule_or_leaves_a_run_behind(self) -> None:
        from django.db import transaction

        class OneExample(Engine):
            def __init__(inner) -> None:
                inner.block = transaction.atomic()
                inner.block.__enter__()
                super().__init__()

            def teardown(inner) -> None:
                try:
                    super().teardown()
                finally:
                    transaction.set_rollback(True)
                    inner.block.__exit__(None, None, None)

        run_state_machine_as_test(
            OneExample,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not LONG,
                phases=tuple(Phase) if LONG else (Phase.generate,),  # making a failure small takes minutes
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
