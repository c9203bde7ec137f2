"""When work ends that has to share slots: a list schedule, worked out without a clock."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

Place = tuple[str, str]
"""What a piece of work takes a share of: ``("pool", name)``, ``("queue", name)``, ``("run", "")`` and the like."""
Wants = tuple[tuple[Place, int], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces of work that are alike. ``after``: seconds from now before which they may not begin."""

    seconds: float
    count: int = 1
    after: float = 0.0
    begun: bool = False  # it holds its places already, and has so many seconds left


@dataclass(frozen=True, slots=True)
class Work:
    """One task: it may begin when those of ``upstream`` have ended that are worked on as well, and has ended with its last piece."""

    batches: tuple[Batch, ...]
    upstream: tuple[Hashable, ...] = ()
    wants: Wants = ()
    priority: int = 0
    waits_for: str = "all"  # "any": the first of upstream is enough; "none": it waits for nothing


def ends(
    works: Mapping[Hashable, Work], room: Mapping[Place, int], wanted: Collection[Hashable] | None = None
) -> dict[Hashable, float]:
    """Return in how many seconds each work ends; who never gets a place is left out.

    With ``wanted``, what ends after all of these is left out, too.

    The best priority goes first, then who waited longest, as a claim chooses. A place that ``room`` does not name
    has no limit. Pieces that are alike and find room at once are one step, so ten thousand of them cost few.
    """
    return _Schedule(works, room, wanted).run()


class _Schedule:
    def __init__(
        self, works: Mapping[Hashable, Work], room: Mapping[Place, int], wanted: Collection[Hashable] | None
    ) -> None:
        self.works = works
        self.wanted = set(works if wanted is None else wanted)
        self.free = dict(room)
        self.found: dict[Hashable, float] = {}
        self.left = {key: sum(batch.count for batch in work.batches) for key, work in works.items()}
        self.missing: dict[Hashable, int] = {}
        self.below: dict[Hashable, list[Hashable]] = {}
        self.waiting: dict[Wants, list[tuple[int, float, int, Hashable, Batch]]] = {}
        self.coming: list[tuple[float, int, Hashable, Batch, int]] = []  # at, number, of whom, of what, how many ended
        self.number = 0
        for key, work in works.items():
            above = [each for each in work.upstream if each in works]
            any_gone = len(above) < len(work.upstream) and work.waits_for == "any"
            self.missing[key] = 0 if work.waits_for == "none" or any_gone else len(above)
            if work.waits_for == "any" and self.missing[key]:
                self.missing[key] = 1
            for each in above:
                self.below.setdefault(each, []).append(key)

    def run(self) -> dict[Hashable, float]:
        for key, work in self.works.items():
            for batch in work.batches:
                if batch.begun:
                    self._take(work.wants, batch.count)
                    self._push(batch.seconds, key, batch, batch.count)
        self._ready([key for key, count in self.missing.items() if not count], 0.0)
        self._fill(0.0)
        while self.coming and self.wanted:
            at = self.coming[0][0]
            while self.coming and self.coming[0][0] == at:
                _, _, key, batch, ended = heappop(self.coming)
                if ended:
                    self._ended(key, ended, at)
                else:
                    self._wait(key, batch, at)
            self._fill(at)
        return self.found

    def _push(self, at: float, key: Hashable, batch: Batch, ended: int) -> None:
        self.number += 1
        heappush(self.coming, (at, self.number, key, batch, ended))

    def _take(self, wants: Wants, count: int) -> None:
        for place, share in wants:
            if place in self.free:
                self.free[place] -= share * count

    def _ready(self, keys: list[Hashable], at: float) -> None:
        """Have works begin whose upstream is done, and all that follows at once from those with nothing to do."""
        while keys:
            key = keys.pop()
            for batch in self.works[key].batches:
                if not batch.begun and batch.after > at:
                    self._push(batch.after, key, batch, 0)
                elif not batch.begun:
                    self._wait(key, batch, at)
            if not self.left[key]:
                keys += self._done(key, at)

    def _wait(self, key: Hashable, batch: Batch, at: float) -> None:
        work = self.works[key]
        self.number += 1
        heappush(self.waiting.setdefault(work.wants, []), (-work.priority, at, self.number, key, batch))

    def _ended(self, key: Hashable, count: int, at: float) -> None:
        self._take(self.works[key].wants, -count)
        self.left[key] -= count
        if not self.left[key]:
            self._ready(self._done(key, at), at)

    def _done(self, key: Hashable, at: float) -> list[Hashable]:
        """Note an end; return what may begin now."""
        self.found[key] = at
        self.wanted.discard(key)
        due = []
        for below in self.below.get(key, ()):
            self.missing[below] -= 1
            if not self.missing[below]:  # below nought: it has begun before
                due.append(below)
        return due

    def _fill(self, at: float) -> None:
        """Give what is free to who waits."""
        blocked: set[Wants] = set()
        for wants in self._best_first(blocked):
            queue = self.waiting[wants]
            priority, since, number, key, batch = heappop(queue)
            fits = min((self.free[place] // share for place, share in wants if place in self.free), default=batch.count)
            count = min(batch.count, fits)
            if count > 0:
                self._take(wants, count)
                self._push(at + batch.seconds, key, batch, count)
            if count < batch.count:
                rest = Batch(batch.seconds, batch.count - max(count, 0))
                heappush(queue, (priority, since, number, key, rest))
                blocked.add(wants)
            elif not queue:
                del self.waiting[wants]

    def _best_first(self, blocked: set[Wants]) -> Iterator[Wants]:
        while True:
            open_ones = [wants for wants in self.waiting if wants not in blocked]
            if not open_ones:
                return
            yield min(open_ones, key=lambda wants: self.waiting[wants][0][:3])
