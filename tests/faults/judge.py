"""Whether everything is as it was promised, judged by the database's rows and by the ledger of the tasks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from tests.support.ledger import Key, Ledger
from tests.support.observer import Observer
from tests.support.servers import wait_for
from tests.support.standalone import Standalone

ACCEPTED = ("success", "failed", "skipped")
ATTEMPTS = (
    "SELECT i.dag_id, r.run_id, i.task_id, i.map_index, a.token, a.generation, a.outcome FROM runs_app_attempt a "
    "JOIN runs_app_taskinstance i ON i.id = a.task_instance_id JOIN runs_app_dagrun r ON r.id = i.run_id"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``wrong`` says in a sentence each what broke a promise."""

    wrong: list[str]
    attempts: int
    late: int


def check_invariants(engine: Standalone) -> list[str]:
    """Return the rules that the product's own checker finds broken."""
    answer = engine.manage("check_invariants", "--json", check=False)
    try:
        found = json.loads(answer.stdout)
    except ValueError:
        return [f"check_invariants gave no answer: {answer.stdout[-500:]} {answer.stderr[-1500:]}"]
    return [f"{each['rule']} is broken ({each['says']}): {each['rows'][:3]}" for each in found["broken"]]


def wait_until_ended(observer: Observer, limit: float) -> list[str]:
    """Wait for the runs that are under way now; return those that are not over in time, with their open tasks."""
    under_way = {pk for (pk,) in observer.rows(UNDER_WAY)}
    try:
        wait_for(lambda: not under_way & {pk for (pk,) in observer.rows(UNDER_WAY)}, limit)
    except AssertionError:
        return [
            f"{dag_id} {run_id} has not ended after {limit:g} s: {task_id}[{map_index}] is {state}"
            for pk, dag_id, run_id, task_id, map_index, state in observer.rows(OPEN_TASKS)
            if pk in under_way
        ]
    return []


def judge_backfills(observer: Observer, accepted: Collection[int], limit: float) -> list[str]:
    """Return what backfills that were accepted lack: themselves, their end, and one run that succeeded for each date."""
    try:
        wait_for(lambda: not observer.rows("SELECT id FROM runs_app_backfill WHERE completed_at IS NULL"), limit)
    except AssertionError:
        pass  # told below
    there = dict(observer.rows("SELECT id, completed_at FROM runs_app_backfill"))
    wrong = [f"backfill {pk}: the API took it, and it is gone" for pk in accepted if pk not in there]
    wrong += [f"backfill {pk} is not over {limit:g} s after its runs" for pk, ended in there.items() if ended is None]
    return wrong + [
        f"backfill {pk} of {logical_date}: {reason or state or 'no run'}"
        for pk, logical_date, reason, state in observer.rows(
            "SELECT e.backfill_id, e.logical_date, e.exception_reason, r.state FROM runs_app_backfilldagrun e "
            "LEFT JOIN runs_app_dagrun r ON r.id = e.dag_run_id WHERE r.state IS NULL OR r.state <> 'success'"
        )
    ]


UNDER_WAY = "SELECT id FROM runs_app_dagrun WHERE state IN ('queued', 'running')"
OPEN_TASKS = (
    "SELECT r.id, r.dag_id, r.run_id, i.task_id, i.map_index, i.state FROM runs_app_dagrun r "
    "LEFT JOIN runs_app_taskinstance i ON i.run_id = r.id AND i.ended_at IS NULL WHERE r.state IN ('queued', 'running')"
)


def judge(observer: Observer, ledger: Ledger, accepted: Collection[tuple[str, str]]) -> Verdict:
    """Compare what the database says with what the tasks told."""
    wrong = [f"{dag_id} {run_id}: the API took it, and it is gone" for dag_id, run_id in _lost(observer, accepted)]
    wrong += [
        f"{dag_id} {run_id} ended {state}"
        for dag_id, run_id, state in observer.rows(
            "SELECT dag_id, run_id, state FROM runs_app_dagrun WHERE state = 'failed'"
        )
    ]
    # The clock goes on meanwhile: an attempt is known before its code begins, and its code ends before it has succeeded.
    starts, over = ledger.starts(), ledger.ends()
    attempts = {Key(*row[:5]): (row[5], row[6]) for row in observer.rows(ATTEMPTS)}
    results = Counter(
        (key.dag, key.run, key.task, key.map_index, generation)
        for key, (generation, outcome) in attempts.items()
        if outcome in ACCEPTED
    )
    wrong += [f"{key}: {count} results were accepted" for key, count in results.items() if count > 1]
    ends = ledger.ends()
    wrong += [f"{key} began {len(found)} times under one token" for key, found in starts.items() if len(found) > 1]
    wrong += [f"{key} ran, and no attempt is known" for key in starts if key not in attempts]
    wrong += [
        f"{key} succeeded, and its code never came to its end"
        for key, (_, outcome) in attempts.items()
        if outcome == "success" and key not in ends
    ]
    late = sum(1 for key in over if attempts.get(key, (0, "success"))[1] != "success")
    return Verdict(wrong, len(attempts), late)


def _lost(observer: Observer, accepted: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    there = set(observer.rows("SELECT dag_id, run_id FROM runs_app_dagrun"))
    return [each for each in accepted if each not in there]
