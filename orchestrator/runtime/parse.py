"""Parsing a DAG file in a process of its own, within limits."""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

LARGEST = 20 * 1024 * 1024


def run_parse(request: dict[str, Any], descriptor: int) -> None:
    """Import the file and write what it defines, as JSON, to ``descriptor``; then end."""
    seconds = int(request["timeout"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_AS, (request["memory_bytes"], request["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    answer = _answer(request)
    data = json.dumps(answer).encode()
    if len(data) > LARGEST:
        data = json.dumps(
            {"errors": [_error(f"what the file defines takes {len(data)} bytes; at most {LARGEST} are stored")]}
        ).encode()
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)
    os._exit(0)


def _error(message: str, line: int | None = None, trace: str = "") -> dict[str, Any]:
    return {"message": message, "line": line, "stack_trace": trace or message}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from orchestrator.core.serde import dag_to_json

    from .loader import LoadError, load, load_error

    root, file = request["root"], request["file"]
    try:
        dags = load(root, file)
    except LoadError as error:
        return {"errors": [_error(error.message, error.line, error.trace)]}
    found, errors = [], []
    for dag in dags.values():
        try:
            found.append(dag_to_json(dag.to_spec()))
        except Exception as error:
            broken = load_error(error, os.path.join(root, file))
            errors.append(_error(broken.message, broken.line, broken.trace))
    return {"dags": found, "errors": errors, "modules": _modules(root)}


def _modules(root: str) -> list[str]:
    """The files under ``root`` that were imported, relative to it."""
    prefix = os.path.realpath(root) + os.sep
    files = {
        os.path.realpath(each) for module in list(sys.modules.values()) if (each := getattr(module, "__file__", None))
    }
    return sorted(path[len(prefix) :] for path in files if path.startswith(prefix))
