"""Python functions in an interpreter of their own.

The function's source, its arguments and its result travel as files in a private folder that goes with the
task; the other interpreter needs nothing of this program.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from typing import Any

from orchestrator.sdk.exceptions import AirflowException, AirflowSkipException
from orchestrator.sdk.operator import as_list

from .branch import follow
from .python import PythonOperator, arguments_from

SCRIPT = """\
import json, pickle, sys

with open(sys.argv[1], "rb") as file:
    args, kwargs = pickle.load(file)
{source}
result = {name}(*args, **kwargs)
with open(sys.argv[2], "wb") as file:
    pickle.dump(result, file)
"""
PLAIN = frozenset(
    {
        *("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "run_id", "params", "templates_dict"),
        *("test_mode", "try_number", "task_instance_key_str", "expanded_ti_count"),
    }
)
"""What of the context can be handed to another interpreter."""


def source_of(function: Callable[..., Any]) -> str:
    """The text of a function without its decorators.

    Raises:
        AirflowException: a lambda, or a function whose source is not there.
    """
    import ast
    import inspect
    import textwrap

    try:
        text = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError) as error:
        raise AirflowException(f"the source of {function!r} cannot be read: give a function made with def") from error
    found = next((each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)), None)
    if found is None:
        raise AirflowException("PythonVirtualenvOperator only supports functions for python_callable arg")
    return "\n".join(text.splitlines()[found.lineno - 1 : found.end_lineno])


class ExternalPythonOperator(PythonOperator):
    """Runs the function with the interpreter ``python``, which must exist."""

    template_fields: Collection[str] = ("templates_dict", "op_args", "op_kwargs", "python")

    def __init__(
        self,
        *,
        python: str = "",
        serializer: str | None = None,
        use_dill: bool = False,
        expect_airflow: bool = True,
        expect_pendulum: bool = False,
        string_args: Iterable[str] | None = None,
        skip_on_exit_code: int | Collection[int] | None = None,
        env_vars: dict[str, str] | None = None,
        inherit_env: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.python, self.env_vars, self.inherit_env = python, env_vars or {}, inherit_env
        codes = skip_on_exit_code
        self.skip_on_exit_code = as_list(list(codes) if isinstance(codes, (set, frozenset)) else codes)

    def execute(self, context: Any) -> Any:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        plain = {name: context[name] for name in PLAIN if name in context}
        given = arguments_from(plain, self.python_callable, self.op_args)
        given.update(self.op_kwargs)
        return self.finish(self.run_in(given), context)

    def finish(self, result: Any, context: Any) -> Any:
        return result

    def run_in(self, kwargs: dict[str, Any]) -> Any:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="task-") as folder:
            return self.run_with(self.interpreter(folder), folder, kwargs)

    def interpreter(self, folder: str) -> str:
        if not os.path.isfile(self.python) or not os.access(self.python, os.X_OK):
            raise AirflowException(f"task {self.task_id!r}: python={self.python!r} is no program that can be run")
        return self.python

    def run_with(self, python: str, folder: str, kwargs: dict[str, Any]) -> Any:
        import pickle

        script, given, result = (os.path.join(folder, name) for name in ("script.py", "arguments", "result"))
        with open(script, "w") as file:
            file.write(SCRIPT.format(source=source_of(self.python_callable), name=self.python_callable.__name__))
        with open(given, "wb") as file:
            pickle.dump((list(self.op_args), kwargs), file, protocol=4)
        self.call_process([python, script, given, result])
        with open(result, "rb") as file:
            return pickle.load(file)

    def call_process(self, command: list[str]) -> None:
        import subprocess

        env = {**(os.environ if self.inherit_env else {}), **self.env_vars}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        assert process.stdout is not None
        last = ""
        for raw in process.stdout:
            last = raw.decode(errors="backslashreplace").rstrip()
            self.log.info("%s", last)
        code = process.wait()
        if code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Process exited with code {code}. Skipping.")
        if code:
            raise AirflowException(
                f"Process returned non-zero exit status {code}: {os.path.basename(command[0])}: {last}"
            )


class PythonVirtualenvOperator(ExternalPythonOperator):
    """Makes a virtual environment with ``requirements`` for the task, and runs the function there."""

    template_fields: Collection[str] = ("templates_dict", "op_args", "op_kwargs", "requirements")

    def __init__(
        self,
        *,
        requirements: Iterable[str] | str | None = None,
        python_version: str | None = None,
        system_site_packages: bool = False,
        pip_install_options: list[str] | None = None,
        index_urls: Collection[str] | str | None = None,
        index_urls_from_connection_ids: Any = None,
        venv_cache_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.requirements = requirements.splitlines() if isinstance(requirements, str) else list(requirements or [])
        self.python_version, self.system_site_packages = python_version, system_site_packages
        self.pip_install_options = list(pip_install_options or [])
        self.index_urls = as_list(index_urls)
        self.venv_cache_path = venv_cache_path

    def interpreter(self, folder: str) -> str:
        import hashlib

        place = os.path.join(folder, "venv")
        if self.venv_cache_path:
            wanted = repr((self.requirements, self.python_version, self.system_site_packages, self.index_urls))
            place = os.path.join(self.venv_cache_path, "venv-" + hashlib.sha256(wanted.encode()).hexdigest()[:16])
        python = os.path.join(place, "bin", "python")
        if not os.path.exists(os.path.join(place, ".ready")):
            self._make(place, python)
        return python

    def _make(self, place: str, python: str) -> None:
        import sys

        base = f"python{self.python_version}" if self.python_version else sys.executable
        options = ["--system-site-packages"] if self.system_site_packages else []
        pip = [] if self.requirements else ["--without-pip"]
        self.call_process([base, "-m", "venv", *options, *pip, place])
        if self.requirements:
            urls = [part for each in self.index_urls for part in ("--extra-index-url", each)]
            if urls:
                urls[0] = "--index-url"
            self.call_process(
                [python, "-m", "pip", "install", "--quiet", *self.pip_install_options, *urls, *self.requirements]
            )
        with open(os.path.join(place, ".ready"), "w"):
            pass


class _Branches:
    skips = "branch"

    def finish(self, result: Any, context: Any) -> Any:
        follow(self, context, result)
        return result


class BranchPythonVirtualenvOperator(_Branches, PythonVirtualenvOperator):
    """Chooses what follows, in a virtual environment."""


class BranchExternalPythonOperator(_Branches, ExternalPythonOperator):
    """Chooses what follows, with another interpreter."""


class _PythonVirtualenvDecoratedOperator(PythonVirtualenvOperator):
    custom_operator_name = "@task.virtualenv"


class _PythonExternalDecoratedOperator(ExternalPythonOperator):
    custom_operator_name = "@task.external_python"


class _BranchPythonVirtualenvDecoratedOperator(BranchPythonVirtualenvOperator):
    custom_operator_name = "@task.branch_virtualenv"


class _BranchExternalPythonDecoratedOperator(BranchExternalPythonOperator):
    custom_operator_name = "@task.branch_external_python"


__all__ = [
    "BranchExternalPythonOperator",
    "BranchPythonVirtualenvOperator",
    "ExternalPythonOperator",
    "PythonVirtualenvOperator",
    "source_of",
]
