"""How many runs a second the API takes, for ten seconds on end, while they run; and whether each of them is there."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable

from bench.place import Place
from bench.stats import median, percentile
from tests.support.servers import wait_for
from tests.support.standalone import Standalone

SECONDS = 10.0
CALLERS = 8
BODY = json.dumps({"logical_date": None, "conf": {}}).encode()
DAG = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
with DAG("bench_triggered", max_active_runs=16):
    EmptyOperator(task_id="nothing")
"""


def measure(where: Place) -> None:
    home = where.home("triggers")
    (home.dags_folder / "triggered.py").write_text(DAG)
    try:
        home.start().wait_until_healthy()
        home.wait_for_dags("bench_triggered")
        home.wait_for_run("bench_triggered", home.trigger("bench_triggered"))
        _take(home, 1.0)  # the first of each loads its version and warms its caches
        began = _count(home)
        ids, times, took = _take(home, 2.0 if where.quick else SECONDS)
        where.set("triggers_per_s", len(ids) / took)
        where.set("triggers_p50_ms", median(times) * 1000)
        where.set("triggers_p95_ms", percentile(times, 0.95) * 1000)
        where.set("triggers_lost", len(ids) - (_count(home) - began) + len(ids) - len(set(ids)))
        ended = time.monotonic()
        wait_for(lambda: _count(home, "success") == _count(home), 300, "the end of every run")
        where.set("triggers_done_after_s", time.monotonic() - ended)
    finally:
        home.stop()


def _count(home: Standalone, state: str | None = None) -> int:
    query = f"&state={state}" if state else ""
    return int(home.get(f"/api/v2/dags/bench_triggered/dagRuns?limit=1{query}")["total_entries"])


def _take(home: Standalone, seconds: float) -> tuple[list[str], list[float], float]:
    """Trigger from several callers, each as fast as it is answered; return the ids, the times, and how long it took."""
    home.get("/api/v2/dags")
    headers = {"Authorization": f"Bearer {home._token}", "Content-Type": "application/json"}
    ids: list[str] = []
    times: list[float] = []
    faults: list[BaseException] = []
    until = time.monotonic() + seconds

    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", home.port, timeout=30)
        try:
            while time.monotonic() < until:
                began = time.perf_counter()
                connection.request("POST", "/api/v2/dags/bench_triggered/dagRuns", BODY, headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise AssertionError(f"{answer.status}: {body[:300]!r}")
                times.append(time.perf_counter() - began)
                ids.append(json.loads(body)["dag_run_id"])
        except BaseException as error:
            faults.append(error)
        finally:
            connection.close()

    began = time.monotonic()
    _all([call] * CALLERS)
    if faults:
        raise faults[0]
    return ids, times, time.monotonic() - began


def _all(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=each) for each in calls]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
