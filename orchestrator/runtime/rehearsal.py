"""Going through an attempt once before there is one.

The zygote does so before it forks anybody: what an attempt imports on first use, and the caches that the interpreter
keeps in the code it runs, are then shared by all. A spare child does so while it waits: after a fork the first write
to each page copies it, and one attempt writes to some 400.
"""

from __future__ import annotations

import json
import os
from typing import Any

from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from orchestrator.sdk.context import running
from orchestrator.sdk.listeners import without_plugins

from . import protocol
from .child import Attempt, environment_of, log_to

NAME = "rehearsal"
TIME = "2024-01-01T00:00:00+00:00"
ASSIGNMENT = json.dumps(
    {
        "kind": "task",
        "dag_id": NAME,
        "task_id": NAME,
        "map_index": -1,
        "try_number": 1,
        "max_tries": 0,
        "token": 1,
        "started_at": TIME,
        "run": {"dag_id": NAME, "run_id": NAME, "conf": {}, "run_after": TIME},
    }
)

_dag = DAG(NAME, schedule=None)
PythonOperator(task_id=NAME, python_callable=lambda ti: None, op_args=[], dag=_dag)


class _Nobody:
    """Takes every message and drops it."""

    def ask(self, what: str, args: dict[str, Any]) -> None:
        self.tell({"what": what, "args": args})

    def tell(self, message: dict[str, Any]) -> None:
        protocol.pack(message)


def rehearse() -> None:
    """Do what an attempt does, to no effect; signals are left as they are."""
    assignment = json.loads(ASSIGNMENT)
    log_to(_Nobody())
    variables = environment_of(assignment)
    os.environ.update(variables)
    attempt = Attempt(assignment, _dag, _Nobody())
    with without_plugins(), running(attempt.context):  # listeners would take it for a task
        protocol.pack(attempt._guarded())
    for name in variables:
        del os.environ[name]
