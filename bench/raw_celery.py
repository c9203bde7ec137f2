"""Celery alone: what its broker, its worker and a no-op task cost on this machine, without any bookkeeping."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from celery import Celery, chain

from bench.stamps import Stamps, gaps, stamp
from bench.stats import median

QUEUE = "bench"
SLOTS = 2

app = Celery("bench")
app.conf.update(
    broker_url=os.environ.get("BENCH_BROKER_URL"),
    result_backend=None,
    task_ignore_result=True,
    accept_content=["json"],
    task_serializer="json",
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    task_default_queue=QUEUE,
)


@app.task(name="bench.noop")
def noop(path: str, name: str) -> None:
    stamp(path, name)


class RawCelery:
    """One worker with two prefork slots on the given Redis."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.url = redis_url.replace("unix://", "redis+socket://", 1) + "?virtual_host=1"
        app.conf.broker_url = self.url
        self.stamps = Stamps(folder / "celery-times")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--concurrency", str(SLOTS), "--without-gossip", "--without-mingle", "--without-heartbeat"]
        with (self.folder / "celery.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "bench.raw_celery", "worker", "-l", "warning", *options],
                env={**os.environ, "BENCH_BROKER_URL": self.url},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.rate(100)  # until it answers, and warm

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def hop(self, length: int = 50) -> list[float]:
        """Return the seconds between the tasks of one chain."""
        self.stamps.skip()
        path = str(self.stamps.path)
        chain(*[noop.si(path, f"link-{number}") for number in range(length)]).apply_async()
        return gaps(self.stamps.wait(length, 60))

    def rate(self, count: int = 500) -> float:
        """Return no-ops per second, from the first publish to the end of the last task."""
        self.stamps.skip()
        path = str(self.stamps.path)
        began = time.monotonic()
        with app.producer_or_acquire() as producer:
            for number in range(count):
                noop.apply_async((path, f"noop-{number}"), producer=producer)
        return count / (max(each.ended for each in self.stamps.wait(count, 60)) - began)


if __name__ == "__main__":  # the baseline alone
    import tempfile

    from tests.support.servers import Redis

    with tempfile.TemporaryDirectory() as name:
        redis = Redis(Path(name) / "redis")
        celery = RawCelery(Path(name), redis.start())
        celery.start()
        for _ in range(5):
            print(f"hop {median(celery.hop()) * 1000:.2f} ms, {celery.rate():.0f} no-ops/s")
        celery.stop()
        redis.stop()
