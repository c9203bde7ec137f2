"""Telling open pages that something changed, after it was committed. Only ever a hint: pages resync by themselves."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

from django.db import transaction

from .publisher import publish


def run_changed(run_pk: int, dag_id: str) -> None:
    """After the commit: the run, or one of its task instances, changed."""
    transaction.on_commit(partial(_send_run, run_pk, dag_id))


def dag_changed(dag_id: str) -> None:
    """After the commit: the DAG itself changed (version, pause, errors)."""
    transaction.on_commit(partial(_send_dag, dag_id))


def log_grew(instance_pk: int, token: int) -> None:
    """A log has more bytes."""
    publish(f"log.{instance_pk}.{token}", {"type": "changed", "instance": instance_pk, "token": token})


def dag_group(dag_id: str) -> str:
    """The channel group of a DAG: group names allow few characters, DAG ids many."""
    return "dag." + hashlib.sha256(dag_id.encode()).hexdigest()[:32]


def _send_run(run_pk: int, dag_id: str) -> None:
    message: dict[str, Any] = {"type": "changed", "run": run_pk, "dag_id": dag_id}
    for group in (f"run.{run_pk}", dag_group(dag_id), "dags"):
        publish(group, message)


def _send_dag(dag_id: str) -> None:
    message: dict[str, Any] = {"type": "changed", "dag_id": dag_id}
    for group in (dag_group(dag_id), "dags"):
        publish(group, message)
