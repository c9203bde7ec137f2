"""Priority weights in effect: a task counts with what depends on it, or with what it depends on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

LEAST, MOST = -(2**31), 2**31 - 1
DOWNSTREAM, UPSTREAM, ABSOLUTE = "downstream", "upstream", "absolute"


def effective_weights(
    upstream: Mapping[str, Collection[str]], own: Mapping[str, int], rules: Mapping[str, str]
) -> dict[str, int]:
    """Return each task's weight: its own plus those of all tasks below (``downstream``) or above (``upstream``).

    A task's own weight counts as what fits into 32 bits; sums may be larger.
    """
    own = {task_id: max(LEAST, min(weight, MOST)) for task_id, weight in own.items()}
    downstream: dict[str, list[str]] = {task_id: [] for task_id in upstream}
    for task_id, above in upstream.items():
        for other in above:
            downstream[other].append(task_id)
    sums = {DOWNSTREAM: _sums(downstream, own), UPSTREAM: _sums(upstream, own)}
    return {
        task_id: own[task_id] + (sums[rule][task_id] if (rule := rules.get(task_id, DOWNSTREAM)) in sums else 0)
        for task_id in upstream
    }


def _sums(edges: Mapping[str, Collection[str]], own: Mapping[str, int]) -> dict[str, int]:
    """The weights of all that can be reached from each task. No cycles.

    A set of tasks is the bits of one integer, and so are the tasks whose weight has a given binary digit: a chain of
    thousands has millions of pairs to add up.
    """
    bits = {task_id: 1 << place for place, task_id in enumerate(edges)}
    digits: dict[int, int] = {}  # what the digit counts -> the tasks whose weight has it
    for task_id, bit in bits.items():
        weight = own[task_id]
        for place in range(abs(weight).bit_length()):
            if abs(weight) >> place & 1:
                value = (1 << place) * (1 if weight > 0 else -1)
                digits[value] = digits.get(value, 0) | bit
    reach: dict[str, int] = {}
    for start in edges:
        pending = [start]
        while pending:
            task_id = pending[-1]
            waiting = [other for other in edges[task_id] if other not in reach] if task_id not in reach else []
            if waiting:
                pending += waiting
                continue
            pending.pop()
            if task_id not in reach:
                reach[task_id] = 0
                for other in edges[task_id]:
                    reach[task_id] |= reach[other] | bits[other]
    return {
        task_id: sum(value * (found & those).bit_count() for value, those in digits.items())
        for task_id, found in reach.items()
    }
