"""Reasons why something does not run, and the facts that they are found from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from .branches import name as name_of
from .spec import TaskSpec
from .states import RunState, TaskState

KINDS = {
    "about_to": "nothing holds it: the next look at it, a moment from now, moves it",
    "assets_missing": "The DAG runs when assets have changed, and some have not.",
    "awaiting_input": "a person has yet to answer what it asks",
    "backfill_limit": "`max_active_runs` of the run's backfill is reached",
    "backfill_paused": "the run's backfill is paused",
    "dag_frozen": "the DAG is frozen: queued runs do not start and ready task instances are not claimed",
    "dag_paused": "the DAG is paused: queued runs do not start; those under way finish",
    "dag_stale": "no file defines the DAG any more",
    "deferred": "its trigger waits on the triggerer",
    "depends_on_past": "`depends_on_past` or `wait_for_downstream`: the run before does not let it",
    "ended": "it has ended; the last change of state says why as it did",
    "group_retry": "a group that it comes after failed and is run again at its time",
    "held": "somebody keeps it from starting",
    "import_error": "the DAG's file cannot be imported",
    "in_line": "it is ready, and others that are ready come first",
    "limit_dag": "`max_active_tis_per_dag` of its task is reached",
    "limit_dagrun": "`max_active_tis_per_dagrun` of its task is reached",
    "limit_key": "`concurrency_limit` of its concurrency key is reached",
    "limit_run": "`max_active_tasks` of the DAG is reached in its run",
    "looks_hung": "it runs, and has shown no sign of life for long",
    "max_active_runs": "`max_active_runs` of the DAG is reached",
    "next_run": "the DAG's next scheduled run has its time",
    "no_run_left": "the schedule has no further run",
    "no_schedule": "the DAG has no schedule",
    "no_version": "the DAG was never parsed without errors",
    "no_worker": "no worker slot that is alive takes its queue",
    "pool_full": "its pool has no slot free for it",
    "pool_never": "its pool does not exist, or is smaller than what it asks for",
    "pool_rate": "its pool lets no more start within this minute",
    "reschedule": "the sensor looks again at its time",
    "retry": "its next try has its time",
    "run_after": "the run may not start before its time",
    "run_over": "its run has ended",
    "schedule_error": "the schedule cannot be followed",
    "scheduler_missing": "no process alive makes due runs and starts queued ones",
    "slots_busy": "all worker slots of its queue are busy",
    "trigger_rule": "its trigger rule, or the setups it stands under, wait for others",
    "triggerer_missing": "no triggerer is alive to run its trigger",
}
"""Every kind of reason, and what it says."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run, or with ``task_id`` a task instance, that something waits for."""

    dag_id: str
    run_id: str
    task_id: str = ""
    map_index: int = -1
    state: str = ""
    levels: int = 0  # of mapping, around its task

    @property
    def name(self) -> str:
        return name_of(self.task_id, self.map_index, self.levels)

    def name_in(self, dag_id: str) -> str:
        """What it is called on a page of this DAG."""
        name = self.name if self.task_id else self.run_id
        return name if self.dag_id == dag_id else f"{self.dag_id}.{name}"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a sentence with numbers and names, what to do, and when it changes by itself where that is known."""

    kind: str
    text: str
    remedy: str = ""
    until: datetime | None = None
    held_by: tuple[Holder, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "text": self.text,
            "remedy": self.remedy,
            "until": self.until,
            "held_by": [asdict(each) for each in self.held_by],
        }


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit with what it allows and what takes its places."""

    most: int
    used: int
    held_by: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The worker slots alive that take a queue."""

    slots: int = 0
    busy: int = 0
    ready_before: int = 0  # ready task instances that are claimed first
    others: tuple[str, ...] = ()  # queues that slots alive take
    held_by: tuple[Holder, ...] = ()  # what runs in them, where none is free


@dataclass(frozen=True, slots=True)
class DagFacts:
    """A DAG at a moment."""

    dag_id: str
    now: datetime
    is_paused: bool = False
    is_frozen: bool = False
    is_stale: bool = False
    has_version: bool = True
    import_error: str = ""
    schedule_error: str = ""
    ending: str = ""  # why there are no more runs to come
    has_schedule: bool = True
    missing_assets: tuple[str, ...] | None = None  # of a schedule on assets: those that have not changed yet
    next_run: datetime | None = None
    runs: Limit | None = None  # what counts when a scheduled run is made; None where runs do not queue
    scheduler_alive: bool = True


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run at a moment."""

    dag: DagFacts
    run_id: str
    state: RunState
    run_after: datetime
    places: Limit | None = None  # what counts when this run is started
    backfill: int | None = None  # its number
    backfill_paused: bool = False
    last_reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task instance at a moment."""

    run: RunFacts
    name: str
    state: TaskState
    task: TaskSpec | None = None
    queue_name: str = "default"
    pool: str = "default_pool"
    pool_slots: int = 1
    due_at: datetime | None = None
    try_number: int = 0
    max_tries: int = 0
    waits_for: str = ""  # what the decision says holds it
    past: str = ""  # what an earlier run says to it
    open_upstream: tuple[Holder, ...] = ()
    decided: str = ""  # the state that the next look moves it to
    pool_size: int | None = None  # None: there is no such pool
    in_pool: Limit | None = None  # where too little is free
    in_run: Limit | None = None  # where the limit is reached, as the two below
    of_task: Limit | None = None
    of_task_in_run: Limit | None = None
    of_key: Limit | None = None
    key: str = ""  # its concurrency key
    rate: int | None = None  # starts a minute that its pool allows
    rate_until: datetime | None = None  # when the pool lets the next one start; None = now
    group: str = ""  # that it comes after and that is run again
    group_until: datetime | None = None
    queue: Queue = field(default_factory=Queue)
    trigger: str = ""
    triggerers: int = 0
    question: str = ""
    asked: tuple[str, ...] = ()  # who alone may answer
    held: str = ""  # who holds it, and why
    held_until: datetime | None = None
    hung: str = ""  # where it stands, showing no sign of life
    hung_since: datetime | None = None
    last_reason: str = ""
