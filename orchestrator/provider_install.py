"""Installing Airflow's provider packages without Airflow, into the environment that we run in."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .compat import stand_in
from .providers import PREFIX

NAME = re.compile(r"(?P<name>[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*)(?P<rest>(\[[\w., -]+\])?(\s*[=<>~!]=?.*)?)")

COMPILED = ("--compile-bytecode",)
"""As pip does by itself: user code runs where none is written, so each process would compile a package anew."""


class InstallError(Exception):
    """What was asked for cannot be installed; the message says why."""


def requirement(wish: str) -> str:
    """Return what an installer is told for ``http``, ``http==6.3.0``, ``amazon[s3fs]`` or a package's whole name.

    Raises:
        InstallError: it is none of these.
    """
    found = NAME.fullmatch(wish.strip())
    if found is None:
        raise InstallError(f"{wish!r} names no provider package: give a name such as http or cncf-kubernetes==10.25.0")
    name = re.sub(r"[._-]+", "-", found["name"]).lower()
    if name in {"apache-airflow", "apache-airflow-core", "apache-airflow-task-sdk"}:
        raise InstallError(f"{name} is what Orchestrator stands in for: name the provider packages alone")
    return (name if name.startswith("apache-airflow-") else PREFIX + name) + found["rest"]


def command(wishes: Iterable[str], folder: Path) -> list[str]:
    """Return the installer's command line; the package that stands in for Airflow is made in ``folder``.

    Raises:
        InstallError: a wish names no package, or there is neither pip nor uv.
    """
    wanted = [requirement(each) for each in wishes]
    return [*installer(), str(stand_in.make(folder)), *wanted]


def installer() -> list[str]:
    """uv where there is one, else pip, which may look for minutes for versions of many packages that fit together."""
    uv = uv_here()
    if uv:
        return [*uv, "pip", "install", *COMPILED, "--python", sys.executable]
    if importlib.util.find_spec("pip") is None:
        raise InstallError(f"{sys.executable} has no pip, and there is no uv on the path: install one of them")
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]


def uv_here() -> list[str]:
    """How uv is called: the one of our own environment, else one on the path; empty where there is none."""
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else []


def install(wishes: Iterable[str]) -> None:
    """Install provider packages and what they need; the installer's own output goes to the terminal.

    Raises:
        InstallError: the installer failed, or was asked for what there cannot be.
    """
    with tempfile.TemporaryDirectory() as folder:
        line = command(wishes, Path(folder))
        if subprocess.run(line, check=False).returncode:
            raise InstallError("the installer failed: what it wrote says why; nothing was changed")
