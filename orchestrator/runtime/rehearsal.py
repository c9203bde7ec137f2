"""Going through an attempt once before there is one.

After a fork the first write to each page copies it, and one attempt writes to some 400: a spare child that has
rehearsed has its copies by the time it gets its assignment, so nobody waits for them.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from orchestrator.sdk.context import running

from . import protocol
from .child import Attempt, RecordHandler, _environment

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
        "run": {"dag_id": NAME, "run_id": NAME, "conf": {}, "logical_date": TIME, "run_after": TIME},
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
    logging.getLogger().handlers[:] = [RecordHandler(_Nobody())]
    _environment(assignment)
    attempt = Attempt(assignment, _dag, _Nobody())
    with running(attempt.context):
        protocol.pack(attempt._guarded())
