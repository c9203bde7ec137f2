"""One run of ten thousand mapped tasks and one chain of a thousand: how fast, in how much memory, and whether the last of
their tasks cost what the first did."""

from __future__ import annotations

import time

from bench import dags
from bench.place import Pair, Place
from bench.stamps import Stamp, gaps
from bench.stats import median
from tests.support import processes


def measure(where: Place, pair: Pair) -> None:
    smaller = dags.QUICK if where.quick else 1
    found, peak = _run(pair, "bench_mapped", dags.MAPPED // smaller)
    # By when they began: what one slot did meanwhile is in the span of the other's.
    tenth = len(found) // 10
    where.set("mapped_s", found[-1].ended - found[0].began)
    where.set("mapped_per_s", (len(found) - 1) / (found[-1].began - found[0].began))
    where.set("mapped_vs_celery_noop", where.figures["mapped_per_s"] / where.figures["celery_noop_per_s"])
    where.set("mapped_last_tenth_vs_first", _span(found[-tenth:]) / _span(found[:tenth]))
    where.set("mapped_pss_mb", peak / 1e6)
    found, peak = _run(pair, "bench_deep", dags.DEEP // smaller)
    between = gaps(found)
    tenth = len(between) // 10
    where.set("deep_s", found[-1].ended - found[0].began)
    where.set("deep_gap_p50_ms", median(between) * 1000)
    where.beside_the_hop("deep_gap_vs_celery_hop", median(between))
    where.set("deep_last_tenth_vs_first", median(between[-tenth:]) / median(between[:tenth]))
    where.set("deep_pss_mb", peak / 1e6)


def _run(pair: Pair, dag_id: str, count: int) -> tuple[list[Stamp], int]:
    """Return the tasks of one run in the order they began, and the most memory that the installation took meanwhile."""
    pair.stamps.skip()
    run = pair.engine.trigger(dag_id)
    deadline, peak = time.monotonic() + 300, 0
    while pair.engine.run_state(dag_id, run) != "success":
        if time.monotonic() > deadline:
            raise AssertionError(f"run {run} of {dag_id} did not succeed in 300 s")
        peak = max(peak, sum(processes.pss_bytes(each.pid) for each in pair.engine.tree()))
        time.sleep(1)
    return pair.stamps.wait(count, 30), peak


def _span(found: list[Stamp]) -> float:
    return found[-1].began - found[0].began
