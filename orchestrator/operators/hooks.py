"""Hooks of the standard provider: running a command, and the folder that a connection names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from orchestrator.sdk.connections import BaseHook, Connection


class SubprocessResult(NamedTuple):
    """How a command ended: its exit code, and the last line of its output."""

    exit_code: int
    output: str


class SubprocessHook(BaseHook):
    """Runs one command at a time, with its output in the log."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sub_process: Any = None

    def run_command(
        self,
        command: list[str],
        env: dict[str, str] | None = None,
        output_encoding: str = "utf-8",
        cwd: str | None = None,
    ) -> SubprocessResult:
        """Run ``command`` to its end; without ``cwd`` in a folder of its own that goes with it."""
        import subprocess

        with _folder(cwd) as folder:
            self.sub_process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ if env is None else env,
                start_new_session=True,
            )
            assert self.sub_process.stdout is not None
            last = ""
            for raw in self.sub_process.stdout:
                last = raw.decode(output_encoding, errors="backslashreplace").rstrip()
                self.log.info("%s", last)
            return SubprocessResult(self.sub_process.wait(), last)

    def send_sigterm(self) -> None:
        """SIGTERM the command and all that it started."""
        import signal

        if self.sub_process is not None and self.sub_process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.sub_process.pid, signal.SIGTERM)


@contextlib.contextmanager
def _folder(given: str | None) -> Iterator[str]:
    if given is not None:
        yield given
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="task-") as made:
        yield made


class FSHook(BaseHook):
    """The folder that the connection ``fs_conn_id`` names in its extra's ``path``."""

    conn_name_attr, default_conn_name, conn_type, hook_name = "fs_conn_id", "fs_default", "fs", "File (path)"

    def __init__(self, fs_conn_id: str = default_conn_name, conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fs_conn_id = conn_id or fs_conn_id  # Airflow 1 called it conn_id

    def get_path(self) -> str:
        return Connection.get(self.fs_conn_id).extra_dejson.get("path", "")

    def get_conn(self) -> None:
        """There is nothing to connect to."""


class PackageIndexHook(BaseHook):
    """The address of a package index, with the login and password of its connection."""

    conn_name_attr, default_conn_name = "pi_conn_id", "package_index_default"

    def __init__(self, pi_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pi_conn_id = pi_conn_id

    def get_connection_url(self) -> str:
        from urllib.parse import quote, urlsplit

        connection = Connection.get(self.pi_conn_id)
        if not connection.host:
            raise ValueError(f"Please provide an index URL: connection {self.pi_conn_id!r} has no host")
        address = urlsplit(connection.host if "://" in connection.host else f"https://{connection.host}")
        if connection.login:
            user = ":".join(quote(each, safe="") for each in (connection.login, connection.password) if each)
            address = address._replace(netloc=f"{user}@{address.netloc}")
        return address.geturl()

    get_conn = get_connection_url
