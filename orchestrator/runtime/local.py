"""Running a whole DAG here and now, without servers or a database: ``dag.test()`` and ``manage.py dags test``.

The same ``decide`` and the same attempts as in the real engine, one task at a time, with states and XComs in
memory. Each task is a fork, so that one which crashes fails alone. Connections and variables come from the
environment, and from whoever answers for the caller.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.core.branches import chain, depth_of, path_of
from orchestrator.core.branches import name as name_of
from orchestrator.core.decide import Decision, Instance, RunView, callback_reason, decide
from orchestrator.core.group_retries import GroupRetry, GroupState, around, instance_of
from orchestrator.core.mapping import measured_of
from orchestrator.core.params import merged
from orchestrator.core.retries import retry_wait
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import FINISHED, RunState, TaskState
from orchestrator.sdk import clock, comms

from .callbacks import STATES
from .local_answers import Memory
from .local_place import Place

Json = dict[str, Any]
DAWN = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[str, int]
Provider = Callable[[str, Json], Any]
"""Answers questions that the run itself cannot: (what, arguments) -> JSON."""


@dataclass(slots=True)
class Row:
    """One task instance in memory; the columns of the real one that matter here."""

    task_id: str
    map_index: int
    max_tries: int
    history: list[TaskState] = field(default_factory=lambda: [TaskState.NONE])
    try_number: int = 0
    skip_note: Json | None = None
    not_before: datetime | None = None
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    next_method: str | None = None
    next_kwargs: Any = None
    trigger: Json | None = None
    reschedule_count: int = 0
    reason: str = ""

    @property
    def state(self) -> TaskState:
        return self.history[-1]

    depth: int = 0  # so many levels of mapping its task stands in

    @property
    def name(self) -> str:
        return name_of(self.task_id, self.map_index, self.depth)


@dataclass(slots=True)
class Result:
    """How a run ended. ``states``, ``tries`` and ``xcoms`` are by (task id, map index); values as the tasks pushed them.

    ``order``: (task id, map index, try number) of each try, in the order in which they began.
    """

    run_id: str
    state: RunState
    reason: str = ""
    states: dict[Key, str] = field(default_factory=dict)
    xcoms: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    reasons: dict[Key, str] = field(default_factory=dict)
    tries: dict[Key, int] = field(default_factory=dict)
    order: list[tuple[str, int, int]] = field(default_factory=list)
    depths: dict[str, int] = field(default_factory=dict)  # task id -> how many levels its map index names
    asset_events: list[tuple[str, int, Json]] = field(default_factory=list)  # (task id, map index, what it noted)

    @property
    def succeeded(self) -> bool:
        return self.state == RunState.SUCCESS


def run_dag(
    dag: Any,
    *,
    conf: Json | None = None,
    logical_date: datetime | None = None,
    run_id: str | None = None,
    provider: Provider | None = None,
    wait_retries: bool = False,
    in_process: bool = False,
    mark_success_pattern: Any = None,
    say: Callable[[str], None] | None = None,
) -> Result:
    """Run ``dag`` to its end and return how it ended.

    ``logical_date``: default now. ``wait_retries``: wait as long between tries as the tasks say, instead of not at
    all. ``in_process``: no forks, for debuggers. ``mark_success_pattern``: a regular expression; tasks whose ids it
    is found in succeed without being run. ``say`` takes the lines of progress and logs (default: print).

    Raises:
        DagError: the DAG cannot be run.
        ParamError: ``conf`` does not fit its params.
    """
    return LocalRun(
        dag,
        conf=conf or {},
        logical_date=logical_date or clock.now(),
        run_id=run_id,
        provider=provider,
        wait_retries=wait_retries,
        in_process=in_process,
        mark_success_pattern=mark_success_pattern,
        say=say or _print,
    ).run()


def _print(line: str) -> None:
    print(line, flush=True)


class LocalRun:
    """One run: its rows, what they pushed, and the loop that moves them."""

    def __init__(
        self,
        dag: Any,
        *,
        conf: Json,
        logical_date: datetime,
        run_id: str | None,
        provider: Provider | None,
        wait_retries: bool,
        in_process: bool,
        mark_success_pattern: Any = None,
        say: Callable[[str], None],
    ) -> None:
        self.dag, self.say, self.wait_retries = dag, say, wait_retries
        self.marked = re.compile(mark_success_pattern) if mark_success_pattern is not None else None
        self.spec: DagSpec = dag.to_spec()
        merged(self.spec.params, conf)
        if logical_date.tzinfo is None:
            logical_date = logical_date.replace(tzinfo=UTC)
        self.logical_date = logical_date
        interval = dag.timetable.infer_manual_interval(logical_date)
        now = clock.now()
        self.run_json: Json = {
            "dag_id": dag.dag_id,
            "run_id": run_id or f"manual__{logical_date.astimezone(UTC).isoformat()}",
            "run_type": "manual",
            "state": "running",
            "conf": conf,
            "note": None,
            "triggering_user_name": None,
            "logical_date": logical_date.isoformat(),
            "data_interval_start": interval.start.isoformat(),
            "data_interval_end": interval.end.isoformat(),
            "run_after": logical_date.isoformat(),
            **({"key_date": interval.start.isoformat()} if self.spec.manual_run_dates == "scheduled" else {}),
            "start_date": now.isoformat(),
            "end_date": None,
            "queued_at": now.isoformat(),
        }
        self.rows: dict[str, dict[int, Row]] = {
            task.task_id: {-1: Row(task.task_id, -1, task.retries, depth=depth_of(self.spec, task.task_id))}
            for task in self.spec.tasks.values()
            if not (task.start_date and logical_date < task.start_date)
            and not (task.end_date and logical_date > task.end_date)
        }
        self.groups: dict[tuple[str, int], tuple[int, datetime | None]] = {}  # retried, when again
        self.order: list[tuple[str, int, int]] = []
        self.events: list[tuple[str, int, Json]] = []
        self.memory = Memory(self, provider)
        self.place = Place(dag, self.memory, say, in_process=in_process)

    # ---- the loop

    def run(self) -> Result:
        self.say(f"Run {self.run_json['run_id']} of {self.dag.dag_id}: {len(self.rows)} tasks")
        state, reason = None, ""
        before = comms.use(self.memory.ask)
        try:
            while state is None:
                decision = self.advance()
                state, reason = decision.run_state, decision.run_reason
                if any(each.keys for each in decision.retries):
                    continue
                row = self.next_ready()
                if row is not None:
                    self.attempt(row)
                elif state is None and not self.wait():
                    state, reason = RunState.FAILED, "nothing is left that could run"
            self._callbacks(None, "success" if state == RunState.SUCCESS else "failure", callback_reason(state, reason))
        finally:
            comms.use(before)
        self.say(f"Run {self.run_json['run_id']} ended: {state} ({reason})")
        rows = [row for found in self.rows.values() for row in found.values()]
        return Result(
            run_id=self.run_json["run_id"],
            state=state,
            reason=reason,
            states={(row.task_id, row.map_index): str(row.state) for row in rows},
            xcoms=self.memory.values(),
            reasons={(row.task_id, row.map_index): row.reason for row in rows},
            tries={(row.task_id, row.map_index): row.try_number for row in rows},
            order=self.order,
            asset_events=self.events,
            depths={task_id: depth_of(self.spec, task_id) for task_id in self.rows},
        )

    def advance(self) -> Decision:
        """Decide, and make the moves."""
        now = clock.now()
        instances = {
            task_id: {
                index: Instance(
                    row.state, row.not_before is None or row.not_before <= now, row.skip_note, row.try_number
                )
                for index, row in found.items()
            }
            for task_id, found in self.rows.items()
        }
        lengths = {key: length for key, (_, length) in self.memory.xcoms.items()}
        decision = decide(
            RunView(
                self.spec,
                instances,
                lengths,
                logical_date=self.logical_date,
                run_after=self.logical_date,
                is_latest=True,
                groups={
                    key: GroupState(retried, None if at is None else at <= now)
                    for key, (retried, at) in self.groups.items()
                },
            )
        )
        for expansion in decision.expansions:
            found, first = self.rows[expansion.task_id], expansion.replaces
            tries = found.pop(first).max_tries if first in found else self.spec.tasks[expansion.task_id].retries
            for index in expansion.indexes:
                found.setdefault(
                    index, Row(expansion.task_id, index, tries, depth=depth_of(self.spec, expansion.task_id))
                )
        for move in decision.moves:
            row = self.rows[move.task_id][move.map_index]
            self._move(row, move.new, move.reason)
            if move.new == TaskState.SUCCESS:  # decided without an attempt; it is a try all the same
                self.order.append((row.task_id, row.map_index, row.try_number))
            row.skip_note = decision.notes.get((move.task_id, move.map_index), row.skip_note)  # type: ignore[assignment]
            if move.new in FINISHED:
                self._tell(row)
        self._run_groups_again(decision.retries)
        return decision

    def _run_groups_again(self, retries: Iterable[GroupRetry]) -> None:
        for each in retries:
            key, levels = (each.group_id, each.map_index), len(chain(self.spec, each.group_id))
            name = f"group {name_of(each.group_id, each.map_index, levels)}"
            if not each.keys:
                wait = each.delay if self.wait_retries else 0.0
                self.groups[key] = (each.number - 1, clock.now() + timedelta(seconds=wait))
                self.say(f"{name}  failed: run again in {wait:g} s")
                continue
            for task_id, index in each.keys:
                row = self.rows[task_id][index]
                tries = row.try_number + self.spec.tasks[task_id].retries
                again = Row(task_id, index, tries, [*row.history, TaskState.NONE], row.try_number, depth=row.depth)
                self.rows[task_id][index] = again
                for inner in around(self.spec, task_id):
                    if inner == each.group_id:
                        break
                    self.groups.pop((inner, instance_of(self.spec, inner, task_id, index)), None)
                    self.groups.pop((inner, -1), None)
            self.groups[key] = (each.number, None)
            self.say(f"{name}  failed: retry {each.number} of {each.most}")

    def next_ready(self) -> Row | None:
        ready = [row for row in self._all() if row.state == TaskState.SCHEDULED]
        return max(ready, key=lambda row: self.spec.tasks[row.task_id].effective_weight, default=None)

    def wait(self) -> bool:
        """Nothing can run now: ask people, run triggers, or wait for what is due next; False: nothing is waited for."""
        for row in self._all():
            if row.state == TaskState.AWAITING_INPUT:
                event = self.answer(row, self.memory.questions[row.task_id, row.map_index])
                row.next_kwargs = {**(row.next_kwargs or {}), "event": event}
                self._move(row, TaskState.SCHEDULED, "answered")
                return True
        return self.go_on()

    def answer(self, row: Row, question: Json) -> Json:
        """What people say to a task that asks them."""
        from .local_people import answer

        self.say(f"{row.name}  asks:")
        return answer(question, self.say)

    def go_on(self) -> bool:
        """Wait for what comes first; False where nothing comes."""
        deferred = [row for row in self._all() if row.state == TaskState.DEFERRED]
        if deferred:
            from .local_triggers import first_fired

            row, answer = first_fired(deferred, self.assignment)
            self._fired(row, answer)
            return True
        due = [row.not_before for row in self._all() if row.not_before and row.state not in FINISHED]
        due += [at for _, at in self.groups.values() if at is not None]
        if not due:
            return False
        clock.sleep(max(0.0, (min(due) - clock.now()).total_seconds()))
        return True

    def _fired(self, row: Row, answer: Json) -> None:
        if answer["type"] == "end":
            for key, (value, length) in answer["xcoms"].items():
                self.memory.xcoms[row.task_id, row.map_index, key] = (value, length)
            self._move(row, TaskState(answer["state"]), "its trigger ended it")
            self._tell(row)
            return
        if answer["type"] == "failed":
            row.next_method, row.next_kwargs = "__fail__", {"error": answer["error"]}
        else:
            row.next_kwargs = {**(row.next_kwargs or {}), "event": answer["payload"]}
        self._move(row, TaskState.SCHEDULED, "its trigger fired")

    def _all(self) -> Iterable[Row]:
        return (row for found in self.rows.values() for row in found.values())

    def _move(self, row: Row, new: TaskState, reason: str) -> None:
        begins = new == TaskState.SCHEDULED and row.state in {TaskState.NONE, TaskState.UP_FOR_RETRY}
        if begins or (new == TaskState.SUCCESS and row.state == TaskState.NONE):
            row.try_number += 1  # counted when it is scheduled, as by the engine
        row.history.append(new)
        row.reason, row.not_before = reason, None
        row.ended_at = clock.now() if new in FINISHED else None

    def _tell(self, row: Row) -> None:
        seconds = (row.ended_at - row.started_at).total_seconds() if row.ended_at and row.started_at else None
        took = f" after {seconds:.2f} s" if seconds is not None else ""
        why = f": {row.reason}" if row.reason and row.state != TaskState.SUCCESS else ""
        self.say(f"{row.name}  {row.state}{took}{why}")

    # ---- one attempt

    def attempt(self, row: Row) -> None:
        """Run one task instance and take its outcome in."""
        now = clock.now()
        if row.first_started_at is None:
            row.first_started_at = now
            self.order.append((row.task_id, row.map_index, row.try_number))
        row.started_at = now
        self._move(row, TaskState.RUNNING, "")
        self.say(f"{row.name}  try {row.try_number}")
        task = self.spec.tasks[row.task_id]
        if self.marked is not None and self.marked.search(row.task_id):
            result: Json = {"outcome": "success"}
        else:
            result = self.place.carry_out(self.assignment(row), row.name)
        if result.get("crashed"):
            will_retry = row.try_number <= row.max_tries
            self._callbacks(row, "retry" if will_retry else "failure", result["error"])
        self._outcome(row, task, result)

    def assignment(self, row: Row) -> Json:
        found = {name: getattr(row, name) for name in ("task_id", "map_index", "try_number", "max_tries")}
        found |= {name: getattr(row, name) for name in ("next_method", "next_kwargs", "reschedule_count")}
        task = self.spec.tasks[row.task_id]
        began = row.first_started_at or clock.now()
        return found | {
            "kind": "task",
            "map_path": list(path_of(row.map_index, row.depth)),
            "measure": sorted(measured_of(self.spec, row.task_id)),
            "dag_id": self.dag.dag_id,
            "token": row.try_number,
            "pool": task.pool,
            "queue": task.queue,
            "priority_weight": task.effective_weight,
            "hostname": socket.gethostname(),
            "run": self.run_json,
            "started_at": (row.started_at or began).isoformat(),
            "first_started_at": began.isoformat(),
        }

    def _outcome(self, row: Row, task: TaskSpec, result: Json) -> None:
        outcome, reason = result["outcome"], result.get("error") or ""
        row.skip_note = result.get("skip_note")
        if outcome == "deferred":
            row.trigger = result["trigger"]
        if outcome in {"deferred", "awaiting_input"}:
            wish = result["trigger"]
            row.next_method, row.next_kwargs = wish["method"], wish["next_kwargs"]
            self._move(row, TaskState(outcome), reason)
            timeout = wish["timeout_seconds"]
            row.not_before = clock.now() + timedelta(seconds=timeout) if timeout is not None else None
            self.say(f"{row.name}  {row.state}: {reason}")
            return
        if outcome == "rescheduled":
            self._move(row, TaskState.UP_FOR_RESCHEDULE, reason)
            row.reschedule_count += 1
            row.not_before = datetime.fromisoformat(result["reschedule_at"])
            return
        row.first_started_at, row.next_method, row.next_kwargs, row.reschedule_count = None, None, None, 0
        if outcome == "failed" and result.get("retry", True) and row.try_number <= row.max_tries:
            self._move(row, TaskState.UP_FOR_RETRY, reason)
            row.not_before = clock.now() + timedelta(seconds=self._retry_wait(task, row, result.get("retry_wait")))
        else:
            self._move(row, TaskState(outcome), reason)
        self._tell(row)
        if outcome == "success" and task.outlets:
            self._tell_events(row, task, result.get("outlet_events") or [])

    def _tell_events(self, row: Row, task: TaskSpec, noted: list[Json]) -> None:
        """Say which events the task would make on a server; here they are kept in the result and start nothing."""
        outlets = {(each["asset"]["name"], each["asset"]["uri"]) for each in task.outlets if "asset" in each}
        found = [each for each in noted if "alias" in each or tuple(each["asset"]) in outlets]
        silent = outlets - {tuple(each["asset"]) for each in found if "alias" not in each}
        found += [{"asset": list(key), "extra": {}, "partition_key": None} for key in sorted(silent)]
        for each in found:
            name = each["asset"]["name"] if "alias" in each else each["asset"][0]
            key = f" [{each['partition_key']}]" if each.get("partition_key") else ""
            under = f" (under {each['alias']})" if "alias" in each else ""
            self.say(f"{row.name}  asset event: {name}{key}{under} {each['extra'] or ''}".rstrip())
        self.events += [(row.task_id, row.map_index, each) for each in found]

    def _retry_wait(self, task: TaskSpec, row: Row, told: float | None) -> float:
        if not self.wait_retries:
            return 0.0
        if told is not None:
            return told
        return retry_wait(
            retry_delay=task.retry_delay,
            backoff=task.retry_backoff,
            max_retry_delay=task.max_retry_delay,
            try_number=row.try_number,
            hash_input=f"{self.dag.dag_id}#{row.task_id}#{self.logical_date}#{row.try_number}",
        )

    def _callbacks(self, row: Row | None, kind: str, reason: str) -> None:
        """Run the callbacks of the DAG, or of a task whose end no attempt saw."""
        has = self.spec.callbacks if row is None else self.spec.tasks[row.task_id].callbacks
        if kind not in has:
            return
        told: Json = {
            "kind": "callback",
            "dag_id": self.dag.dag_id,
            "task_id": None,
            "run": self.run_json,
            "started_at": clock.now().isoformat(),
            "callback": {"kind": kind, "reason": reason},
        }
        if row is not None:
            told = {**self.assignment(row), **told, "task_id": row.task_id}
        elif about := [each for each in self._all() if each.state == STATES[kind]]:
            last = max(about, key=lambda each: each.ended_at or DAWN)
            told["about"] = {**self.assignment(last), **told, "task_id": last.task_id, "state": str(last.state)}
        self.place.carry_out(told, row.name if row is not None else self.dag.dag_id)


def test_dag(
    dag: Any,
    execution_date: datetime | None = None,
    run_conf: Json | None = None,
    logical_date: datetime | None = None,
    conf_file_path: str | None = None,
    variable_file_path: str | None = None,
    use_executor: bool = False,
    mark_success_pattern: Any = None,
    run_after: datetime | None = None,
    **options: Any,
) -> Result:
    """``dag.test()``, with the arguments that it has in Airflow; the two files are JSON objects of connections and variables.

    ``use_executor`` changes nothing: each task runs in a process of its own anyway.
    """
    import json

    for path, prefix in ((conf_file_path, "AIRFLOW_CONN_"), (variable_file_path, "AIRFLOW_VAR_")):
        if path is None:
            continue
        with open(path) as file:
            for name, value in json.load(file).items():
                os.environ[prefix + name.upper()] = value if isinstance(value, str) else json.dumps(value)
    date = logical_date or execution_date or run_after
    return run_dag(dag, conf=run_conf, logical_date=date, mark_success_pattern=mark_success_pattern, **options)
