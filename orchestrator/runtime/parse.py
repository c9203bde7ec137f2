"""Parsing a DAG file in a process of its own, within limits."""

from __future__ import annotations

import faulthandler
import fcntl
import json
import os
import resource
import socket
import struct
from typing import Any

from .reach import Opened, reachable

LARGEST = 20 * 1024 * 1024
LARGEST_WRITE = 1 << 30
"""Bytes that a file written by importing may have: a DAG file must not fill the disk."""
MARK = b"\0\0dags\0\0"
"""Before the answer: what comes without it is the crash report of a process that could not answer."""
LENGTH = struct.Struct("!Q")


def warm_up() -> None:
    """Import, and go through once, what nearly every parse needs; called before the first one is forked.

    Here it costs some 40 ms once, in each fork it would cost them a file.
    """
    import orchestrator.operators.bash
    import orchestrator.operators.branch
    import orchestrator.operators.empty
    import orchestrator.operators.python
    import orchestrator.sdk.assets
    import orchestrator.sdk.params
    import orchestrator.sdk.sensor
    import orchestrator.sdk.taskgroup
    from orchestrator.core.serde import dag_to_json
    from orchestrator.sdk import DAG
    from orchestrator.sdk.decorators import task

    def work(value: Any = None) -> Any:
        return value

    made = DAG("warm_up", schedule="0 0 * * *", default_args={"retries": 1}, tags=["a"], auto_register=False)
    with made:
        task(work).expand(value=task(work, task_id="first")()) >> orchestrator.operators.bash.BashOperator(
            task_id="last", bash_command="{{ ds }}"
        )
    json.dumps(dag_to_json(made.to_spec()))


def run_parse(request: dict[str, Any], descriptor: int, asks: int | None) -> None:
    """Import the file and write what it defines, as JSON, to ``descriptor``; then end.

    ``asks`` is the socket over which the file's code may ask for variables and connections.
    """
    seconds = int(request["timeout"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_AS, (request["memory_bytes"], request["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_WRITE, LARGEST_WRITE))
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    # Away from the low numbers that careless code closes, and not passed on to programs it starts.
    out = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(descriptor)
    faulthandler.enable(file=out, all_threads=False)
    # Shortly before we are ended, so that the line it hangs at can be told; later than that, it may come too late.
    faulthandler.dump_traceback_later(request["timeout"] - min(1.0, request["timeout"] * 0.3), file=out)
    if asks is not None:
        from orchestrator.sdk import comms

        from .child import Channel

        comms.use(Channel(socket.socket(fileno=asks)).ask)
    answer = _answer(request)
    faulthandler.cancel_dump_traceback_later()
    data = json.dumps(answer).encode()
    if len(data) > LARGEST:
        text = f"what the file defines takes {len(data)} bytes; at most {LARGEST} are stored"
        data = json.dumps({"errors": [_error(text)], "reads": answer["reads"]}).encode()
    with os.fdopen(out, "wb") as pipe:
        pipe.write(MARK + LENGTH.pack(len(data)) + data)
    os._exit(0)


def _error(message: str, line: int | None = None, trace: str = "") -> dict[str, Any]:
    return {"message": message, "line": line, "stack_trace": trace or message}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """``dags`` and ``errors``; ``modules``: files under the root it imports; ``reads``: those opened on the way.

    Without a file only ``plugins``, the plugins that are there and what is wrong with them.
    """
    from orchestrator.core.serde import dag_to_json

    from . import plugins
    from .loader import LoadError, load, load_error

    root, file = request["root"], request["file"]
    broken_plugins = plugins.load(request.get("plugins"))
    if not file:
        if request.get("calls"):
            from .plugin_calls import serve

            return {"answers": serve(request["calls"])}
        return {"plugins": plugins.report(broken_plugins), "reads": []}
    opened = Opened(root)
    try:
        dags = load(root, file)
    except LoadError as error:
        return {"errors": [_error(error.message, error.line, error.trace)], "reads": opened.files()}
    found, errors, schedules = [], [], []
    for dag in dags.values():
        try:
            spec = dag.to_spec()
            found.append(dag_to_json(spec))
            if spec.timetable.get("type") == "custom":
                schedules.append(_ahead(dag, spec, request))
        except Exception as error:
            broken = load_error(error, os.path.join(root, file))
            errors.append(_error(broken.message, broken.line, broken.trace))
    return {
        "dags": found,
        "errors": errors,
        "schedules": schedules,
        "modules": reachable(root),
        "reads": opened.files(),
    }


def _ahead(dag: Any, spec: Any, request: dict[str, Any]) -> dict[str, Any]:
    """What the DAG's own timetable answers for the runs after the last one that was made, and for a range that is asked for."""
    from datetime import UTC, datetime

    from orchestrator.core.ahead import ask, ask_between
    from orchestrator.core.due import restriction_of
    from orchestrator.core.timetables import DataInterval

    last, question = ((request.get(name) or {}).get(dag.dag_id) for name in ("lasts", "ranges"))
    now = datetime.now(UTC)
    before = DataInterval(*map(datetime.fromisoformat, last)) if last else None
    found = ask(dag.timetable, last=before, restriction=restriction_of(spec), now=now)
    between = {"range": ask_between(dag.timetable, question, now)} if question else {}
    return {"dag_id": dag.dag_id, **found.to_json(), **between}
