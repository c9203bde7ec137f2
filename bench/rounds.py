"""Chains, fan-outs and triggers, each round beside raw Celery's hop and no-op, so that drift hits both."""

from __future__ import annotations

import time

from bench import dags
from bench.place import Pair, Place
from bench.stamps import gaps
from bench.stats import median, percentile


def measure(where: Place, pair: Pair) -> None:
    rounds = 2 if where.quick else 6
    hops: list[float] = []
    chains: list[float] = []
    starts: list[float] = []
    noops: list[float] = []
    fans: list[float] = []
    empties: list[float] = []
    _chain(pair)  # the first of each loads its version and warms its caches; no user's day is made of it
    _fan(pair, "bench_empty")
    _trigger(pair)
    for _ in range(rounds):
        hops += pair.celery.hop(dags.CHAIN)
        chains += _chain(pair)
        starts += [_trigger(pair) for _ in range(8)]
        noops.append(pair.celery.rate(dags.WIDE))
        fans.append(_fan(pair, "bench_fan"))
        empties.append(_fan(pair, "bench_empty"))
    rate = median(noops)
    where.set("celery_hop_p50_ms", median(hops) * 1000)
    where.set("celery_noop_per_s", rate)
    where.set("chain_gap_p50_ms", median(chains) * 1000)
    where.set("chain_gap_p95_ms", percentile(chains, 0.95) * 1000)
    where.beside_the_hop("chain_gap_vs_celery_hop", median(chains))
    where.set("fanout_per_s", median(fans))
    where.set("fanout_vs_celery_noop", median(fans) / rate)
    where.set("fanout_no_user_code_per_s", median(empties))
    where.set("fanout_no_user_code_vs_celery_noop", median(empties) / rate)
    where.set("trigger_to_start_p50_ms", median(starts) * 1000)
    where.set("trigger_to_start_p95_ms", percentile(starts, 0.95) * 1000)
    where.beside_the_hop("trigger_to_start_vs_celery_hop", median(starts))


def _chain(pair: Pair) -> list[float]:
    """Seconds from the end of one Python task to the start of the next."""
    pair.stamps.skip()
    run = pair.engine.trigger("bench_chain")
    found = gaps(pair.stamps.wait(dags.CHAIN, 60))
    _must_succeed(pair, "bench_chain", run)
    return found


def _fan(pair: Pair, dag_id: str) -> float:
    """Completions per second between the end of the first task and the start of the last."""
    pair.stamps.skip()
    run = pair.engine.trigger(dag_id)
    _wait(pair, dag_id, run)
    found = pair.stamps.wait(2 if dag_id == "bench_empty" else dags.WIDE + 2, 30)
    return dags.WIDE / (found[-1].began - found[0].ended)


def _trigger(pair: Pair) -> float:
    """Seconds from the call of the API to the first line of user code."""
    pair.stamps.skip()
    began = time.monotonic()
    run = pair.engine.trigger("bench_one")
    found = pair.stamps.wait(1, 30)
    _must_succeed(pair, "bench_one", run)
    return found[0].began - began


def _wait(pair: Pair, dag_id: str, run: str) -> None:
    """Wait for a long run with few questions: each one takes from what is measured."""
    deadline = time.monotonic() + 120
    while pair.engine.run_state(dag_id, run) != "success":
        if time.monotonic() > deadline:
            raise AssertionError(f"run {run} of {dag_id} did not succeed in 120 s")
        time.sleep(0.25)


def _must_succeed(pair: Pair, dag_id: str, run: str) -> None:
    state = pair.engine.wait_for_run(dag_id, run)
    if state != "success":
        raise AssertionError(f"run {run} of {dag_id} ended {state}")
