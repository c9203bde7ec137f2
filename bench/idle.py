"""What an installation with 20 DAGs and no runs costs: memory and processor, its own Redis included."""

from __future__ import annotations

import time

from bench import dags
from bench.place import Place
from tests.support import processes

SETTLE_SECONDS = 5
WATCH_SECONDS = 20


def measure(where: Place) -> None:
    home = where.home("idle", own_redis=True, ORCHESTRATOR_PAUSED_AT_CREATION="true")
    dags.write_plain(home.dags_folder, 20)
    try:
        home.start().wait_until_healthy()
        home.wait_for_dags("plain_000", "plain_019")
        home.disconnect()
        time.sleep(SETTLE_SECONDS)
        before = {each.pid: each.cpu_seconds for each in home.tree()}
        began = time.monotonic()
        time.sleep(5 if where.quick else WATCH_SECONDS)
        after = home.tree()
        spent = sum(each.cpu_seconds - before.get(each.pid, 0) for each in after)
        where.set("idle_cpu_percent", 100 * spent / (time.monotonic() - began))
        where.set("idle_pss_mb", sum(processes.pss_bytes(each.pid) for each in after) / 1e6)
        where.set("idle_processes", len(after))
    finally:
        home.stop()
