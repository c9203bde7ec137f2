"""``manage.py standalone`` as a real process: started, signed in to, looked into, and stopped with all it started."""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import processes
from .servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
NOT_PASSED_ON = ("DATABASE_URL", "REDIS_URL", "DAGS_FOLDER", "PORT", "BROKER_URL", "SECRET_KEY")

KEPT_SECONDS = 2.0


class Refused(AssertionError):
    """The API answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:500]}")
        self.status = status


class Standalone:
    """One installation in ``folder``: its home, its DAGs, its address and its processes."""

    user = "admin"

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        redis_url: str | None = None,
        dags_folder: Path | None = None,
        **environment: str,
    ) -> None:
        self.folder = Path(folder)
        self.home = self.folder / "home"
        self.dags_folder = dags_folder or self.folder / "dags"
        self.dags_folder.mkdir(parents=True, exist_ok=True)
        self.database_url = database_url or f"sqlite:///{self.home / 'orchestrator.sqlite3'}"
        self.port = free_port()
        self.password = secrets.token_urlsafe(16)
        self.log_file = self.folder / "standalone.log"
        self.environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON} | {
            "ORCHESTRATOR_HOME": str(self.home),
            "DAGS_FOLDER": str(self.dags_folder),
            "PORT": str(self.port),
            "ORCHESTRATOR_ADMIN_USER": self.user,
            "ORCHESTRATOR_ADMIN_PASSWORD": self.password,
            "ORCHESTRATOR_PAUSED_AT_CREATION": "false",
            **({"DATABASE_URL": database_url} if database_url else {}),
            **({"REDIS_URL": redis_url} if redis_url else {}),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0
        self._token: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ---- its life

    def start(self) -> Standalone:
        """Start it, without waiting for anything."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "standalone"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def wait_until_healthy(self, limit: float = 60) -> Standalone:
        """Wait until every part says it is well and the administrator can sign in."""
        try:
            wait_for(self.is_healthy, limit, f"{self.folder.name} becoming healthy")
        except AssertionError as error:
            raise AssertionError(f"{error}; its log ends:\n{self.log()[-4000:]}") from None
        return self

    def is_healthy(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}")
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, Refused):
            health = self.get("/api/v2/monitor/health")
            parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
            return all(health[part]["status"] == "healthy" for part in parts)
        return False

    def tree(self) -> list[processes.Running]:
        """Its processes that are alive, the supervisor first."""
        return processes.tree(self.process.pid) if self.process is not None else []

    def stop(self, limit: float = 30) -> int:
        """Stop it as Ctrl-C does and return the exit code; what is left after ``limit`` seconds is killed."""
        self.disconnect()
        if self.process is None:
            return 0
        seen = self.tree()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            seen = self.tree()
            code = -signal.SIGKILL
            self.process.kill()
            self.process.wait()
        self.left_behind = [each for each in seen if self._is_alive(each)]
        processes.send(self.left_behind)
        self.process = None
        return code

    def kill(self) -> None:
        """End every process of it at once."""
        self.disconnect()
        if self.process is not None:
            seen = self.tree()
            processes.send(seen)
            self.process.wait()
            processes.send(seen)
            self.process = None

    @staticmethod
    def _is_alive(each: processes.Running) -> bool:
        now = processes.look_up(each.pid)
        return now is not None and now.started == each.started

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def manage(self, *words: str, check: bool = True, limit: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one ``manage.py`` command on the same home."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=check,
        )

    # ---- its API

    @classmethod
    def client_of(cls, other: Standalone) -> Standalone:
        """Return a client of the same installation with a connection of its own, for another thread."""
        made = copy.copy(other)
        made._connection = None
        return made

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> tuple[int, str]:
        """Send one request on a connection that is kept; return status and text."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body)
        if time.monotonic() - self._used_at > KEPT_SECONDS:
            self.disconnect()  # the server closes what was idle for a while
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self._used_at = time.monotonic()
        try:
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.disconnect()
            raise

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the administrator.

        Raises:
            Refused: it answered with an error.
        """
        if self._token is None and path.startswith("/api/v2/") and "/monitor/" not in path:
            self._token = self.call("POST", "/auth/token", {"username": self.user, "password": self.password})[
                "access_token"
            ]
        status, text = self.request(method, path, body, token=self._token)
        if status >= 400:
            raise Refused(status, f"{method} {path}: {text}")
        return json.loads(text) if text else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def has_dag(self, dag_id: str) -> bool:
        try:
            self.get(f"/api/v2/dags/{quote(dag_id)}")
        except Refused as error:
            if error.status != 404:
                raise
            return False
        return True

    def wait_for_dags(self, *dag_ids: str, limit: float = 30) -> None:
        for dag_id in dag_ids:
            wait_for(lambda dag_id=dag_id: self.has_dag(dag_id), limit, f"DAG {dag_id} being there")

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, run_id: str | None = None) -> str:
        """Start a run and return its run id."""
        body: dict[str, Any] = {"conf": conf or {}, "logical_date": None}
        if run_id is not None:
            body["dag_run_id"] = run_id
        return str(self.call("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.get(f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}")["state"])

    def wait_for_run(self, dag_id: str, run_id: str, limit: float = 60) -> str:
        """Wait until a run has ended and return its state."""
        deadline = time.monotonic() + limit
        while True:
            state = self.run_state(dag_id, run_id)
            if state in {"success", "failed", "cancelled"}:
                return state
            if time.monotonic() > deadline:
                raise AssertionError(f"run {run_id} of {dag_id} is still {state} after {limit:g} s")
            time.sleep(0.05)
