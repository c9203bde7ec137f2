"""Python functions in virtual environments that are made for them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

from orchestrator.sdk.connections import Variable
from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.operator import as_list

from .branch import BranchMixIn
from .external_python import ExternalPythonOperator
from .hooks import PackageIndexHook

READY = "install_complete_marker.json"


class PythonVirtualenvOperator(ExternalPythonOperator):
    """Makes a virtual environment with ``requirements`` for the task, and runs the function there.

    ``requirements`` is a list, the text of a requirements file, or the name of one (``.txt``, a template).
    With ``venv_cache_path`` the environment is kept there and shared by all tasks with the same needs; the Variable
    ``python_virtualenv_operator_cache_key`` makes new ones when it changes. ``system_site_packages`` lets the
    environment see the packages of ``python_version``'s own installation.
    """

    template_fields: Collection[str] = (
        *("templates_dict", "op_args", "op_kwargs", "requirements"),
        *("index_urls", "index_urls_from_connection_ids", "venv_cache_path"),
    )
    template_ext = (".txt",)

    def __init__(
        self,
        *,
        requirements: Iterable[str] | str | None = None,
        python_version: str | None = None,
        system_site_packages: bool = True,
        pip_install_options: list[str] | None = None,
        index_urls: Collection[str] | str | None = None,
        index_urls_from_connection_ids: Collection[str] | str | None = None,
        venv_cache_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if python_version is not None and not isinstance(python_version, str):
            raise AirflowException("Passing non-string types (e.g. int or float) as python_version not supported")
        self.requirements = [requirements] if isinstance(requirements, str) else list(requirements or [])
        self.python_version, self.system_site_packages = python_version, system_site_packages
        self.pip_install_options = list(pip_install_options or [])
        self.index_urls = as_list(index_urls)
        self.index_urls_from_connection_ids = as_list(index_urls_from_connection_ids)
        self.venv_cache_path = os.fspath(venv_cache_path) if venv_cache_path is not None else None

    def interpreter(self, folder: str) -> str:
        if self.venv_cache_path:
            return self._cached(self.venv_cache_path)
        place = os.path.join(folder, "venv")
        return self._make(place)

    # ---- what it needs

    def _requirement_lines(self) -> list[str]:
        lines = [line.strip() for each in self.requirements for line in str(each).splitlines() if line.strip()]
        if self.serializer != "pickle" and not self.system_site_packages:
            lines.append(self.serializer)
        return lines

    def _urls(self) -> list[str]:
        return [
            *self.index_urls,
            *(PackageIndexHook(each).get_connection_url() for each in self.index_urls_from_connection_ids),
        ]

    def _needs(self) -> str:
        """All that decides what the environment is, as text."""
        import json

        return json.dumps(
            {
                "requirements_list": sorted(self._requirement_lines()),
                "pip_install_options": self.pip_install_options,
                "index_urls": [*self.index_urls, *self.index_urls_from_connection_ids],
                "cache_key": str(Variable.get("python_virtualenv_operator_cache_key", "")),
                "python_version": self.python_version,
                "system_site_packages": self.system_site_packages,
            },
            sort_keys=True,
        )

    # ---- making it

    def _cached(self, cache: str) -> str:
        """Return the interpreter of the kept environment; the first who needs it makes it, the others wait."""
        import fcntl
        import hashlib
        import shutil

        needs = self._needs()
        place = os.path.join(cache, "venv-" + hashlib.sha256(needs.encode()).hexdigest()[:16])
        os.makedirs(cache, exist_ok=True)
        with open(f"{place}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(os.path.join(place, READY)):
                self.log.info("Reusing cached Python virtual environment in %s", place)
                return os.path.join(place, "bin", "python")
            shutil.rmtree(place, ignore_errors=True)  # half made by somebody who was killed
            try:
                python = self._make(place)
                with open(os.path.join(place, READY), "w") as file:
                    file.write(needs)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
            return python

    def _make(self, place: str) -> str:
        import sys

        base = f"python{self.python_version}" if self.python_version else sys.executable
        lines = self._requirement_lines()
        options = ["--system-site-packages"] if self.system_site_packages else []
        self._must([base, "-m", "venv", *options, *([] if lines else ["--without-pip"]), place])
        python = os.path.join(place, "bin", "python")
        if lines:
            # By files, not by arguments: addresses may hold passwords, and everybody sees a command line.
            write_private(os.path.join(place, "pip.conf"), pip_conf(self._urls()))
            file = os.path.join(place, "requirements.txt")
            write_private(file, "\n".join(lines) + "\n")
            quiet = ["--quiet", "--disable-pip-version-check"]
            self._must([python, "-m", "pip", "install", *quiet, *self.pip_install_options, "-r", file])
        return python

    def _must(self, command: list[str]) -> None:
        try:
            code = self.call_process(command)
        except FileNotFoundError as error:
            raise AirflowException(
                f"task {self.task_id!r}: {command[0]} is not installed: python_version names no interpreter here"
            ) from error
        if code:
            what = "requirements cannot be installed" if "pip" in command else "virtual environment cannot be made"
            raise AirflowException(f"task {self.task_id!r}: its {what}: {self._last}")


def pip_conf(urls: list[str]) -> str:
    if not urls:
        return "[global]\n"
    more = "".join(f"\n    {each}" for each in urls[1:])
    return f"[global]\nindex-url = {urls[0]}\n" + (f"extra-index-url ={more}\n" if more else "")


def write_private(path: str, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


class BranchPythonVirtualenvOperator(BranchMixIn, PythonVirtualenvOperator):
    """Chooses what follows, in a virtual environment."""

    def execute(self, context: Any) -> Any:
        return self.do_branch(context, super().execute(context))


class _PythonVirtualenvDecoratedOperator(PythonVirtualenvOperator):
    custom_operator_name = "@task.virtualenv"


class _BranchPythonVirtualenvDecoratedOperator(BranchPythonVirtualenvOperator):
    custom_operator_name = "@task.branch_virtualenv"
