"""Tasks that run a command of the shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any

from orchestrator.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from orchestrator.sdk.operator import BaseOperator, as_list
from orchestrator.sdk.sensor import BaseSensorOperator


class BashOperator(BaseOperator):
    """Runs ``bash_command``; the last line of its output is the XCom, exit code 99 skips the task."""

    template_fields: Collection[str] = ("bash_command", "env", "cwd")
    template_ext = (".sh", ".bash")
    ui_color = "#f0ede4"

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Collection[int] | None = 99,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = lambda result: result,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command, self.env, self.append_env, self.cwd = bash_command, env, append_env, cwd
        self.output_encoding, self.output_processor = output_encoding, output_processor
        self.skip_on_exit_code = as_list(
            list(skip_on_exit_code) if isinstance(skip_on_exit_code, (set, frozenset)) else skip_on_exit_code
        )
        self._process: Any = None

    def execute(self, context: Any) -> Any:
        import subprocess

        if self.cwd is not None and not os.path.isdir(self.cwd):
            raise AirflowException(f"Can not find the cwd: {self.cwd}")
        env = (
            dict(os.environ)
            if not self.env or self.append_env
            else {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CTX_")}
        )
        env.update(self.env or {})
        last = ""
        self.log.info("Running command: ['bash', '-c', %r]", self.bash_command)
        self._process = subprocess.Popen(
            ["bash", "-c", self.bash_command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.cwd,
            env=env,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            last = raw.decode(self.output_encoding, errors="backslashreplace").rstrip()
            self.log.info("%s", last)
        code = self._process.wait()
        if code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Bash command returned exit code {code}. Skipping.")
        if code != 0:
            raise AirflowException(f"Bash command failed. The command returned a non-zero exit code {code}.")
        return self.output_processor(last)

    def on_kill(self) -> None:
        import signal

        if self._process is not None and self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass


class BashSensor(BaseSensorOperator):
    """Waits until ``bash_command`` ends with exit code 0; with ``retry_exit_code`` other codes than it fail the task."""

    template_fields: Collection[str] = ("bash_command", "env")
    template_ext = (".sh", ".bash")

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        output_encoding: str = "utf-8",
        retry_exit_code: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command, self.env, self.output_encoding = bash_command, env, output_encoding
        self.retry_exit_code = retry_exit_code

    def poke(self, context: Any) -> bool:
        import subprocess

        done = subprocess.run(
            ["bash", "-c", self.bash_command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.env,
            check=False,
        )
        for line in done.stdout.decode(self.output_encoding, errors="backslashreplace").splitlines():
            self.log.info("%s", line)
        if done.returncode == 0:
            return True
        if self.retry_exit_code is not None and done.returncode != self.retry_exit_code:
            raise AirflowFailException(f"Command exited with return code {done.returncode}")
        return False
