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
    edges = {DOWNSTREAM: downstream, UPSTREAM: upstream}
    found = {}
    for task_id in upstream:
        rule = rules.get(task_id, DOWNSTREAM)
        total = own[task_id]
        if rule in edges:
            total += sum(own[other] for other in _reach(edges[rule], task_id))
        found[task_id] = total
    return found


def _reach(edges: Mapping[str, Collection[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = [start]
    while pending:
        for other in edges[pending.pop()]:
            if other not in found:
                found.add(other)
                pending.append(other)
    found.discard(start)
    return found
