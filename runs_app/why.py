"""Reading the facts from which :mod:`orchestrator.core.why` tells why something does not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from dags_app import schedule
from dags_app.asset_lookup import known
from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.assets import waiting_for
from orchestrator.core.branches import Branches, depth_of, in_order, path_of, shared
from orchestrator.core.decide import HELD, Decision, RunView, decide
from orchestrator.core.group_retries import around as groups_around
from orchestrator.core.reasons import DagFacts, Holder, Limit, Queue, Reason, RunFacts, TaskFacts
from orchestrator.core.setups import relevant_setups
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import FINISHED, RUN_FINISHED, WAITING, RunState, TaskState
from orchestrator.core.why import why_dag, why_run, why_task

from . import group_retries, holds, hung, limits, rates, view
from .locking import fetch, moment
from .models import DagRun, HITLDetail, Process, QueuedEvent, StateEvent, TaskInstance, Trigger
from .reach import OPEN

MOST_HELD = 50
"""Holders that a reason carries."""
MOST_GROUPS = 50
"""Reasons that are told of a run's task instances."""
BEGUN = (TaskState.RUNNING, TaskState.DEFERRED, TaskState.AWAITING_INPUT)
"""What the limits of a task count."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Task instances of a run that wait for one and the same reason."""

    reason: Reason
    count: int
    first: TaskInstance


def of_dag(dag: Dag, now: datetime) -> list[Reason]:
    """Return why a DAG gets no run just now, and when its next one is due."""
    return why_dag(_Surroundings(dag, now).dag_facts)


def of_run(run: DagRun, now: datetime) -> list[Reason]:
    """Return why a run is not running; nothing where it is, then :func:`of_tasks` has the reasons."""
    return why_run(_Surroundings(run.dag, now).run_facts(run))


def of_task(instance: TaskInstance, now: datetime) -> list[Reason]:
    """Return why a task instance is not running."""
    run = instance.run
    around = _Surroundings(run.dag, now)
    facts = TaskFacts(around.run_facts(run), instance.task_name, TaskState(instance.state))
    if instance.state in FINISHED:
        return why_task(replace(facts, last_reason=_last_reason(task_instance=instance)))
    return why_task(_RunAround(run, around).facts(instance))


def of_tasks(run: DagRun, now: datetime) -> list[Waiting]:
    """Return what a run's unfinished task instances wait for, what only waits for others of them last."""
    of = _RunAround(run, _Surroundings(run.dag, now))
    alike: dict[tuple[Any, ...], list[int]] = {}
    for pk, task_id, map_index, state in _unfinished(run):
        alike.setdefault((task_id, state, of.decided_of(task_id, map_index, state)), []).append(pk)
    firsts = TaskInstance.objects.in_bulk([group[0] for group in alike.values()])
    found: dict[tuple[str, str], list[Any]] = {}
    for group in alike.values():
        first = firsts.get(group[0])
        if first is None:
            continue
        for reason in why_task(of.facts(first))[:1]:
            known = found.setdefault((reason.kind, reason.text), [reason, 0, first])
            known[1] += len(group)
    waiting = [Waiting(*each) for each in found.values()]
    return sorted(waiting, key=lambda each: each.reason.kind == "trigger_rule")[:MOST_GROUPS]


def _unfinished(run: DagRun) -> list[tuple[Any, ...]]:
    """What waits in a run, of each task what is due first at the head."""
    return fetch(
        f"SELECT id, task_id, map_index, state FROM runs_app_taskinstance WHERE run_id = %s AND {OPEN} "
        "AND state <> 'running' ORDER BY CASE WHEN not_before IS NULL THEN 1 ELSE 0 END, not_before, id",
        [run.pk],
    )


def _last_reason(**of: Any) -> str:
    found = StateEvent.objects.filter(**of).order_by("-pk").values_list("reason", flat=True).first()
    return (found or "").rstrip(".")


def _missing_assets(dag: Dag) -> tuple[str, ...] | None:
    """The assets that have to change before the DAG's next run on them; None where it is not scheduled on any."""
    if dag.asset_expression is None:
        return None
    queued = set(QueuedEvent.objects.filter(dag=dag).values_list("asset__name", "asset__uri"))
    missing = waiting_for(dag.asset_expression, known(dag.asset_expression, queued))
    return tuple(about.get("name") or about["uri"] for _, about in missing)


class _Surroundings:
    """A DAG and the installation around it at a moment; each part is read when it is asked for."""

    def __init__(self, dag: Dag, now: datetime) -> None:
        self.dag, self.now = dag, now

    @cached_property
    def dag_facts(self) -> DagFacts:
        dag = self.dag
        error = getattr(dag.file, "import_error", None) if dag.file is not None else None
        spec = load_spec(dag.version_id) if dag.version_id else None
        ending = ""
        if dag.next_run_after is None and spec is not None:
            ending = schedule.preview(dag, 1, self.now).ending
        return DagFacts(
            dag_id=dag.dag_id,
            now=self.now,
            is_paused=dag.is_paused,
            is_frozen=dag.is_frozen,
            is_stale=dag.is_stale,
            has_version=spec is not None,
            import_error=error.message if error is not None else "",
            schedule_error=dag.schedule_error,
            ending=ending,
            has_schedule=spec is not None and spec.timetable.get("type") != "null",
            missing_assets=_missing_assets(dag),
            next_run=dag.next_run_after,
            runs=self._queueing_runs(),
            scheduler_alive=any(each.kind in {"beat", "control", "slot"} for each in self.processes),
        )

    def _queueing_runs(self) -> Limit | None:
        if self.dag.overlap_policy != "queue":
            return None
        return self._runs(self.dag.max_active_runs, ["queued", "running"], "run_type <> 'backfill'")

    def _runs(self, most: int, states: list[str], condition: str) -> Limit:
        marks = ", ".join(["%s"] * len(states))
        where = f"dag_id = %s AND state IN ({marks}) AND {condition}"
        (used,) = fetch(f"SELECT count(*) FROM runs_app_dagrun WHERE {where}", [self.dag.dag_id, *states])[0]
        rows = []
        if used >= most:
            sql = f"SELECT run_id, state FROM runs_app_dagrun WHERE {where} ORDER BY id LIMIT {MOST_HELD}"
            rows = fetch(sql, [self.dag.dag_id, *states])
        return Limit(most, used, tuple(Holder(self.dag.dag_id, run_id, state=state) for run_id, state in rows))

    def run_facts(self, run: DagRun) -> RunFacts:
        facts = RunFacts(self.dag_facts, run.run_id, RunState(run.state), run.run_after)
        if run.state in RUN_FINISHED:
            return replace(facts, last_reason=_last_reason(run=run, task_instance=None))
        if run.state != RunState.QUEUED:
            return facts
        if run.backfill is None:
            return replace(facts, places=self._runs(self.dag.max_active_runs, ["running"], "backfill_id IS NULL"))
        return replace(
            facts,
            places=self._runs(run.backfill.max_active_runs, ["running"], f"backfill_id = {run.backfill.pk:d}"),
            backfill=run.backfill.pk,
            backfill_paused=run.backfill.is_paused and run.backfill.completed_at is None,
        )

    # ---- workers

    @cached_property
    def processes(self) -> list[Process]:
        return list(Process.objects.filter(ended_at__isnull=True, draining=False))

    @cached_property
    def busy(self) -> Counter[int]:
        """Open attempts by the slot that holds them."""
        rows = fetch(
            "SELECT process_id, count(*) FROM runs_app_attempt WHERE outcome IS NULL AND process_id IS NOT NULL "
            "GROUP BY process_id"
        )
        return Counter(dict(rows))

    def queue(self, instance: TaskInstance) -> Queue:
        slots = [each for each in self.processes if each.kind == "slot"]
        mine = [each for each in slots if instance.queue in each.queues]
        before = 0
        if mine and instance.state == TaskState.SCHEDULED:
            weight, since = instance.priority_weight, instance.scheduled_at
            (before,) = fetch(
                "SELECT count(*) FROM runs_app_taskinstance t JOIN dags_app_dag d ON d.dag_id = t.dag_id "
                "WHERE t.state = 'scheduled' AND t.queue = %s AND NOT d.is_frozen AND (t.priority_weight > %s OR "
                "(t.priority_weight = %s AND (t.scheduled_at < %s OR (t.scheduled_at = %s AND t.id < %s))))",
                [instance.queue, weight, weight, since, since, instance.pk],
            )[0]
        busy = sum(1 for each in mine if self.busy[each.pk])
        return Queue(
            slots=len(mine),
            busy=busy,
            ready_before=before,
            others=tuple(sorted({name for each in slots for name in each.queues})),
            held_by=self._in_slots(tuple(each.pk for each in mine)) if mine and busy >= len(mine) else (),
        )

    def _in_slots(self, slots: tuple[int, ...]) -> tuple[Holder, ...]:
        """What runs in these slots, found once: each task of a run that waits for one asks."""
        if slots not in self._found_in_slots:
            marks = ", ".join(["%s"] * len(slots))
            attempts = (
                f"SELECT task_instance_id FROM runs_app_attempt WHERE outcome IS NULL AND process_id IN ({marks})"
            )
            self._found_in_slots[slots] = _holders(f"t.id IN ({attempts})", list(slots))
        return self._found_in_slots[slots]

    @cached_property
    def _found_in_slots(self) -> dict[tuple[int, ...], tuple[Holder, ...]]:
        return {}

    @cached_property
    def triggerers(self) -> int:
        return sum(1 for each in self.processes if each.kind == "triggerer")

    # ---- limits: counted and judged by what a claim counts and judges them by

    @cached_property
    def capacity(self) -> limits.Capacity:
        found = limits.Capacity()
        found.refresh()
        return found

    @cached_property
    def occupied(self) -> limits.Occupied:
        return limits.count(self.capacity)

    @cached_property
    def barred(self) -> limits.Barred:
        return limits.barred(self.occupied)

    def in_pool(self, instance: TaskInstance) -> Limit | None:
        pool = self.capacity.pools.get(instance.pool)
        used = self.occupied.pools.get(instance.pool, 0)
        if pool is None or pool.slots < 0 or used + instance.pool_slots <= pool.slots:
            return None
        states = ["running", "deferred"] if pool.include_deferred else ["running"]
        return Limit(pool.slots, used, _holders("t.pool = %s", [instance.pool], states))

    def in_run(self, instance: TaskInstance) -> Limit | None:
        if instance.run_id not in self.barred.runs:
            return None
        used = self.occupied.runs[instance.run_id]
        return Limit(self.dag.max_active_tasks, used, _holders("t.run_id = %s", [instance.run_id]))

    def of_task(self, instance: TaskInstance, most: int | None) -> Limit | None:
        key = (instance.dag_id, instance.task_id)
        if key not in self.barred.tasks or most is None:
            return None
        return Limit(most, self.occupied.tasks[key], _holders("t.dag_id = %s AND t.task_id = %s", list(key), BEGUN))

    def of_task_in_run(self, instance: TaskInstance, most: int | None) -> Limit | None:
        key = (instance.run_id, instance.task_id)
        if key not in self.barred.tasks_of_run or most is None:
            return None
        return Limit(
            most, self.occupied.tasks_of_run[key], _holders("t.run_id = %s AND t.task_id = %s", list(key), BEGUN)
        )

    def of_key(self, instance: TaskInstance) -> Limit | None:
        key, most = instance.concurrency_key, instance.concurrency_limit
        used = self.occupied.keys.get(key or "", 0)
        if key is None or most is None or used < most:
            return None
        return Limit(most, used, _holders("t.concurrency_key = %s", [key]))

    def rate_until(self, instance: TaskInstance) -> datetime | None:
        pool = self.capacity.pools.get(instance.pool)
        return rates.opening(instance.pool, pool.rate, self.now) if pool is not None and pool.rate else None


def _hold(instance: TaskInstance) -> dict[str, Any]:
    found = holds.on([instance])
    if not found:
        return {}
    held = found[-1]
    where = "" if held.run_id else ", in every run"
    reason = f" ({held.reason})" if held.reason else ""
    return {"held": f"{held.held_by}{where}{reason}", "held_until": held.until}


def _question(instance: TaskInstance) -> dict[str, Any]:
    asked = HITLDetail.objects.filter(task_instance=instance).order_by("-try_number").first()
    if asked is None:
        return {}
    return {"question": asked.subject, "asked": tuple(str(each.get("name", each)) for each in asked.assigned_users)}


def _holders(condition: str, values: list[Any], states: Iterable[str] = ("running",)) -> tuple[Holder, ...]:
    wanted = list(states)
    marks = ", ".join(["%s"] * len(wanted))
    rows = fetch(
        "SELECT t.dag_id, r.run_id, t.task_id, t.map_index, t.state, r.version_id FROM runs_app_taskinstance t "
        f"JOIN runs_app_dagrun r ON r.id = t.run_id WHERE t.state IN ({marks}) AND {condition} "
        f"ORDER BY t.started_at, t.id LIMIT {MOST_HELD}",
        [*wanted, *values],
    )
    return tuple(Holder(*row, levels=depth_of(load_spec(version), row[2])) for *row, version in rows)


class _RunAround:
    """One run and what the decision says about its task instances."""

    def __init__(self, run: DagRun, around: _Surroundings) -> None:
        self.run, self.around = run, around

    @cached_property
    def spec(self) -> DagSpec:
        return load_spec(self.run.version_id)

    @cached_property
    def run_facts(self) -> RunFacts:
        return self.around.run_facts(self.run)

    @cached_property
    def _decided(self) -> tuple[RunView, Decision]:
        row = view.run_row(self.run.pk, lock=False)
        assert row is not None
        loaded = view.load(row, self.spec, None, self.around.now)
        return loaded.view, decide(loaded.view)

    @cached_property
    def _moves(self) -> Mapping[tuple[str, int], str]:
        return {(move.task_id, move.map_index): str(move.new) for move in self._decided[1].moves}

    @cached_property
    def _expanded(self) -> Mapping[tuple[str, int], int]:
        return {(each.task_id, each.replaces): each.indexes[0] for each in self._decided[1].expansions}

    def decided_of(self, task_id: str, map_index: int, state: str) -> tuple[str, str]:
        """What the decision says: why it waits, and what it becomes."""
        if state not in WAITING:
            return "", ""
        while (task_id, map_index) in self._expanded:
            map_index = self._expanded[task_id, map_index]  # it becomes several, and what they wait for holds them all
        key = (task_id, map_index)
        return self._decided[1].waits.get(key, ""), self._moves.get(key, "")

    def facts(self, instance: TaskInstance) -> TaskFacts:
        task, around = self.spec.tasks.get(instance.task_id), self.around
        waits_for, becomes = self.decided_of(instance.task_id, instance.map_index, instance.state)
        waits_for = "" if waits_for == HELD else waits_for
        found = TaskFacts(
            run=self.run_facts,
            name=instance.task_name,
            state=TaskState(instance.state),
            task=task,
            queue_name=instance.queue,
            pool=instance.pool,
            pool_slots=instance.pool_slots,
            due_at=moment(instance.not_before),
            try_number=instance.try_number,
            max_tries=instance.max_tries,
            waits_for=waits_for,
            past=self._past(instance),
            open_upstream=self._open_upstream(instance) if waits_for else (),
            decided=becomes,
            pool_size=around.capacity.pools[instance.pool].slots if instance.pool in around.capacity.pools else None,
            queue=around.queue(instance),
            **_hold(instance),
        )
        if instance.state == TaskState.DEFERRED:
            trigger = Trigger.objects.filter(task_instance=instance).values_list("classpath", flat=True).first()
            return replace(found, trigger=(trigger or "").rpartition(".")[2], triggerers=around.triggerers)
        if instance.state == TaskState.AWAITING_INPUT:
            return replace(found, **_question(instance))
        if instance.state == TaskState.RUNNING:
            attempt = hung.among([instance.pk]).get(instance.pk)
            return replace(found, hung=hung.sentence(attempt), hung_since=attempt.hung_since) if attempt else found
        if instance.state != TaskState.SCHEDULED:
            return replace(found, **self._group(instance))
        return replace(
            found,
            in_pool=around.in_pool(instance),
            in_run=around.in_run(instance),
            of_task=around.of_task(instance, task.max_active_tis_per_dag if task else None),
            of_task_in_run=around.of_task_in_run(instance, task.max_active_tis_per_dagrun if task else None),
            of_key=around.of_key(instance),
            key=instance.concurrency_key or "",
            rate=around.capacity.pools[instance.pool].rate if instance.pool in around.capacity.pools else None,
            rate_until=around.rate_until(instance),
        )

    @cached_property
    def _groups(self) -> list[group_retries.Listed]:
        return [each for each in group_retries.listed(self.run.pk, self.spec) if each.not_before is not None]

    def _group(self, instance: TaskInstance) -> dict[str, Any]:
        """The failed group that a waiting task instance comes after, and when it is run again."""
        task = self.spec.tasks.get(instance.task_id)
        if task is None or not self._groups:
            return {}
        above = {name for other in task.upstream for name in groups_around(self.spec, other)}
        above -= set(groups_around(self.spec, instance.task_id))
        for each in self._groups:
            if each.group_id in above:
                return {"group": each.group_id, "group_until": each.not_before}
        return {}

    def _past(self, instance: TaskInstance) -> str:
        if instance.state != TaskState.NONE or instance.task_id not in self.spec.tasks:
            return ""
        return self._decided[0].past.get(instance.task_id, "")

    def _open_upstream(self, instance: TaskInstance) -> tuple[Holder, ...]:
        """The unfinished task instances that its rule looks at, its open setups among them."""
        task = self.spec.tasks.get(instance.task_id)
        if task is None:
            return ()
        instances = self._decided[0].instances
        branches = Branches(self.spec, instances)
        path = path_of(instance.map_index, depth_of(self.spec, task.task_id))
        found: list[Holder] = []
        for other in dict.fromkeys((*task.upstream, *sorted(relevant_setups(self.spec, task.task_id)))):
            beside = branches.under(other, path[: shared(self.spec, task.task_id, other)])
            for index in in_order(beside, depth_of(self.spec, other)):
                each = instances[other][index]
                if each.state in FINISHED:
                    continue
                state = "not started" if each.state == TaskState.NONE else str(each.state)
                levels = depth_of(self.spec, other)
                found.append(Holder(self.run.dag_id, self.run.run_id, other, index, state, levels))
                if len(found) == MOST_HELD:
                    return tuple(found)
        return tuple(found)
