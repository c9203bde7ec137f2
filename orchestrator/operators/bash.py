"""Tasks that run a command of the shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container
from typing import Any

from orchestrator.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from orchestrator.sdk.operator import BaseOperator
from orchestrator.sdk.sensor import BaseSensorOperator

from .hooks import SubprocessHook

LONGEST_ARGUMENT = 100_000
"""Bytes; Linux takes no argument of more than 128 KiB, so a longer command is run from a file."""


def exit_codes(given: int | Container[int] | None) -> Container[int]:
    """One exit code, several, a range, or none, as something to look into."""
    if given is None:
        return ()
    return given if isinstance(given, Container) else (given,)


class BashOperator(BaseOperator):
    """Runs ``bash_command``; the last line of its output is the XCom, exit code 99 skips the task.

    A command that ends with ``.sh`` or ``.bash`` is a file with a template. ``env`` replaces the environment, with
    ``append_env`` it is added to it. Without ``cwd`` the command runs in a folder of its own that goes with it.
    ``output_processor`` makes the XCom of the last line.
    """

    template_fields: Collection[str] = ("bash_command", "env", "cwd")
    template_fields_renderers = {"bash_command": "bash", "env": "json"}
    template_ext = (".sh", ".bash")
    ui_color = "#f0ede4"

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Container[int] | None = 99,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = lambda result: result,
        skip_exit_code: int | None = None,  # Airflow 2's name
        xcom_push: bool | None = None,  # Airflow 1's
        **kwargs: Any,
    ) -> None:
        if xcom_push is not None:
            kwargs.setdefault("do_xcom_push", xcom_push)
        super().__init__(**kwargs)
        skip_on_exit_code = skip_on_exit_code if skip_exit_code is None else skip_exit_code
        self.bash_command, self.env, self.append_env, self.cwd = bash_command, env, append_env, cwd
        self.output_encoding, self.output_processor = output_encoding, output_processor
        self.skip_on_exit_code = exit_codes(skip_on_exit_code)

    @property
    def subprocess_hook(self) -> SubprocessHook:
        if self._hook is None:
            self._hook = SubprocessHook()
        return self._hook

    _hook: SubprocessHook | None = None

    def execute(self, context: Any) -> Any:
        if self.cwd is not None:
            if not os.path.exists(self.cwd):
                raise AirflowException(f"Can not find the cwd: {self.cwd}")
            if not os.path.isdir(self.cwd):
                raise AirflowException(f"The cwd {self.cwd} must be a directory")
        self.log.info("Running command: ['bash', '-c', %r]", self.bash_command)
        env = self.get_env(context)
        with Command(self.bash_command) as command:
            code, last = self.subprocess_hook.run_command(command, env, self.output_encoding, self.cwd)
        if code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Bash command returned exit code {code}. Skipping.")
        if code != 0:
            raise AirflowException(f"Bash command failed. The command returned a non-zero exit code {code}.")
        return self.output_processor(last)

    def get_env(self, context: Any) -> dict[str, str]:
        """Return the command's environment: the task's own, or ``env``, and the names of dag, task and run in any case."""
        if self.env is None:
            return dict(os.environ)
        told = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CTX_")}
        return {**(os.environ if self.append_env else {}), **self.env, **told}

    def on_kill(self) -> None:
        self.subprocess_hook.send_sigterm()


class Command:
    """``with Command(text) as command:`` how bash is told, by argument or, where the text is too long, by file."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.file: Any = None

    def __enter__(self) -> list[str]:
        if len(self.text) < LONGEST_ARGUMENT // 4 or len(self.text.encode()) < LONGEST_ARGUMENT:
            return [_bash(), "-c", self.text]
        import tempfile

        self.file = tempfile.NamedTemporaryFile("w", suffix=".sh")
        self.file.write(self.text)
        self.file.flush()
        return [_bash(), self.file.name]

    def __exit__(self, *error: object) -> None:
        if self.file is not None:
            self.file.close()


def _bash() -> str:
    import shutil

    return shutil.which("bash") or "bash"


class BashSensor(BaseSensorOperator):
    """Waits until ``bash_command`` ends with exit code 0; with ``retry_exit_code`` other codes than it fail the task.

    ``env`` replaces the environment. The command runs in a folder of its own.
    """

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
        self.subprocess_hook = SubprocessHook()

    def poke(self, context: Any) -> bool:
        with Command(self.bash_command) as command:
            code, _ = self.subprocess_hook.run_command(command, self.env, self.output_encoding)
        if code == 0:
            return True
        if self.retry_exit_code is not None and code != self.retry_exit_code:
            raise AirflowFailException(f"Command exited with return code {code}")
        return False

    def on_kill(self) -> None:
        self.subprocess_hook.send_sigterm()
