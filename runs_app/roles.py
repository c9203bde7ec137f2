"""What each process of an installation does, as one function a role; none returns before it is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import celery.apps.worker
from celery.exceptions import SecurityWarning
from django.conf import settings

from orchestrator.celery import CONTROL_QUEUE, app

ROLES = ("web", "scheduler", "control", "worker", "triggerer", "processor")


def web(host: str | None = None, port: int | None = None) -> None:
    """Serve pages, API and web sockets."""
    import uvicorn

    # WhiteNoise hands small static files over as plain iterators, which Django reads whole: that is fine.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
    uvicorn.run(
        "orchestrator.asgi:application",
        host=host or settings.ORCH.host,
        port=port or settings.ORCH.port,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        proxy_headers=settings.ORCH.https,
        timeout_graceful_shutdown=2,
    )


def scheduler() -> None:
    """Celery beat with our scheduler: sleeps until the next due instant."""
    beat = app.Beat(
        scheduler="runs_app.beat:DueScheduler",
        schedule=str(Path(settings.ORCH.home) / "beat-schedule"),
        loglevel="WARNING",
        quiet=True,
        redirect_stdouts=False,
    )
    beat.install_sync_handler = _end_after_this_tick
    beat.run()


def _end_after_this_tick(service: Any) -> None:
    """Celery's own handler closes the scheduler's connections under its feet, in the middle of a tick."""

    def end(*_: Any) -> None:
        service._is_shutdown.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def control() -> None:
    """The worker of the control queue: one process, so that user tasks cannot starve it."""
    _celery_worker("control", [CONTROL_QUEUE], pool="solo", concurrency=1)


def worker(queues: Sequence[str] = ("default",), slots: int | None = None) -> None:
    """A Celery worker whose processes are slots for task attempts."""
    _celery_worker("worker", list(queues), pool="prefork", concurrency=slots or settings.ORCH.slots)


def _celery_worker(name: str, queues: list[str], *, pool: str, concurrency: int) -> None:
    celery.apps.worker.safe_say = _say_nothing
    # Celery's warning is about pickled messages; ours are JSON that names a queue.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    made = app.Worker(
        hostname=f"{name}-{os.getpid()}@{socket.gethostname()}",
        pool=pool,
        concurrency=concurrency,
        queues=queues,
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        task_events=False,
        redirect_stdouts=False,
        optimization="fair",
    )
    made.start()
    raise SystemExit(made.exitcode or 0)


def _say_nothing(*_: Any) -> None:
    """In place of Celery's notes to the terminal about shutdowns, which are ours to announce."""


def triggerer() -> None:
    """Run what deferred tasks wait for."""
    from .triggerer import run

    run(_until_told())


def processor() -> None:
    """Keep the DAGs of the database the same as the files of the folder."""
    from .management.commands.dag_processor import run

    run(_until_told())


def _until_told() -> Callable[[], bool]:
    """A function that says whether SIGTERM or SIGINT has come."""
    told = threading.Event()

    def tell(*_: Any) -> None:
        told.set()

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    return told.is_set
