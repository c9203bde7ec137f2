"""Why something does not run: rules that look at facts and return a reason or nothing.

A new reason is a kind in :data:`orchestrator.core.reasons.KINDS`, a rule here, and its place in one of the tables
below; whoever shows reasons shows it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from .limits import never_fits
from .reasons import DagFacts, Holder, Limit, Reason, RunFacts, TaskFacts
from .said import said
from .states import FINISHED, RUN_FINISHED, WAITING, RunState, TaskState

MOST_NAMED = 5
"""Holders named in a sentence; the reason carries more."""

# ---- task instances


def _ended(facts: TaskFacts) -> Reason:
    return Reason(
        "ended",
        said(
            "{name} ended as {state}{because}.", name=facts.name, state=facts.state, because=_because(facts.last_reason)
        ),
        said("Clear it to run it again."),
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _run_over(facts: TaskFacts) -> Reason | None:
    if facts.run.state not in RUN_FINISHED:
        return None
    return Reason(
        "run_over",
        said(
            "Its run {run_id} ended as {state}, so nothing more of it is decided.",
            run_id=facts.run.run_id,
            state=facts.run.state,
        ),
        said("Clear the task instance, which opens the run again."),
    )


def _retry(facts: TaskFacts) -> Reason | None:
    if facts.state != TaskState.UP_FOR_RETRY or facts.due_at is None or facts.due_at <= facts.run.dag.now:
        return None
    return Reason(
        "retry",
        said(
            "Try {try_number} of {max_tries} failed; the next one is due in {span}.",
            try_number=facts.try_number,
            max_tries=facts.max_tries + 1,
            span=_span(facts.run.dag.now, facts.due_at),
        ),
        said("Clear it to try again at once."),
        facts.due_at,
    )


def _reschedule(facts: TaskFacts) -> Reason | None:
    if facts.state != TaskState.UP_FOR_RESCHEDULE or facts.due_at is None or facts.due_at <= facts.run.dag.now:
        return None
    text = said("The sensor found nothing yet and looks again in {span}.", span=_span(facts.run.dag.now, facts.due_at))
    return Reason("reschedule", text, said("Mark it as success to go on without waiting."), facts.due_at)


def _trigger_rule(facts: TaskFacts) -> Reason | None:
    if not facts.waits_for or facts.waits_for == facts.past:
        return None
    return Reason(
        "trigger_rule",
        said(
            "It waits by its rule {waits_for}{named}.",
            waits_for=facts.waits_for,
            named=_named(facts.run.dag.dag_id, facts.open_upstream),
        ),
        said("It goes on when they end; mark one of them to go on without it."),
        held_by=facts.open_upstream,
    )


def _past(facts: TaskFacts) -> Reason | None:
    if not facts.past:
        return None
    text = said("It is held back by an earlier run: {past}.", past=facts.past)
    return Reason("depends_on_past", text, said("Rerun that task instance, or mark it as success."))


def _held(facts: TaskFacts) -> Reason | None:
    if not facts.held:
        return None
    return Reason("held", said("It is held back by {held}.", held=facts.held), said("Release it."), facts.held_until)


def _about_to(facts: TaskFacts) -> Reason | None:
    if not facts.decided or facts.run.state != RunState.RUNNING:
        return None
    text = said("Nothing holds it any more: the next look at the run makes it {decided}.", decided=facts.decided)
    return Reason("about_to", text, until=facts.run.dag.now)


def _pool_never(facts: TaskFacts) -> Reason | None:
    if never_fits(facts.pool, facts.pool_slots, facts.pool_size) is None:
        return None
    return Reason("pool_never", *_never(facts))


def _never(facts: TaskFacts) -> tuple[str, str]:
    if facts.pool_size is None:
        return said("It can never run: pool {pool} does not exist.", pool=repr(facts.pool)), said(
            "Make it, or give the task another."
        )
    text = said(
        "It can never run: it asks for {pool_slots} slots of pool {pool}, which has {pool_size}.",
        pool_slots=facts.pool_slots,
        pool=repr(facts.pool),
        pool_size=facts.pool_size,
    )
    return text, said("Lower its pool_slots or enlarge the pool.")


def _no_worker(facts: TaskFacts) -> Reason | None:
    if facts.queue.slots:
        return None
    others = (
        said("; those alive take {queues}", queues=", ".join(facts.queue.others))
        if facts.queue.others
        else said("; none is alive at all")
    )
    return Reason(
        "no_worker",
        said("No worker slot takes queue {queue_name}{others}.", queue_name=repr(facts.queue_name), others=others),
        said("Start one: manage.py worker --queues {queue_name}.", queue_name=facts.queue_name),
    )


def _pool_full(facts: TaskFacts) -> Reason | None:
    pool = facts.in_pool
    if pool is None or not pool.used:
        return None
    free = max(0, pool.most - pool.used)
    asks = (
        said("it asks for {pool_slots} and {free} are free", pool_slots=facts.pool_slots, free=free)
        if facts.pool_slots > 1
        else said("none is free")
    )
    return Reason(
        "pool_full",
        said(
            "Pool {pool} has {used} of {most} slots in use: {asks}{named}.",
            pool=repr(facts.pool),
            used=pool.used,
            most=pool.most,
            asks=asks,
            named=_named(facts.run.dag.dag_id, pool.held_by),
        ),
        said("Wait for one of them to end, or enlarge the pool."),
        held_by=pool.held_by,
    )


def _limit_run(facts: TaskFacts) -> Reason | None:
    limit = facts.in_run
    if limit is None:
        return None
    return Reason(
        "limit_run",
        said(
            "{used} task instances of the run are running, and max_active_tasks is {most}{named}.",
            used=limit.used,
            most=limit.most,
            named=_named(facts.run.dag.dag_id, limit.held_by),
        ),
        said("Wait for one of them to end, or raise max_active_tasks of the DAG."),
        held_by=limit.held_by,
    )


def _limit_dag(facts: TaskFacts) -> Reason | None:
    return _limit_of_task(facts, facts.of_task, "limit_dag", "max_active_tis_per_dag", said("in all runs"))


def _limit_dagrun(facts: TaskFacts) -> Reason | None:
    return _limit_of_task(facts, facts.of_task_in_run, "limit_dagrun", "max_active_tis_per_dagrun", said("in this run"))


def _limit_key(facts: TaskFacts) -> Reason | None:
    limit = facts.of_key
    if limit is None:
        return None
    return Reason(
        "limit_key",
        said(
            "{used} task instances of the key {key} are running, and its concurrency_limit is {most}{named}.",
            used=limit.used,
            key=repr(facts.key),
            most=limit.most,
            named=_named(facts.run.dag.dag_id, limit.held_by),
        ),
        said("Wait for one of them to end, or raise concurrency_limit of the task."),
        held_by=limit.held_by,
    )


def _pool_rate(facts: TaskFacts) -> Reason | None:
    if facts.rate_until is None:
        return None
    return Reason(
        "pool_rate",
        said(
            "Pool {pool} lets {rate} a minute start: the next one may in {span}.",
            pool=repr(facts.pool),
            rate=facts.rate,
            span=_span(facts.run.dag.now, facts.rate_until),
        ),
        said("Wait, or raise the rate of the pool."),
        facts.rate_until,
    )


def _group_retry(facts: TaskFacts) -> Reason | None:
    if facts.group_until is None:
        return None
    group = repr(facts.group)
    text = said("Group {group}, which it comes after, failed and is run again.", group=group)
    if facts.group_until > facts.run.dag.now:
        span = _span(facts.run.dag.now, facts.group_until)
        text = said("Group {group}, which it comes after, failed and is run again in {span}.", group=group, span=span)
    return Reason(
        "group_retry",
        text,
        said("Mark what failed in it as success, or clear it to run it at once."),
        facts.group_until,
    )


def _limit_of_task(facts: TaskFacts, limit: Limit | None, kind: str, name: str, where: str) -> Reason | None:
    if limit is None:
        return None
    return Reason(
        kind,
        said(
            "{used} instances of its task are under way {where}, and its {name} is {most}{named}.",
            used=limit.used,
            where=where,
            name=name,
            most=limit.most,
            named=_named(facts.run.dag.dag_id, limit.held_by),
        ),
        said("Wait for one of them to end, or raise {name} of the task.", name=name),
        held_by=limit.held_by,
    )


def _in_line(facts: TaskFacts) -> Reason | None:
    queue = facts.queue
    if not queue.slots:
        return None
    before = said("{ready_before} ready task instances come first", ready_before=queue.ready_before)
    if queue.busy >= queue.slots:
        named = _named(facts.run.dag.dag_id, queue.held_by)
        text = said(
            "All {slots} worker slots of queue {queue_name} are busy{named}.",
            slots=queue.slots,
            queue_name=repr(facts.queue_name),
            named=named,
        )
        if queue.ready_before:
            text = said(
                "All {slots} worker slots of queue {queue_name} are busy, and {before}{named}.",
                slots=queue.slots,
                queue_name=repr(facts.queue_name),
                before=before,
                named=named,
            )
        remedy = said(
            "Wait, or start more worker slots (ORCHESTRATOR_SLOTS); a sensor waits without one in mode reschedule or deferrable."
        )
        return Reason("slots_busy", text, remedy, held_by=queue.held_by)
    if queue.ready_before:
        text = said(
            "It is ready for queue {queue_name}: {before}, by priority and by how long they have waited.",
            queue_name=repr(facts.queue_name),
            before=before,
        )
        return Reason("in_line", text, said("Raise its priority_weight, or start more worker slots."))
    return None


def _claimable(facts: TaskFacts) -> Reason:
    text = said(
        "Nothing holds it: a free worker slot of queue {queue_name} claims it next.", queue_name=repr(facts.queue_name)
    )
    return Reason("about_to", text, until=facts.run.dag.now)


def _deferred(facts: TaskFacts) -> Reason:
    if not facts.triggerers:
        text = said("Its trigger {trigger} cannot run: no triggerer is alive.", trigger=facts.trigger)
        return Reason("triggerer_missing", text, said("Start one: manage.py triggerer."), facts.due_at)
    ends = said("; it times out in {span}", span=_span(facts.run.dag.now, facts.due_at)) if facts.due_at else ""
    return Reason(
        "deferred",
        said("Its trigger {trigger} has not fired yet{ends}.", trigger=facts.trigger, ends=ends),
        said("Clear it to start over."),
        facts.due_at,
    )


def _awaiting_input(facts: TaskFacts) -> Reason:
    by = said(" by {names}", names=", ".join(facts.asked)) if facts.asked else ""
    ends = said("; it is given up in {span}", span=_span(facts.run.dag.now, facts.due_at)) if facts.due_at else ""
    return Reason(
        "awaiting_input",
        said("“{question}” has yet to be answered{by}{ends}.", question=facts.question, by=by, ends=ends),
        said("Answer it, on its page or under required actions."),
        facts.due_at,
    )


def _dag_frozen(facts: TaskFacts) -> Reason | None:
    """A DAG that is only paused has its runs under way finish."""
    return _dag_paused(facts.run.dag) if facts.run.dag.is_frozen else None


def _looks_hung(facts: TaskFacts) -> Reason | None:
    if not facts.hung or facts.hung_since is None:
        return None
    text = said("It looks hung: for {span} {hung}.", span=_span(facts.hung_since, facts.run.dag.now), hung=facts.hung)
    return Reason(
        "looks_hung", text, said("Its stack is with its tries; clear it to stop it and run it again, or mark it.")
    )


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
    text = said("The run may not start before its time, {span} from now.", span=_span(facts.dag.now, facts.run_after))
    return Reason("run_after", text, until=facts.run_after)


def _backfill_paused(facts: RunFacts) -> Reason | None:
    if not facts.backfill_paused:
        return None
    remedy = said("Let it go on: manage.py backfill unpause {backfill}.", backfill=facts.backfill)
    return Reason("backfill_paused", said("Its backfill {backfill} is paused.", backfill=facts.backfill), remedy)


def _max_active_runs(facts: RunFacts) -> Reason | None:
    limit = facts.places
    if limit is None or limit.used < limit.most:
        return None
    if facts.backfill is not None:
        return Reason(
            "backfill_limit",
            said(
                "{used} runs of its backfill {backfill} are running, and its max_active_runs is {most}{named}.",
                used=limit.used,
                backfill=facts.backfill,
                most=limit.most,
                named=_named(facts.dag.dag_id, limit.held_by),
            ),
            said("Wait for one of them to end."),
            held_by=limit.held_by,
        )
    return Reason(
        "max_active_runs",
        said(
            "{used} runs of the DAG are running, and max_active_runs is {most}{named}.",
            used=limit.used,
            most=limit.most,
            named=_named(facts.dag.dag_id, limit.held_by),
        ),
        said("Wait for one of them to end, end one, or raise max_active_runs of the DAG."),
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
        text = said("The run ended as {state}{because}.", state=facts.state, because=_because(facts.last_reason))
        return [Reason("ended", text, said("Clear the run to have it run again."))]
    if facts.state != RunState.QUEUED:
        return []
    held = [reason for rule in OF_QUEUED if (reason := rule(facts)) is not None]
    text = said("Nothing holds the run: the next pass of the scheduler starts it.")
    return held or [Reason("about_to", text, until=facts.dag.now)]


# ---- DAGs


def _dag_paused(facts: DagFacts) -> Reason | None:
    if not facts.is_paused:
        return None
    remedy = said("Switch it on: manage.py dags unpause {dag_id}.", dag_id=facts.dag_id)
    if facts.is_frozen:
        text = said(
            "DAG {dag_id} is frozen: its queued runs do not start, and its ready task instances are not claimed.",
            dag_id=repr(facts.dag_id),
        )
        return Reason("dag_frozen", text, remedy)
    return Reason(
        "dag_paused", said("DAG {dag_id} is paused: its queued runs do not start.", dag_id=repr(facts.dag_id)), remedy
    )


def _import_error(facts: DagFacts) -> Reason | None:
    if not facts.import_error:
        return None
    used = said("its last good version is used") if facts.has_version else said("it has no version that could run")
    return Reason(
        "import_error",
        said("Its file cannot be imported, so {used}: {import_error}", used=used, import_error=facts.import_error),
        said("Mend the file."),
    )


def _dag_stale(facts: DagFacts) -> Reason | None:
    if not facts.is_stale:
        return None
    text = said("No file defines the DAG any more: it gets no new runs, and those that have begun go on.")
    return Reason("dag_stale", text, said("Put its file back into the DAG folder, or delete the DAG."))


def _no_version(facts: DagFacts) -> Reason | None:
    if facts.has_version or facts.import_error:
        return None
    return Reason("no_version", said("The DAG was never parsed without errors."), said("Look at the import errors."))


def _schedule_error(facts: DagFacts) -> Reason | None:
    if not facts.schedule_error:
        return None
    return Reason(
        "schedule_error",
        said("Its schedule cannot be followed: {schedule_error}", schedule_error=facts.schedule_error),
        said("Mend its schedule."),
    )


def _no_schedule(facts: DagFacts) -> Reason | None:
    if facts.has_schedule:
        return None
    return Reason(
        "no_schedule",
        said("The DAG has no schedule: it runs when it is triggered."),
        said("Trigger it, or schedule it."),
    )


def _no_run_left(facts: DagFacts) -> Reason | None:
    if not facts.has_schedule or facts.next_run is not None or facts.schedule_error or facts.is_stale:
        return None
    if facts.missing_assets is not None:
        return None
    return Reason(
        "no_run_left",
        said("It has no run to come: {ending}.", ending=facts.ending),
        said("Trigger it, or change its schedule."),
    )


def _assets_missing(facts: DagFacts) -> Reason | None:
    if not facts.missing_assets or facts.is_stale:
        return None
    shown = ", ".join(facts.missing_assets[:5])
    more = said(" and {count} more", count=len(facts.missing_assets) - 5) if len(facts.missing_assets) > 5 else ""
    text = said(
        "It runs when its assets have changed since its last run on them; still missing: {shown}{more}.",
        shown=shown,
        more=more,
    )
    return Reason("assets_missing", text, said("Run what makes them, or create an event on the asset's page."))


def _runs_full(facts: DagFacts) -> Reason | None:
    limit = facts.runs
    if limit is None or limit.used < limit.most or facts.next_run is None:
        return None
    return Reason(
        "max_active_runs",
        said(
            "{used} of its runs are queued or running, and max_active_runs is {most}: the next scheduled run is made when one of them has ended{named}.",
            used=limit.used,
            most=limit.most,
            named=_named(facts.dag_id, limit.held_by),
        ),
        said("Wait, end one of them, or raise max_active_runs."),
        held_by=limit.held_by,
    )


def _scheduler_missing(facts: DagFacts) -> Reason | None:
    if facts.scheduler_alive:
        return None
    text = said(
        "No process is alive that makes due runs and starts queued ones: neither beat nor control nor a worker."
    )
    return Reason("scheduler_missing", text, said("Start manage.py standalone, or the roles scheduler and worker."))


def _next_run(facts: DagFacts) -> Reason | None:
    if facts.next_run is None:
        return None
    due = facts.next_run <= facts.now
    text = (
        said("Its next run is due now.")
        if due
        else said("Its next run is due in {span}.", span=_span(facts.now, facts.next_run))
    )
    return Reason("next_run", text, "" if due else said("Trigger it to run it sooner."), facts.next_run)


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
    named = [each.name_in(dag_id) + (f" ({each.state})" if each.state else "") for each in holders[:MOST_NAMED]]
    names = ", ".join(named)
    if len(holders) > MOST_NAMED:
        return said(": {names} and {count} more", names=names, count=len(holders) - MOST_NAMED)
    return f": {names}"


def _span(now: datetime, then: datetime) -> str:
    """A span of time as people say it, in its two largest units."""
    left = max(0, round((then - now).total_seconds()))
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "a moment"
