"""Files, processes and the machine, under the names that Airflow has for them."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from typing import Any

from orchestrator.sdk.exceptions import AirflowTaskTimeout

from .shims import LoggingMixin

TemporaryDirectory = tempfile.TemporaryDirectory
IS_WINDOWS = os.name == "nt"


def mkdirs(path: str, mode: int) -> None:
    """Make a folder and those above it."""
    os.makedirs(path, mode=mode, exist_ok=True)


def mkdir_p(path: str) -> None:
    os.makedirs(path, exist_ok=True)


def list_py_file_paths(directory: Any, **ignored: Any) -> list[str]:
    """The Python files below a folder."""
    return sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names if name.endswith(".py")
    )


@contextlib.contextmanager
def open_maybe_zipped(fileloc: str, mode: str = "r") -> Generator[Any]:
    """Open a file, also one inside of a zip archive (``some.zip/file.py``)."""
    head, found, inner = fileloc.partition(".zip/")
    if not found:
        with open(fileloc, mode) as file:
            yield file
        return
    import io
    import zipfile

    with zipfile.ZipFile(head + ".zip") as archive, archive.open(inner) as file:
        yield file if "b" in mode else io.TextIOWrapper(file)


# ---- processes


def execute_in_subprocess(cmd: list[str], cwd: str | None = None) -> None:
    """Run a command; what it says goes to the log."""
    execute_in_subprocess_with_kwargs(cmd, cwd=cwd)


def execute_in_subprocess_with_kwargs(cmd: list[str], **kwargs: Any) -> None:
    print("Executing cmd:", shlex.join(cmd), flush=True)
    subprocess.run(cmd, check=True, **kwargs)


@contextlib.contextmanager
def patch_environ(new_env_variables: dict[str, str]) -> Iterator[None]:
    """Other environment variables for as long as it lasts."""
    before = {name: os.environ.get(name) for name in new_env_variables}
    os.environ.update(new_env_variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class timeout(LoggingMixin):
    """``with timeout(seconds=10):`` raises :class:`AirflowTaskTimeout` when it takes longer."""

    def __init__(self, seconds: float = 1, error_message: str = "Timeout") -> None:
        self.seconds, self.error_message = seconds, f"{error_message}, PID: {os.getpid()}"

    def _over(self, number: int, frame: Any) -> None:
        raise AirflowTaskTimeout(self.error_message)

    def __enter__(self) -> timeout:
        self._before = signal.signal(signal.SIGALRM, self._over)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        return self

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)


# ---- the machine


def get_hostname() -> str:
    import socket

    return socket.getfqdn()


def get_host_ip_address() -> str:
    import socket

    return socket.gethostbyname(socket.getfqdn())


def getuser() -> str:
    import getpass

    return getpass.getuser()


def is_tty() -> bool:
    import sys

    return sys.stdout.isatty()


def is_venv_installed() -> bool:
    """Whether tasks can make virtual environments: Python brings what it takes."""
    return True


# ---- texts


def get_random_string(length: int = 8, choices: str = "") -> str:
    import random
    import string

    return "".join(random.choices(choices or string.ascii_letters + string.digits, k=length))


class AirflowJsonEncoder(json.JSONEncoder):
    """JSON of times, sets and numbers of numpy, too."""

    def default(self, o: Any) -> Any:
        if isinstance(o, (datetime.datetime, datetime.date)):
            return o.isoformat()
        if isinstance(o, (set, frozenset, tuple)):
            return list(o)
        if hasattr(o, "item"):
            return o.item()
        return super().default(o)


def md5(data: bytes = b"") -> Any:
    import hashlib

    return hashlib.md5(data, usedforsecurity=False)


class Singleton(type):
    """Metaclass of what there is one of."""

    _made: dict[Any, Any] = {}

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls not in cls._made:
            cls._made[cls] = super().__call__(*args, **kwargs)
        return cls._made[cls]
