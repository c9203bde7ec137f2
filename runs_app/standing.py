"""How runs stand at a moment, and what else wants the places that they want: what a forecast starts from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dags_app.models import Dag, Pool
from orchestrator.core.forecast import Left, Scene
from orchestrator.core.scheduling import Batch, Place, Wants, Work
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import FINISHED, TaskState

from .durations import usual_seconds
from .locking import fetch, moment, placeholders
from .models import DagRun, Process

MOST_OTHERS = 1000
"""Groups of alike task instances of other runs that are looked at, the best of the queue first."""
MOST_MEASURED = 60
"""Tasks of other runs whose usual time is looked up."""
UNKNOWN_SECONDS = 60.0
"""What a task of another run takes that never ended before."""
_BEGUN = ("running", "deferred", "awaiting_input", "up_for_reschedule", "up_for_retry")
_WITHOUT_SLOT = frozenset({"deferred", "awaiting_input", "up_for_reschedule"})


@dataclass(slots=True)
class Around:
    """What was read at once for several runs."""

    now: datetime
    counted: dict[int, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    begun: dict[int, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    others: list[tuple[Any, ...]] = field(default_factory=list)
    usual: dict[tuple[str, str], float] = field(default_factory=dict)
    slots: Counter[str] = field(default_factory=Counter)
    pools: dict[str, int] = field(default_factory=dict)
    dags: dict[str, tuple[int, bool]] = field(default_factory=dict)  # max_active_tasks, is it frozen

    def scene(self, run: DagRun, spec: DagSpec) -> tuple[Scene, str]:
        """Return how a run stands; the second value says why it cannot be told when it ends."""
        left, came = self._left(run, spec)
        wants = {task_id: _wants(spec.tasks[task_id]) for task_id in left}
        room, reason = self._room(run, spec, wants)
        others = tuple(self._others(run, wants))
        return Scene(spec, left, frozenset(came), wants, room, others), reason or self._stands(run)

    def _stands(self, run: DagRun) -> str:
        if self.dags[run.dag_id][1]:
            return "the DAG is frozen"
        held = next((task_id for task_id, _, _, _, held in self.counted[run.pk] if held), None)
        return f"task {held} is held" if held is not None else ""

    def _left(self, run: DagRun, spec: DagSpec) -> tuple[dict[str, Left], set[str]]:
        waiting: dict[str, tuple[int, bool]] = {}
        came: set[str] = set()
        for task_id, state, count, index, _ in self.counted[run.pk]:
            if task_id not in spec.tasks:
                continue
            if state in FINISHED:
                came.update({task_id} if state in {TaskState.SUCCESS, TaskState.FAILED} else ())
            else:
                task = spec.tasks[task_id]
                mapped = task.is_mapped or spec.mapped_group_of[task_id] is not None
                waiting[task_id] = (waiting.get(task_id, (0, True))[0] + count, not mapped or index >= 0)
        parts: dict[str, dict[str, list[float]]] = defaultdict(lambda: {"begun": [], "parked": [], "later": []})
        for task_id, state, since, not_before in self.begun[run.pk]:
            if task_id not in spec.tasks:
                continue
            if state == TaskState.UP_FOR_RETRY:
                parts[task_id]["later"].append(max(-self._seconds(not_before), 0.0))
            else:
                kind = "parked" if state in _WITHOUT_SLOT else "begun"
                parts[task_id][kind].append(max(self._seconds(since), 0.0))
        left = {}
        for task_id in waiting.keys() | parts.keys():
            count, expanded = waiting.get(task_id, (0, True))
            lists = {name: tuple(each) for name, each in parts[task_id].items()} if task_id in parts else {}
            left[task_id] = Left(count, expanded, **lists)
        return left, came - left.keys()

    def _seconds(self, since: Any) -> float:
        return (self.now - (moment(since) or self.now)).total_seconds()

    def _room(self, run: DagRun, spec: DagSpec, wants: dict[str, Wants]) -> tuple[dict[Place, int], str]:
        room: dict[Place, int] = {("run", ""): self.dags[run.dag_id][0]}
        for task_id, each in wants.items():
            task = spec.tasks[task_id]
            for place, _ in each:
                kind, name = place
                if kind == "queue":
                    if not self.slots[name]:
                        return room, f"no live worker serves queue {name}"
                    room[place] = self.slots[name]
                elif kind == "pool":
                    size = self.pools.get(name, 0)
                    room |= {place: size} if size >= 0 else {}
                elif kind == "dag task":
                    room[place] = task.max_active_tis_per_dag or 0
                elif kind == "task":
                    room[place] = task.max_active_tis_per_dagrun or 0
        return room, ""

    def _others(self, run: DagRun, wants: dict[str, Wants]) -> Iterator[Work]:
        """What other runs have in the places that this one needs, and what of them waits for these."""
        needed = {place for each in wants.values() for place, _ in each if place[0] != "run"}
        for run_pk, dag_id, task_id, state, queue, pool, slots, weight, count in self.others:
            if run_pk == run.pk:
                continue
            held: Wants = ((("queue", queue), 1), (("pool", pool), slots))
            if dag_id == run.dag_id:
                held += ((("dag task", task_id), 1),)
            shared = tuple(each for each in held if each[0] in needed)
            if shared:
                took = self.usual.get((dag_id, task_id), UNKNOWN_SECONDS)
                # Of one that runs nobody knows how long it has left: half of its time on average.
                running = state == TaskState.RUNNING
                batch = Batch(took / 2 if running else took, count, begun=running)
                yield Work((batch,), wants=shared, priority=weight)


def _wants(task: TaskSpec) -> Wants:
    if task.inline is not None or task.reschedules:  # no process, or one for moments only
        return ()
    found: list[tuple[Place, int]] = [
        (("run", ""), 1),
        (("queue", task.queue), 1),
        (("pool", task.pool), task.pool_slots),
    ]
    if task.max_active_tis_per_dag is not None:
        found.append((("dag task", task.task_id), 1))
    if task.max_active_tis_per_dagrun is not None:
        found.append((("task", task.task_id), 1))
    return tuple(found)


def around(runs: Sequence[DagRun], now: datetime) -> Around:
    """Read how runs stand, and what shares their places; a constant number of statements."""
    pks = sorted(run.pk for run in runs)
    marks = placeholders(pks)
    found = Around(now)
    states = ", ".join(f"'{state}'" for state in _BEGUN)
    for run_pk, *row in fetch(
        "SELECT run_id, task_id, state, count(*), max(map_index), max(CASE WHEN held THEN 1 ELSE 0 END) "
        f"FROM runs_app_taskinstance WHERE run_id IN ({marks}) AND state NOT IN ({states}) "
        "GROUP BY run_id, task_id, state",
        pks,
    ):
        found.counted[run_pk].append(tuple(row))
    # Earlier tries count as well: so do they in what earlier runs took.
    for run_pk, *row in fetch(
        "SELECT t.run_id, t.task_id, t.state, COALESCE(min(a.started_at), t.started_at), t.not_before "
        "FROM runs_app_taskinstance t LEFT JOIN runs_app_attempt a ON a.task_instance_id = t.id "
        f"AND a.generation = t.generation WHERE t.run_id IN ({marks}) AND t.state IN ({states}) "
        "GROUP BY t.id, t.run_id, t.task_id, t.state, t.started_at, t.not_before",
        pks,
    ):
        found.begun[run_pk].append(tuple(row))
    found.others = _others()
    pairs = Counter((dag_id, task_id) for _, dag_id, task_id, *_ in found.others)
    found.usual = usual_seconds([pair for pair, _ in pairs.most_common(MOST_MEASURED)])
    for queues in Process.objects.filter(kind="slot", ended_at=None, draining=False).values_list("queues", flat=True):
        found.slots.update(set(queues))
    found.pools = dict(Pool.objects.values_list("name", "slots"))
    dags = Dag.objects.filter(pk__in={run.dag_id for run in runs})
    found.dags = {pk: (most, frozen) for pk, most, frozen in dags.values_list("pk", "max_active_tasks", "is_frozen")}
    return found


def _others() -> list[tuple[Any, ...]]:
    """All that runs or is ready, alike ones of a run together, what runs first and then the best of the queue."""
    columns = "run_id, dag_id, task_id, state, queue, pool, pool_slots, priority_weight"
    one = f"SELECT {columns}, count(*) AS count, min(scheduled_at) AS since FROM runs_app_taskinstance WHERE state = "
    return [
        tuple(row[:-1])
        for row in fetch(
            f"SELECT {columns}, count, since FROM ({one}'running' GROUP BY {columns} UNION ALL {one}'scheduled' "
            f"GROUP BY {columns}) o ORDER BY state, priority_weight DESC, since LIMIT {MOST_OTHERS}"
        )
    ]
