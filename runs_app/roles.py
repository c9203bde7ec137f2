"""What each process of an installation does, as one function a role; none returns before it is told to stop."""

from __future__ import annotations

import logging
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
from django.db import DatabaseError, InterfaceError, connections

from orchestrator.celery import CONTROL_QUEUE, app

from .processes import Presence

log = logging.getLogger(__name__)

WEB_CONNECTIONS = 16
ROLES = ("web", "scheduler", "control", "worker", "triggerer", "processor")


def web(host: str | None = None, port: int | None = None) -> None:
    """Serve pages, API and web sockets."""
    import uvicorn

    # WhiteNoise hands small static files over as plain iterators, which Django reads whole: that is fine.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
    pool_connections()
    config = uvicorn.Config(
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
    signal.signal(signal.SIGTERM, _end)  # uvicorn raises the signals it got once more when it is through with them
    signal.signal(signal.SIGINT, _end)
    config.load()  # outside of the event loop
    server = _server(config)
    try:
        server.run()
    finally:
        server.presence.end()
    if not server.started:
        raise SystemExit(3)


def _server(config: Any) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        """Says that it is there once it serves: whoever waits for its first answer does not wait for that, too."""

        presence = Presence("web")

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                self.presence.start()

    return Server(config)


def _end(*_: Any) -> None:
    raise SystemExit(0)


def pool_connections() -> None:
    """Have the threads of requests and sockets share a few PostgreSQL connections, however many there are at a time."""
    connections.close_all()  # first: one made without the pool is not the pool's to take back
    for database in connections.settings.values():
        if database["ENGINE"] == "django.db.backends.postgresql":
            database["CONN_MAX_AGE"] = 0
            database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": WEB_CONNECTIONS, "timeout": 5, "max_idle": 60}
    for alias in connections:
        del connections[alias]  # made with the settings from before


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
    signal.signal(signal.SIGTERM, _end)  # until Celery has set its own
    presence = Presence("control")
    presence.start()
    try:
        _celery_worker("control", [CONTROL_QUEUE], pool="solo", concurrency=1)
    finally:
        presence.end()


def worker(queues: Sequence[str] = ("default",), slots: int | None = None) -> None:
    """A Celery worker whose processes are slots for task attempts."""
    _clear_cache()
    _celery_worker("worker", list(queues), pool="prefork", concurrency=slots or settings.ORCH.slots)


def _clear_cache() -> None:
    """The control pass does this on its own machine; here for a machine that has workers only."""
    from .control import clear_versions

    try:
        clear_versions()
    except (DatabaseError, InterfaceError, OSError) as error:
        log.warning("cache_not_cleared error=%s", error)
    connections.close_all()


def _celery_worker(name: str, queues: list[str], *, pool: str, concurrency: int) -> None:
    from .tasks import stopping

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
    # Celery counts Ctrl-C as a failure.
    raise SystemExit(0 if stopping() else made.exitcode or 0)


def _say_nothing(*_: Any) -> None:
    """In place of Celery's notes to the terminal about shutdowns, which are ours to announce."""


def triggerer() -> None:
    """Run what deferred tasks wait for, and send what webhooks are told."""
    from .triggerer import run
    from .webhook_sender import Sender

    sender = Sender()
    sender.start()
    try:
        run(_until_told())
    finally:
        sender.stop()


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
