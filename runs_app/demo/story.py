"""What might have become of one run: the states, tries and times of its task instances. Pure, and the same for a seed."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from orchestrator.core.graph import topological
from orchestrator.core.setups import deciding_leaves
from orchestrator.core.spec import DagSpec, TaskSpec
from orchestrator.core.states import FAILED_STATES, FINISHED, RunState, TaskState
from orchestrator.core.trigger_rules import Counts, Verdict, judge

MAPPED = (3, 5, 8)
"""So many instances a mapped task has, when nobody says."""
ENDED_BY_VERDICT = {
    Verdict.SKIP: TaskState.SKIPPED,
    Verdict.UPSTREAM_FAILED: TaskState.UPSTREAM_FAILED,
    Verdict.WAIT: TaskState.NONE,
    Verdict.REMOVED: TaskState.REMOVED,
}


@dataclass(slots=True)
class Try:
    """One attempt; open without ``ended``."""

    started: datetime
    ended: datetime | None
    outcome: str | None


@dataclass(slots=True)
class Instance:
    """One task instance as it stands in the end."""

    task: TaskSpec
    map_index: int
    state: TaskState
    scheduled: datetime | None = None
    ended: datetime | None = None
    not_before: datetime | None = None
    tries: list[Try] = field(default_factory=list)
    followed: list[str] | None = None  # what a branch chose

    @property
    def begun(self) -> int:
        """How many tries it had: an attempt that only asked goes on with the same one."""
        return sum(each.outcome != "awaiting_input" for each in self.tries) or int(bool(self.tries))


@dataclass(slots=True)
class Story:
    """A run's instances by task, and how it ended (None: it has not)."""

    instances: dict[str, list[Instance]]
    state: RunState
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Mood:
    """How a day is: how likely a try fails, how slow everything is, and of how many parts a mapped task is."""

    failing: float = 0.0
    pace: float = 1.0
    wide: int | None = None
    now: datetime | None = None  # nothing later than this has happened
    asking: frozenset[str] = frozenset()  # tasks that ask people
    unanswered: frozenset[str] = frozenset()  # those of them that still wait


def tell(spec: DagSpec, start: datetime, random: Random, mood: Mood) -> Story:
    """Live through one run that starts at ``start``."""
    found: dict[str, list[Instance]] = {}
    left_out: set[str] = set()
    for task_id in topological(spec):
        task = spec.tasks[task_id]
        above = [each for name in task.upstream for each in found[name]]
        ready = max((each.ended for each in above if each.ended), default=start)
        if task_id in left_out:
            found[task_id] = [Instance(task, -1, TaskState.SKIPPED, ended=ready)]
            continue
        found[task_id] = _live(spec, task, above, ready, random, mood)
        for each in found[task_id]:
            if task.skips == "branch" and each.state == TaskState.SUCCESS:
                chosen = _choice(spec, task, random)
                each.followed = [chosen]
                left_out |= set(spec.downstream[task_id]) - {chosen}
    return _ended(spec, found, start)


def _live(
    spec: DagSpec, task: TaskSpec, above: list[Instance], ready: datetime, random: Random, mood: Mood
) -> list[Instance]:
    if mood.now is not None and (ready > mood.now or any(each.state not in FINISHED for each in above)):
        return [Instance(task, -1, TaskState.NONE)]
    verdict = judge(task.trigger_rule, _counts(spec, above))
    if verdict != Verdict.RUN:
        state = ENDED_BY_VERDICT[verdict]
        return [Instance(task, -1, state, ended=ready if state in FINISHED else None)]
    if task.inline:
        return [Instance(task, -1, TaskState.SUCCESS, scheduled=ready, ended=ready)]
    if task.task_id in mood.asking:
        return [_asking(task, ready, random, mood)]
    if not task.is_mapped:
        return [_instance(task, -1, ready, random, mood)]
    wide = mood.wide or random.choice(MAPPED)
    return [_instance(task, index, ready, random, mood) for index in range(wide)]


def _counts(spec: DagSpec, above: Iterable[Instance]) -> Counts:
    states = Counter(each.state for each in above)
    setups = [each.state for each in above if each.task.is_setup]
    return Counts(
        total=sum(states.values()),
        success=states[TaskState.SUCCESS],
        skipped=states[TaskState.SKIPPED],
        failed=states[TaskState.FAILED],
        upstream_failed=states[TaskState.UPSTREAM_FAILED],
        setups=len(setups),
        success_setups=setups.count(TaskState.SUCCESS),
        skipped_setups=setups.count(TaskState.SKIPPED),
    )


def _instance(task: TaskSpec, index: int, ready: datetime, random: Random, mood: Mood) -> Instance:
    """Try until it works or no try is left."""
    own = zlib.crc32(task.task_id.encode())
    failing = min(0.9, mood.failing * (own % 7) / 3)  # some tasks never fail, some often do
    usual = 2 + 40 * (own % 97 / 97) ** 3
    at = ready + timedelta(milliseconds=random.randint(3, 900))
    tries: list[Try] = []
    for number in range(task.retries + 1):
        begun = at + timedelta(milliseconds=random.randint(2, 1500))
        if mood.now is not None and begun > mood.now:
            return Instance(task, index, TaskState.SCHEDULED, scheduled=at, tries=tries)
        ended = begun + timedelta(seconds=usual * mood.pace * math.exp(random.gauss(0, 0.35)))
        if mood.now is not None and ended > mood.now:
            tries.append(Try(begun, None, None))
            return Instance(task, index, TaskState.RUNNING, scheduled=at, tries=tries)
        if random.random() >= failing:
            tries.append(Try(begun, ended, "success"))
            return Instance(task, index, TaskState.SUCCESS, scheduled=at, ended=ended, tries=tries)
        if number == task.retries:
            break
        tries.append(Try(begun, ended, "up_for_retry"))
        due = ended + timedelta(seconds=task.retry_delay)
        if mood.now is not None and due > mood.now:
            return Instance(task, index, TaskState.UP_FOR_RETRY, scheduled=at, not_before=due, tries=tries)
        at = due
    tries.append(Try(begun, ended, "failed"))
    return Instance(task, index, TaskState.FAILED, scheduled=at, ended=ended, tries=tries)


def _asking(task: TaskSpec, ready: datetime, random: Random, mood: Mood) -> Instance:
    """Ask, wait, and go on with the answer some hours later."""
    begun = ready + timedelta(seconds=1)
    asked = Try(begun, begun + timedelta(milliseconds=300), "awaiting_input")
    if task.task_id in mood.unanswered:
        return Instance(task, -1, TaskState.AWAITING_INPUT, scheduled=ready, tries=[asked])
    again = begun + timedelta(minutes=random.randint(2, 300))
    done = again + timedelta(seconds=1)
    tries = [asked, Try(again, done, "success")]
    return Instance(task, -1, TaskState.SUCCESS, scheduled=again, ended=done, tries=tries)


def _choice(spec: DagSpec, task: TaskSpec, random: Random) -> str:
    """Mostly the last that it may follow."""
    below = sorted(spec.downstream[task.task_id])
    return below[-1] if random.random() < 0.9 else below[0]


def _ended(spec: DagSpec, found: dict[str, list[Instance]], start: datetime) -> Story:
    everything = [each for instances in found.values() for each in instances]
    if any(each.state not in FINISHED for each in everything):
        return Story(found, RunState.RUNNING, None)
    leaves = deciding_leaves(spec)
    bad = any(each.state in FAILED_STATES for task_id in leaves for each in found[task_id])
    ended = max((each.ended for each in everything if each.ended), default=start)
    return Story(found, RunState.FAILED if bad else RunState.SUCCESS, ended)
