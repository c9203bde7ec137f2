"""A local run in a process of its own, without the credentials of the process that asked for it.

``python -m orchestrator.runtime.local_process FD FOLDER FILE`` runs a DAG of a file; :func:`run_apart` starts it and
answers what the DAG's code asks for.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import datetime
from typing import Any

from orchestrator.sdk import comms

from . import protocol
from .local import Provider, run_dag

Json = dict[str, Any]


def run_apart(root: str, file: str, order: Json, answer: Provider, *, output: int | None = None) -> Json:
    """Run a DAG of ``file`` (relative to ``root``) and return ``{"type": "done", "state", "reason", "run_id", "tasks"}``.

    ``order``: ``dag_id`` (None: the only one), ``conf``, ``logical_date`` (text or None), ``wait_retries``,
    ``plugins`` (their folder), ``python`` (another interpreter than ours). What the
    run says goes to the descriptor ``output`` (None: this process's own output). Where the DAG could not be run at all the answer is
    ``{"type": "error", "error": text}``.
    """
    from .environment import child_environment

    python = order.pop("python", None) or sys.executable
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [python, "-m", __name__, str(theirs.fileno()), root, file],
        pass_fds=[theirs.fileno()],
        env=child_environment(python),
        stdout=output,
    )
    theirs.close()
    try:
        protocol.send(ours, order)
        while True:
            message: Json = protocol.receive(ours)
            if message["type"] != "ask":
                return message
            reply: Json = {"id": message["id"]}
            try:
                reply["value"] = answer(message["what"], message["args"])
            except Exception as error:  # what cannot be answered is the asking code's to handle
                reply["error"] = str(error)
            if message["id"] is not None:
                protocol.send(ours, reply)
    except (EOFError, OSError):
        return {"type": "error", "error": f"the process that ran {file} ended: exit code {process.wait()}"}
    finally:
        ours.close()
        process.wait()


def main(descriptor: int, root: str, file: str) -> None:
    """Run one DAG of a file for the process at the other end of the socket, which says how and answers questions."""
    import orchestrator.compat

    from . import plugins
    from .child import Channel
    from .loader import LoadError, load

    orchestrator.compat.install()
    sock = socket.socket(fileno=descriptor)
    channel, order = Channel(sock), protocol.receive(sock)
    comms.use(channel.ask)
    try:
        plugins.load(order.pop("plugins", None) or os.path.join(root, plugins.IN_VERSION))
        dags = load(root, file)
        dag_id = order.pop("dag_id") or (next(iter(dags)) if len(dags) == 1 else None)
        if dag_id not in dags:
            known = ", ".join(dags) or "no DAG"
            raise ValueError(f"{file} defines {known}" + (f", not {dag_id}" if dag_id else ": say which with --dag-id"))
        date = order.pop("logical_date")
        found = run_dag(
            dags[dag_id], logical_date=datetime.fromisoformat(date) if date else None, provider=channel.ask, **order
        )
    except LoadError as error:
        channel.tell({"type": "error", "error": f"{file} cannot be imported: {error}\n{error.trace}"})
        return
    except Exception as error:
        channel.tell({"type": "error", "error": f"{type(error).__name__}: {error}"})
        return
    tasks = [
        {"task_id": task_id, "map_index": index, "state": state, "reason": found.reasons[task_id, index]}
        for (task_id, index), state in found.states.items()
    ]
    channel.tell({"type": "done", "run_id": found.run_id, "state": found.state, "reason": found.reason, "tasks": tasks})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
