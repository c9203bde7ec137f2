"""How late a scheduled run's first line of user code is."""

from __future__ import annotations

from datetime import datetime

from bench.place import Pair, Place
from bench.stats import median, percentile


def measure(where: Place, pair: Pair) -> None:
    count = 8 if where.quick else 30
    pair.stamps.skip()
    pair.engine.call("PATCH", "/api/v2/dags/bench_clock", {"is_paused": False})
    found = pair.stamps.wait(count + 1, count + 30)
    pair.engine.call("PATCH", "/api/v2/dags/bench_clock", {"is_paused": True})
    runs = pair.engine.get("/api/v2/dags/bench_clock/dagRuns?limit=100&order_by=-run_after")["dag_runs"]
    due = {run["dag_run_id"]: datetime.fromisoformat(run["run_after"]).timestamp() for run in runs}
    # The first may be made for an instant that passed while the DAG was paused.
    late = [each.wall - due[each.run] for each in found[1:]]
    where.set("schedule_lateness_p50_ms", median(late) * 1000)
    where.set("schedule_lateness_p95_ms", percentile(late, 0.95) * 1000)
    where.beside_the_hop("schedule_lateness_p95_vs_celery_hop", percentile(late, 0.95))
