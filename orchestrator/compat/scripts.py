"""What runs a task's function where there is no Orchestrator, in a container, a pod or another interpreter: the script
and the virtual environment.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.operators.virtualenv import pip_conf, write_private
from orchestrator.sdk.exceptions import AirflowException

_SCRIPT = """\
import sys

{imports}

# input, output, names of arguments that are texts, where an error is told
given = {{"args": [], "kwargs": {{}}}}
{reading}

{source}

try:
    result = {name}(*given["args"], **given["kwargs"])
except Exception as error:
    if len(sys.argv) > 4:
        with open(sys.argv[4], "w") as file:
            file.write(str(error))
    raise
with open(sys.argv[2], "wb") as file:
    if result is not None:
        {library}.dump(result, file)
"""
_READING = """\
with open(sys.argv[1], "rb") as file:
    given = {library}.load(file)
"""


def write_python_script(
    jinja_context: dict[str, Any], filename: str, render_template_as_native_obj: bool = False
) -> None:
    """Write the script for a function and its arguments to ``filename``."""
    library = jinja_context["pickling_library"]
    has_arguments = jinja_context.get("op_args") or jinja_context.get("op_kwargs")
    script = _SCRIPT.format(
        imports=f"import {library}",
        reading=_READING.format(library=library) if has_arguments else "",
        source=jinja_context["python_callable_source"],
        name=jinja_context["python_callable"],
        library=library,
    )
    Path(filename).write_text(script, encoding="utf-8")


def prepare_virtualenv(
    venv_directory: str,
    python_bin: str,
    system_site_packages: bool,
    requirements: Sequence[str] | None = None,
    requirements_file_path: str | None = None,
    pip_install_options: Sequence[str] | None = None,
    index_urls: Sequence[str] | None = None,
) -> str:
    """Make a virtual environment with packages in it and return its interpreter.

    Raises:
        AirflowException: it cannot be made, or its packages cannot be installed.
    """
    if requirements is not None and requirements_file_path is not None:
        raise ValueError("requirements and requirements_file_path exclude each other")
    seen = ["--system-site-packages"] if system_site_packages else []
    _must([python_bin, "-m", "venv", *seen, venv_directory])
    python = str(Path(venv_directory, "bin", "python"))
    wanted = ["-r", requirements_file_path] if requirements_file_path else list(requirements or ())
    if wanted:
        if index_urls:
            write_private(str(Path(venv_directory, "pip.conf")), pip_conf(list(index_urls)))  # they may hold passwords
        _must([python, "-m", "pip", "install", "--disable-pip-version-check", *(pip_install_options or ()), *wanted])
    return python


def _must(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise AirflowException(f"{command[0]} is not installed") from error
    if done.returncode:
        raise AirflowException(f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
