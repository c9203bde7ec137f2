"""Python functions in an interpreter of their own.

The function's source, its arguments and its result travel as files in a private folder that goes with the
task; the other interpreter needs nothing of this program.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from typing import Any

from orchestrator.sdk.exceptions import AirflowException, AirflowSkipException

from .bash import exit_codes
from .branch import BranchMixIn
from .hooks import SubprocessHook
from .python import PythonOperator, arguments_from

SERIALIZERS = ("pickle", "cloudpickle", "dill")
MOMENT = "__moment__"

SCRIPT = """\
import {serializer} as _serializer
import sys

def _moments(value):
    if isinstance(value, dict):
        if {moment!r} in value:
            try:
                import pendulum
            except ImportError:
                return value[{moment!r}]
            return pendulum.instance(value[{moment!r}])
        return {{key: _moments(each) for key, each in value.items()}}
    if type(value) in (list, tuple):
        return type(value)(_moments(each) for each in value)
    return value

with open(sys.argv[1], "rb") as file:
    _args, _kwargs, virtualenv_string_args = _serializer.load(file)
_args, _kwargs = _moments(_args), _moments(_kwargs)
{source}
try:
    _result = {name}(*_args, **_kwargs)
except Exception as error:
    with open(sys.argv[3], "w") as file:
        file.write(type(error).__name__ + ": " + str(error))
    raise
with open(sys.argv[2], "wb") as file:
    _serializer.dump(_result, file)
"""
PLAIN = frozenset(
    {
        *("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "run_id", "params", "templates_dict"),
        *("test_mode", "try_number", "task_instance_key_str", "expanded_ti_count", "task_reschedule_count"),
        *("partition_key", "tomorrow_ds", "tomorrow_ds_nodash", "yesterday_ds", "yesterday_ds_nodash"),
        *("next_ds", "next_ds_nodash"),
    }
)
"""What of the context can be handed to any interpreter."""
MOMENTS = frozenset(
    {
        *("logical_date", "data_interval_start", "data_interval_end", "execution_date", "run_after"),
        *("prev_data_interval_start_success", "prev_data_interval_end_success"),
        *("prev_start_date_success", "prev_end_date_success", "next_execution_date"),
    }
)
"""Times of the context: pendulum's where the other interpreter has pendulum, else Python's own."""


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
    """Runs the function with the interpreter ``python``, which must exist.

    The function stands for itself: it imports what it needs, and names nothing of the file around it but
    ``virtualenv_string_args``, which holds ``string_args``. ``serializer`` (pickle, cloudpickle, dill) carries arguments
    and result; both interpreters need it, where this one lacks it pickle is used. ``skip_on_exit_code`` names exit codes that skip the task. ``env_vars`` are added
    to the environment, which with ``inherit_env=False`` is empty otherwise.
    """

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
        skip_on_exit_code: int | Container[int] | None = None,
        env_vars: dict[str, str] | None = None,
        inherit_env: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._check_function()
        self.serializer = serializer or ("dill" if use_dill else "pickle")
        if self.serializer not in SERIALIZERS:
            names = ", ".join(map(repr, SERIALIZERS))
            raise AirflowException(f"Unsupported serializer {serializer!r}. Expected one of {names}")
        self.python, self.string_args = python, [str(each) for each in string_args or ()]
        self.env_vars, self.inherit_env = env_vars or {}, inherit_env
        self.skip_on_exit_code = exit_codes(skip_on_exit_code)
        self.subprocess_hook = SubprocessHook()

    def _check_function(self) -> None:
        import inspect

        function = inspect.unwrap(self.python_callable)
        if not inspect.isfunction(function) or function.__name__ == "<lambda>":
            raise ValueError(f"{self.task_type} only supports functions for python_callable arg")
        if inspect.isgeneratorfunction(function):
            raise ValueError(f"{self.task_type} does not support using 'yield' in python_callable")

    def determine_kwargs(self, context: Any) -> dict[str, Any]:
        return {**arguments_from(_Chosen(context), self.python_callable, self.op_args), **self.op_kwargs}

    def execute_callable(self) -> Any:
        return self.run_in(self.op_kwargs)

    def run_in(self, kwargs: dict[str, Any]) -> Any:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="task-") as folder:
            return self.run_with(self.interpreter(folder), folder, kwargs)

    def interpreter(self, folder: str) -> str:
        if not os.path.isfile(self.python) or not os.access(self.python, os.X_OK):
            raise AirflowException(f"task {self.task_id!r}: python={self.python!r} is no program that can be run")
        return self.python

    def run_with(self, python: str, folder: str, kwargs: dict[str, Any]) -> Any:
        names = ("script.py", "arguments", "result", "error")
        script, given, result, error = (os.path.join(folder, name) for name in names)
        serializer = self._serializer()
        with open(script, "w") as file:
            source, name = source_of(self.python_callable), self.python_callable.__name__
            file.write(SCRIPT.format(source=source, name=name, serializer=serializer.__name__, moment=MOMENT))
        with open(given, "wb") as file:
            file.write(self._packed(serializer, kwargs))
        code = self.call_process([python, script, given, result, error])
        if code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Process exited with code {code}. Skipping.")
        if code:
            said = _text_of(error) or self._last
            raise AirflowException(f"Process returned non-zero exit status {code}.\n{said}")
        with open(result, "rb") as file:
            return serializer.load(file)

    def _serializer(self) -> Any:
        import importlib
        import pickle

        try:
            return importlib.import_module(self.serializer)
        except ImportError:
            self.log.warning("%s is not installed where the task runs: pickle is used instead", self.serializer)
            return pickle

    def _packed(self, serializer: Any, kwargs: dict[str, Any]) -> bytes:
        plain = _plain(kwargs)
        try:
            return serializer.dumps((_plain(list(self.op_args)), plain, self.string_args), protocol=4)
        except Exception as error:
            unfit = [name for name, value in plain.items() if not _can_be_packed(serializer, value)]
            if not unfit:
                raise
            raise AirflowException(
                f"Failed to serialize op_kwargs. The following keys contain objects that cannot be pickled: {unfit}: "
                "give texts or numbers instead, such as '{{ ti.task_id }}'"
            ) from error

    def call_process(self, command: list[str]) -> int:
        """Run a command with its output in the log; return its exit code."""
        env = {**(os.environ if self.inherit_env else {}), **self.env_vars}
        places = [env.get("PYTHONPATH"), self.dag.folder]
        env["PYTHONPATH"] = os.pathsep.join(each for each in places if each)
        code, self._last = self.subprocess_hook.run_command(command, env)
        return code

    def on_kill(self) -> None:
        self.subprocess_hook.send_sigterm()


class _Chosen:
    """What of a context can be handed on, worked out when it is asked for by name."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self.context = context

    def __contains__(self, key: object) -> bool:
        return key in PLAIN | MOMENTS and key in self.context

    def __getitem__(self, key: str) -> Any:
        return self.context[key]

    def keys(self) -> Any:
        return [name for name in sorted(PLAIN | MOMENTS) if name in self.context]

    def __iter__(self) -> Any:
        return iter(self.keys())


def _plain(value: Any) -> Any:
    """Pendulum's times as Python's own, marked: another interpreter may have another pendulum, or none."""
    if type(value).__module__.startswith("pendulum") and hasattr(value, "timezone_name"):
        from orchestrator.sdk.xcom_json import decode, encode

        return {MOMENT: decode({**encode(value), "pendulum": False})}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(each) for each in value)
    return value


def _can_be_packed(serializer: Any, value: Any) -> bool:
    try:
        serializer.dumps(value)
    except Exception:
        return False
    return True


def _text_of(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


class BranchExternalPythonOperator(BranchMixIn, ExternalPythonOperator):
    """Chooses what follows, with another interpreter."""

    def execute(self, context: Any) -> Any:
        return self.do_branch(context, super().execute(context))


class _PythonExternalDecoratedOperator(ExternalPythonOperator):
    custom_operator_name = "@task.external_python"


class _BranchExternalPythonDecoratedOperator(BranchExternalPythonOperator):
    custom_operator_name = "@task.branch_external_python"
