"""Why something does not run: rules that look at facts and return a reason or nothing.

A new reason is a kind in :data:`orchestrator.core.reasons.KINDS`, a rule here, and its place in one of the tables
below; whoever shows reasons shows it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from .limits import never_fits
from .reasons import DagFacts, Holder, Limit, Reason, RunFacts, TaskFacts
from .states import FINISHED, RUN_FINISHED, WAITING, RunState, TaskState

MOST_NAMED = 5
"""Holders named in a sentence; the reason carries more."""

# ---- task instances


def _ended(facts: TaskFacts) -> Reason:
    return Reason(
        "ended", f"{facts.name} ended as {facts.state}{_because(facts.last_reason)}.", "Clear it to run it again."
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _run_over(facts: TaskFacts) -> Reason | None:
    if facts.run.state not in RUN_FINISHED:
        return None
    return Reason(
        "run_over",
        f"Its run {facts.run.run_id} ended as {facts.run.state}, so nothing more of it is decided.",
        "Clear the task instance, which opens the run again.",
    )


def _retry(facts: TaskFacts) -> Reason | None:
    if facts.state != TaskState.UP_FOR_RETRY or facts.due_at is None or facts.due_at <= facts.run.dag.now:
        return None
    return Reason(
        "retry",
        f"Try {facts.try_number} of {facts.max_tries + 1} failed; the next one is due in {_span(facts.run.dag.now, facts.due_at)}.",
        "Clear it to try again at once.",
        facts.due_at,
    )


def _reschedule(facts: TaskFacts) -> Reason | None:
    if facts.state != TaskState.UP_FOR_RESCHEDULE or facts.due_at is None or facts.due_at <= facts.run.dag.now:
        return None
    text = f"The sensor found nothing yet and looks again in {_span(facts.run.dag.now, facts.due_at)}."
    return Reason("reschedule", text, "Mark it as success to go on without waiting.", facts.due_at)


def _trigger_rule(facts: TaskFacts) -> Reason | None:
    if not facts.waits_for or facts.waits_for == facts.past:
        return None
    return Reason(
        "trigger_rule",
        f"It waits by its rule {facts.waits_for}{_named(facts.run.dag.dag_id, facts.open_upstream)}.",
        "It goes on when they end; mark one of them to go on without it.",
        held_by=facts.open_upstream,
    )


def _past(facts: TaskFacts) -> Reason | None:
    if not facts.past:
        return None
    text = f"It is held back by an earlier run: {facts.past}."
    return Reason("depends_on_past", text, "Rerun that task instance, or mark it as success.")


def _held(facts: TaskFacts) -> Reason | None:
    if not facts.held:
        return None
    return Reason("held", f"It is held back by {facts.held}.", "Release it.", facts.held_until)


def _about_to(facts: TaskFacts) -> Reason | None:
    if not facts.decided or facts.run.state != RunState.RUNNING:
        return None
    text = f"Nothing holds it any more: the next look at the run makes it {facts.decided}."
    return Reason("about_to", text, until=facts.run.dag.now)


def _pool_never(facts: TaskFacts) -> Reason | None:
    reason = never_fits(facts.pool, facts.pool_slots, facts.pool_size)
    if reason is None:
        return None
    text, _, remedy = reason.partition(": ")
    return Reason("pool_never", f"It can never run: {text}.", f"{remedy[:1].upper()}{remedy[1:]}.")


def _no_worker(facts: TaskFacts) -> Reason | None:
    if facts.queue.slots:
        return None
    others = f"; those alive take {', '.join(facts.queue.others)}" if facts.queue.others else "; none is alive at all"
    return Reason(
        "no_worker",
        f"No worker slot takes queue {facts.queue_name!r}{others}.",
        f"Start one: manage.py worker --queues {facts.queue_name}.",
    )


def _pool_full(facts: TaskFacts) -> Reason | None:
    pool = facts.in_pool
    if pool is None or not pool.used:
        return None
    free = max(0, pool.most - pool.used)
    asks = f"it asks for {facts.pool_slots} and {free} are free" if facts.pool_slots > 1 else "none is free"
    return Reason(
        "pool_full",
        f"Pool {facts.pool!r} has {pool.used} of {pool.most} slots in use: {asks}{_named(facts.run.dag.dag_id, pool.held_by)}.",
        "Wait for one of them to end, or enlarge the pool.",
        held_by=pool.held_by,
    )


def _limit_run(facts: TaskFacts) -> Reason | None:
    limit = facts.in_run
    if limit is None:
        return None
    return Reason(
        "limit_run",
        f"{limit.used} task instances of the run are running, and max_active_tasks is {limit.most}{_named(facts.run.dag.dag_id, limit.held_by)}.",
        "Wait for one of them to end, or raise max_active_tasks of the DAG.",
        held_by=limit.held_by,
    )


def _limit_dag(facts: TaskFacts) -> Reason | None:
    return _limit_of_task(facts, facts.of_task, "limit_dag", "max_active_tis_per_dag", "in all runs")


def _limit_dagrun(facts: TaskFacts) -> Reason | None:
    return _limit_of_task(facts, facts.of_task_in_run, "limit_dagrun", "max_active_tis_per_dagrun", "in this run")


def _limit_key(facts: TaskFacts) -> Reason | None:
    limit = facts.of_key
    if limit is None:
        return None
    return Reason(
        "limit_key",
        f"{limit.used} task instances of the key {facts.key!r} are running, and its concurrency_limit is {limit.most}"
        f"{_named(facts.run.dag.dag_id, limit.held_by)}.",
        "Wait for one of them to end, or raise concurrency_limit of the task.",
        held_by=limit.held_by,
    )


def _pool_rate(facts: TaskFacts) -> Reason | None:
    if facts.rate_until is None:
        return None
    return Reason(
        "pool_rate",
        f"Pool {facts.pool!r} lets {facts.rate} a minute start: the next one may in "
        f"{_span(facts.run.dag.now, facts.rate_until)}.",
        "Wait, or raise the rate of the pool.",
        facts.rate_until,
    )


def _group_retry(facts: TaskFacts) -> Reason | None:
    if facts.group_until is None:
        return None
    text = f"Group {facts.group!r}, which it comes after, failed and is run again"
    if facts.group_until > facts.run.dag.now:
        text += f" in {_span(facts.run.dag.now, facts.group_until)}"
    return Reason(
        "group_retry",
        f"{text}.",
        "Mark what failed in it as success, or clear it to run it at once.",
        facts.group_until,
    )


def _limit_of_task(facts: TaskFacts, limit: Limit | None, kind: str, name: str, where: str) -> Reason | None:
    if limit is None:
        return None
    return Reason(
        kind,
        f"{limit.used} instances of its task are under way {where}, and its {name} is {limit.most}{_named(facts.run.dag.dag_id, limit.held_by)}.",
        f"Wait for one of them to end, or raise {name} of the task.",
        held_by=limit.held_by,
    )


def _in_line(facts: TaskFacts) -> Reason | None:
    queue = facts.queue
    if not queue.slots:
        return None
    before = f"{queue.ready_before} ready task instances come first"
    if queue.busy >= queue.slots:
        text = f"All {queue.slots} worker slots of queue {facts.queue_name!r} are busy" + (
            f", and {before}" if queue.ready_before else ""
        )
        return Reason("slots_busy", f"{text}.", "Wait, or start more worker slots for the queue.")
    if queue.ready_before:
        text = f"It is ready for queue {facts.queue_name!r}: {before}, by priority and by how long they have waited."
        return Reason("in_line", text, "Raise its priority_weight, or start more worker slots.")
    return None


def _claimable(facts: TaskFacts) -> Reason:
    text = f"Nothing holds it: a free worker slot of queue {facts.queue_name!r} claims it next."
    return Reason("about_to", text, until=facts.run.dag.now)


def _deferred(facts: TaskFacts) -> Reason:
    if not facts.triggerers:
        text = f"Its trigger {facts.trigger} cannot run: no triggerer is alive."
        return Reason("triggerer_missing", text, "Start one: manage.py triggerer.", facts.due_at)
    ends = f"; it times out in {_span(facts.run.dag.now, facts.due_at)}" if facts.due_at else ""
    return Reason(
        "deferred", f"Its trigger {facts.trigger} has not fired yet{ends}.", "Clear it to start over.", facts.due_at
    )


def _awaiting_input(facts: TaskFacts) -> Reason:
    by = f" by {', '.join(facts.asked)}" if facts.asked else ""
    ends = f"; it is given up in {_span(facts.run.dag.now, facts.due_at)}" if facts.due_at else ""
    return Reason(
        "awaiting_input",
        f"“{facts.question}” has yet to be answered{by}{ends}.",
        "Answer it, on its page or under required actions.",
        facts.due_at,
    )


def _dag_frozen(facts: TaskFacts) -> Reason | None:
    """A DAG that is only paused has its runs under way finish."""
    return _dag_paused(facts.run.dag) if facts.run.dag.is_frozen else None


def _looks_hung(facts: TaskFacts) -> Reason | None:
    if not facts.hung or facts.hung_since is None:
        return None
    text = f"It looks hung: for {_span(facts.hung_since, facts.run.dag.now)} {facts.hung}."
    return Reason("looks_hung", text, "Its stack is with its tries; clear it to stop it and run it again, or mark it.")


TaskRule = Callable[[TaskFacts], Reason | None]
ALWAYS: tuple[TaskRule, ...] = (_run_over, _dag_frozen, _pool_never, _no_worker)
"""What holds whatever has not ended and does not run, now or when its turn comes."""
OF_WAITING: tuple[TaskRule, ...] = (_retry, _reschedule, _held, _past, _group_retry, _trigger_rule, _about_to)
OF_READY: tuple[TaskRule, ...] = (_pool_full, _pool_rate, _limit_run, _limit_dag, _limit_dagrun, _limit_key)
"""The limits that a claim keeps within."""


def why_task(facts: TaskFacts) -> list[Reason]:
    """Return why a task instance does not run, what is nearest to it first; nothing where it runs (and goes on)."""
    if facts.state in FINISHED:
        return [_ended(facts)]
    if facts.state == TaskState.RUNNING:
        return _given((_looks_hung,), facts)
    if facts.state == TaskState.AWAITING_INPUT:
        return [_awaiting_input(facts), *_given(ALWAYS, facts)]
    if facts.state == TaskState.DEFERRED:
        return [_deferred(facts), *_given(ALWAYS, facts)]
    if facts.state in WAITING:
        queued = [] if facts.run.state != RunState.QUEUED else why_run(facts.run)
        return _once([*queued, *_given((*OF_WAITING, *ALWAYS), facts)])
    held = _given((*OF_READY, *ALWAYS), facts)
    return held or _given((_in_line,), facts) or [_claimable(facts)]


# ---- runs


def _run_after(facts: RunFacts) -> Reason | None:
    if facts.run_after <= facts.dag.now:
        return None
    text = f"The run may not start before its time, {_span(facts.dag.now, facts.run_after)} from now."
    return Reason("run_after", text, until=facts.run_after)


def _backfill_paused(facts: RunFacts) -> Reason | None:
    if not facts.backfill_paused:
        return None
    remedy = f"Let it go on: manage.py backfill unpause {facts.backfill}."
    return Reason("backfill_paused", f"Its backfill {facts.backfill} is paused.", remedy)


def _max_active_runs(facts: RunFacts) -> Reason | None:
    limit = facts.places
    if limit is None or limit.used < limit.most:
        return None
    if facts.backfill is not None:
        return Reason(
            "backfill_limit",
            f"{limit.used} runs of its backfill {facts.backfill} are running, and its max_active_runs is {limit.most}"
            f"{_named(facts.dag.dag_id, limit.held_by)}.",
            "Wait for one of them to end.",
            held_by=limit.held_by,
        )
    return Reason(
        "max_active_runs",
        f"{limit.used} runs of the DAG are running, and max_active_runs is {limit.most}{_named(facts.dag.dag_id, limit.held_by)}.",
        "Wait for one of them to end, end one, or raise max_active_runs of the DAG.",
        held_by=limit.held_by,
    )


def _dag_paused_for_run(facts: RunFacts) -> Reason | None:
    return _dag_paused(facts.dag)


def _scheduler_for_run(facts: RunFacts) -> Reason | None:
    return _scheduler_missing(facts.dag)


RunRule = Callable[[RunFacts], Reason | None]
OF_QUEUED: tuple[RunRule, ...] = (
    *(_dag_paused_for_run, _backfill_paused, _run_after, _max_active_runs, _scheduler_for_run),
)


def why_run(facts: RunFacts) -> list[Reason]:
    """Return why a run does not go on by itself; nothing while it runs, where its tasks have the reasons."""
    if facts.state in RUN_FINISHED:
        text = f"The run ended as {facts.state}{_because(facts.last_reason)}."
        return [Reason("ended", text, "Clear the run to have it run again.")]
    if facts.state != RunState.QUEUED:
        return []
    held = [reason for rule in OF_QUEUED if (reason := rule(facts)) is not None]
    text = "Nothing holds the run: the next pass of the scheduler starts it."
    return held or [Reason("about_to", text, until=facts.dag.now)]


# ---- DAGs


def _dag_paused(facts: DagFacts) -> Reason | None:
    if not facts.is_paused:
        return None
    remedy = f"Switch it on: manage.py dags unpause {facts.dag_id}."
    if facts.is_frozen:
        text = f"DAG {facts.dag_id!r} is frozen: its queued runs do not start, and its ready task instances are not claimed."
        return Reason("dag_frozen", text, remedy)
    return Reason("dag_paused", f"DAG {facts.dag_id!r} is paused: its queued runs do not start.", remedy)


def _import_error(facts: DagFacts) -> Reason | None:
    if not facts.import_error:
        return None
    used = "its last good version is used" if facts.has_version else "it has no version that could run"
    return Reason("import_error", f"Its file cannot be imported, so {used}: {facts.import_error}", "Mend the file.")


def _dag_stale(facts: DagFacts) -> Reason | None:
    if not facts.is_stale:
        return None
    text = "No file defines the DAG any more: it gets no new runs, and those that have begun go on."
    return Reason("dag_stale", text, "Put its file back into the DAG folder, or delete the DAG.")


def _no_version(facts: DagFacts) -> Reason | None:
    if facts.has_version or facts.import_error:
        return None
    return Reason("no_version", "The DAG was never parsed without errors.", "Look at the import errors.")


def _schedule_error(facts: DagFacts) -> Reason | None:
    if not facts.schedule_error:
        return None
    return Reason("schedule_error", f"Its schedule cannot be followed: {facts.schedule_error}", "Mend its schedule.")


def _no_schedule(facts: DagFacts) -> Reason | None:
    if facts.has_schedule:
        return None
    return Reason(
        "no_schedule", "The DAG has no schedule: it runs when it is triggered.", "Trigger it, or schedule it."
    )


def _no_run_left(facts: DagFacts) -> Reason | None:
    if not facts.has_schedule or facts.next_run is not None or facts.schedule_error or facts.is_stale:
        return None
    if facts.missing_assets is not None:
        return None
    return Reason("no_run_left", f"It has no run to come: {facts.ending}.", "Trigger it, or change its schedule.")


def _assets_missing(facts: DagFacts) -> Reason | None:
    if not facts.missing_assets or facts.is_stale:
        return None
    shown = ", ".join(facts.missing_assets[:5])
    more = f" and {len(facts.missing_assets) - 5} more" if len(facts.missing_assets) > 5 else ""
    text = f"It runs when its assets have changed since its last run on them; still missing: {shown}{more}."
    return Reason("assets_missing", text, "Run what makes them, or create an event on the asset's page.")


def _runs_full(facts: DagFacts) -> Reason | None:
    limit = facts.runs
    if limit is None or limit.used < limit.most or facts.next_run is None:
        return None
    return Reason(
        "max_active_runs",
        f"{limit.used} of its runs are queued or running, and max_active_runs is {limit.most}: the next scheduled run is "
        f"made when one of them has ended{_named(facts.dag_id, limit.held_by)}.",
        "Wait, end one of them, or raise max_active_runs.",
        held_by=limit.held_by,
    )


def _scheduler_missing(facts: DagFacts) -> Reason | None:
    if facts.scheduler_alive:
        return None
    text = "No process is alive that makes due runs and starts queued ones: neither beat nor control nor a worker."
    return Reason("scheduler_missing", text, "Start manage.py standalone, or the roles scheduler and worker.")


def _next_run(facts: DagFacts) -> Reason | None:
    if facts.next_run is None:
        return None
    due = facts.next_run <= facts.now
    text = "Its next run is due now." if due else f"Its next run is due in {_span(facts.now, facts.next_run)}."
    return Reason("next_run", text, "" if due else "Trigger it to run it sooner.", facts.next_run)


DagRule = Callable[[DagFacts], Reason | None]
OF_DAG: tuple[DagRule, ...] = (
    *(
        _import_error,
        _no_version,
        _dag_stale,
        _dag_paused,
        _schedule_error,
        _no_schedule,
        _no_run_left,
        _assets_missing,
        _runs_full,
    ),
    *(_scheduler_missing, _next_run),
)


def why_dag(facts: DagFacts) -> list[Reason]:
    """Return why a DAG gets no run just now, and when its next one is due."""
    return [reason for rule in OF_DAG if (reason := rule(facts)) is not None]


# ---- words


def _given(rules: Iterable[TaskRule], facts: TaskFacts) -> list[Reason]:
    return [reason for rule in rules if (reason := rule(facts)) is not None]


def _once(reasons: Iterable[Reason]) -> list[Reason]:
    return list({(each.kind, each.text): each for each in reasons}.values())


def _named(dag_id: str, holders: tuple[Holder, ...]) -> str:
    if not holders:
        return ""
    names = [each.name_in(dag_id) + (f" ({each.state})" if each.state else "") for each in holders[:MOST_NAMED]]
    more = f" and {len(holders) - MOST_NAMED} more" if len(holders) > MOST_NAMED else ""
    return f": {', '.join(names)}{more}"


def _span(now: datetime, then: datetime) -> str:
    """A span of time as people say it, in its two largest units."""
    left = max(0, round((then - now).total_seconds()))
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "a moment"
