"""A connection tried in a process of its own, which ends with it: ``python -m orchestrator.runtime.try_connection``.

Reads ``{"conn_id", "timeout", fields}`` from standard input and writes ``{"status", "message"}`` to standard output. The hook
of an installed provider package says how; where there is none, or it cannot be tried, what the type's own protocol tells.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

from orchestrator.sdk.connections import FIELDS, Connection

LONGEST = 2000
"""Characters of a message: some drivers answer with whole pages."""
MEMORY = 2 << 30
Answer = tuple[bool, str]


def main() -> None:
    answer_to = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    # What hooks print is nobody's business here, and would stand before the answer.
    os.dup2(null, 1)
    os.dup2(null, 2)
    asked = json.load(sys.stdin)
    seconds = int(asked["timeout"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        status, message = tried(Connection(asked["conn_id"], **{name: asked.get(name) for name in FIELDS}), seconds)
    except Exception as error:
        status, message = False, f"{type(error).__name__}: {error}"
    answer_to.write(json.dumps({"status": bool(status), "message": str(message)[:LONGEST]}))
    answer_to.close()
    os._exit(0)  # a driver's threads must not keep us


def tried(connection: Connection, timeout: float) -> Answer:
    """Whether a connection works, and what there is to say of it."""
    from . import probes

    hook = _hook(connection)
    if hook is not None and hasattr(hook, "test_connection"):
        found = hook.test_connection()
        return bool(found[0]), str(found[1])
    return probes.probe(connection, timeout)


def _hook(connection: Connection) -> Any:
    """The hook of an installed provider package for this type; None where there is none."""
    import orchestrator.compat
    from orchestrator.sdk import provider_info

    orchestrator.compat.install()  # hooks import Airflow's names
    if provider_info.hooks().get(connection.conn_type) is None:
        return None
    # Hooks look their connection up by its id, and the environment of this process is the first place.
    values = {field: getattr(connection, field) for field in FIELDS}
    os.environ[f"AIRFLOW_CONN_{(connection.conn_id or '').upper()}"] = json.dumps(values)
    return connection.get_hook()


if __name__ == "__main__":
    main()
