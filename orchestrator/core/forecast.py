"""When a run will end, told from how long its tasks took in earlier runs.

Each earlier run is lived through once more from now on: what has ended has ended, what runs takes as long as it took
then, given that it has run so long already, and what waits shares the slots of today. So many earlier runs are so many
possible ends, in which tasks that are slow together stay so. If the run is one like them, its end is as likely to fall
between any two of these as between any other two: that makes the half and the ninety per cent of all ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .graph import topological
from .scheduling import Batch, Place, Wants, Work, ends
from .spec import DagSpec

LEAST_RUNS = 3
"""With fewer earlier runs nothing is told."""
HALF, MOST = 0.5, 0.9
MOST_STEPS = 1000
"""Of one task with thousands of instances, in each earlier run."""
MARGIN = 0.5
"""Nine of ten of fewer than nine runs lies beyond the last of them: by half at most, and less the more there are."""
TAIL = 2.0
"""Beyond the longest ever, the time goes on as heavy tails do (Pareto's exponent): who ran an hour may run another."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the instances of one task took in an earlier run, in seconds; ``count`` 0: it was skipped."""

    count: int
    seconds: float  # of all together
    longest: float

    @property
    def usual(self) -> float:
        """What one of them took, the longest left out."""
        return self.longest if self.count < 2 else (self.seconds - self.longest) / (self.count - 1)


Past = Mapping[str, Taken]
"""An earlier run, by task id."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is not over of one task. All but the first are in seconds."""

    waiting: int = 0
    is_expanded: bool = True  # False: it will have as many instances as it had then
    begun: tuple[float, ...] = ()  # each has run so long
    parked: tuple[float, ...] = ()  # each began so long ago, and waits without a slot
    later: tuple[float, ...] = ()  # each is tried again in so long


@dataclass(frozen=True, slots=True)
class Scene:
    """A run as it stands. ``came``: its tasks that were not skipped, as far as they are over."""

    spec: DagSpec
    left: Mapping[str, Left]
    came: frozenset[str] = frozenset()
    wants: Mapping[str, Wants] = field(default_factory=dict)
    room: Mapping[Place, int] = field(default_factory=dict)
    others: Sequence[Work] = ()  # of other runs, before us or beside us


@dataclass(frozen=True, slots=True)
class Forecast:
    """In how many seconds half, and nine of ten, of such runs have ended; ``tasks``: the same of the tasks asked for."""

    half: float
    most: float
    runs: int  # earlier ones it is told from
    tasks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  # tasks that no earlier run had


def forecast(scene: Scene, past: Sequence[Past], asked: Collection[str] = ()) -> Forecast | None:
    """Tell when a run ends; None where there is too little to tell it from."""
    if len(past) < LEAST_RUNS:
        return None
    known = {task_id: [run[task_id] for run in past if task_id in run and run[task_id].count] for task_id in scene.left}
    unknown = tuple(task_id for task_id, found in known.items() if not found)
    if scene.left and 2 * len(unknown) > len(scene.left):
        return None
    order = topological(scene.spec)
    lives = [_Life(scene, known, order, number, run, past).ends() for number, run in enumerate(past)]
    if any(task_id not in life for life in lives for task_id in scene.left):
        return None  # there is no place for it, so it would never end
    finished = [max((life[task_id] for task_id in scene.left), default=0.0) for life in lives]
    of_tasks = {}
    for task_id in asked:
        if task_id in scene.left:
            found = [life[task_id] for life in lives]
            of_tasks[task_id] = (quantile(found, HALF), quantile(found, MOST))
    return Forecast(quantile(finished, HALF), quantile(finished, MOST), len(past), of_tasks, unknown)


def quantile(values: Sequence[float], share: float) -> float:
    """Return what ``share`` of all further values will not exceed, as far as these tell; few need a margin on their last."""
    ordered = sorted(values)
    at = share * (len(ordered) + 1) - 1
    if at <= 0:
        return ordered[0]
    low = int(at)
    if low >= len(ordered) - 1:
        return ordered[-1] * (1 + MARGIN * (at - (len(ordered) - 1)))
    return ordered[low] + (at - low) * (ordered[low + 1] - ordered[low])


def beyond(values: Sequence[float], elapsed: float, share: float) -> float:
    """Return how long what has run ``elapsed`` will take in all: a ``share`` of those that took longer; ``values`` ordered.

    Where few took longer, the last share of cases lies beyond them all.
    """
    longer = values[bisect_right(values, elapsed) :]
    if not longer:
        return elapsed * (1 - min(share, 0.99)) ** (-1 / TAIL)
    at = share * (len(longer) + 1) - 1
    if at < 0:
        return elapsed + (longer[0] - elapsed) * (at + 1)
    low = int(at)
    if low < len(longer) - 1:
        return longer[low] + (at - low) * (longer[low + 1] - longer[low])
    return longer[-1] * (1 - min(at - (len(longer) - 1), 0.99)) ** (-1 / TAIL)


def together(begun: Sequence[float], waiting: int) -> list[tuple[float, int]]:
    """Take what runs in groups that end at once, with how many each has: so thousands behind them follow in few steps."""
    groups = max(1, min(len(begun), MOST_STEPS * len(begun) // max(waiting, 1)))
    ordered = sorted(begun)
    cuts = [at * len(ordered) // groups for at in range(groups + 1)]
    parts = [ordered[first:last] for first, last in pairwise(cuts) if first < last]
    return [(sum(part) / len(part), len(part)) for part in parts]


class _Life:
    """What is left of the run, lived through as an earlier run went."""

    def __init__(
        self,
        scene: Scene,
        known: Mapping[str, list[Taken]],
        order: Sequence[str],
        number: int,
        run: Past,
        past: Sequence[Past],
    ) -> None:
        self.scene, self.known, self.order, self.number, self.run, self.past = scene, known, order, number, run, past

    def ends(self) -> dict[Hashable, float]:
        works: dict[Hashable, Work] = {("other", at): work for at, work in enumerate(self.scene.others)}
        came = set(self.scene.came)
        for place, task_id in enumerate(self.order):
            left = self.scene.left.get(task_id)
            if left is None:
                continue
            task = self.scene.spec.tasks[task_id]
            batches: tuple[Batch, ...] = ()
            if not self._is_skipped(task_id, left, came):
                came.add(task_id)
                batches = tuple(self._batches(task_id, left, place))
            works[task_id] = Work(
                batches,
                task.upstream,
                self.scene.wants.get(task_id, ()),
                task.effective_weight,
                _WAITS_FOR.get(task.trigger_rule, "all"),
            )
        return ends(works, self.scene.room, self.scene.left)

    def _is_skipped(self, task_id: str, left: Left, came: set[str]) -> bool:
        """Whether it is skipped as it was then; not where a branch has gone another way this time, or it has begun."""
        then = self.run.get(task_id)
        if then is None or then.count or left.begun or left.parked or left.later:
            return False
        above = self.scene.spec.tasks[task_id].upstream
        if all(each not in self.scene.left for each in above):
            return False  # all it waited for has ended, and it was not skipped
        return not any(each in came and each in self.run and not self.run[each].count for each in above)

    def _batches(self, task_id: str, left: Left, place: int) -> list[Batch]:
        then = self._then(task_id)
        found = [
            Batch(max(self._longer(task_id, then, each, place + at) - each, 0.0), count, begun=True)
            for at, (each, count) in enumerate(together(left.begun, left.waiting))
        ]
        # It waits without a slot, and takes one for moments only.
        found += [
            Batch(0.0, after=max(self._longer(task_id, then, each, place + at) - each, 0.0))
            for at, each in enumerate(left.parked)
        ]
        found += [Batch(then.usual, after=each) for each in left.later]
        count = left.waiting if left.is_expanded else then.count
        if count and then.count > 1 and count > 1:
            # The longest of them stands among the others, neither first nor last.
            before = (count - 1) // 2
            found += [Batch(then.usual, before)] if before else []
            found += [Batch(then.longest), Batch(then.usual, count - 1 - before)]
        elif count:
            found.append(Batch(then.seconds / then.count, count))
        return found

    def _then(self, task_id: str) -> Taken:
        """What it took then; where it did not run then, what it took in another run, or what tasks take there."""
        then = self.run.get(task_id)
        if then is not None and then.count:
            return then
        if self.known[task_id]:
            return self.known[task_id][self.number % len(self.known[task_id])]
        usual = sorted(each.usual for each in self.run.values() if each.count) or [0.0]
        return Taken(1, usual[len(usual) // 2], usual[len(usual) // 2])

    def _longer(self, task_id: str, then: Taken, elapsed: float, place: int) -> float:
        if then.usual > elapsed:
            return then.usual
        values = sorted(each.usual for each in self.known[task_id])
        # Even shares of what is left over the earlier runs, in another order for each task: what is slow in one
        # of them need not be so in another.
        return beyond(values, elapsed, ((self.number + 0.5) / len(self.past) + place * _GOLDEN) % 1)


_GOLDEN = 0.618033988749895
_WAITS_FOR = {
    "one_success": "any",
    "one_failed": "any",
    "one_done": "any",
    "always": "none",
}
