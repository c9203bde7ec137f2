"""The script that runs a task's function where there is no Orchestrator: in a container, a pod or another interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
