"""What a trigger may be asked on top of Airflow's: the same run for the same key, and an answer when it has ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from django.http import QueryDict, StreamingHttpResponse
from rest_framework.request import Request

from orchestrator.core.states import RUN_FINISHED
from orchestrator.streaming import followed
from runs_app.models import DagRun

from .errors import Invalid, problem
from .query import seconds

LONGEST_KEY = 255
LOOK_SECONDS = 2.0
ALIVE_SECONDS = 15.0


def run_id_of_key(request: Request, dag_id: str, values: Mapping[str, Any]) -> str | None:
    """Return the id of the run that ``Idempotency-Key`` stands for, None where there is no such header.

    The id is made from the key, so that of two requests at once the database lets one make the run, and a run that
    is deleted takes its key with it.

    Raises:
        Invalid: a key that is none, or beside an id of the caller's own.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        message = f"Input should be 1 to {LONGEST_KEY} printable characters"
        raise Invalid(problem("header", "Idempotency-Key", message, kind="string_type"))
    if values["run_id"] is not None:
        message = "An Idempotency-Key makes the run's id: leave dag_run_id out"
        raise Invalid(problem("body", "dag_run_id", message, values["run_id"]))
    return "manual__key_" + sha256(json.dumps([request.user.pk, dag_id, key]).encode()).hexdigest()[:32]


def made_before(dag_id: str, run_id: str, values: Mapping[str, Any]) -> DagRun | None:
    """Return the run that an earlier request with this key made.

    Raises:
        Invalid: it was asked for with another body.
    """
    run = DagRun.objects.filter(dag_id=dag_id, run_id=run_id).first()
    if run is None:
        return None
    asked = {name: values[name] for name in ("logical_date", "run_after", "partition_key") if values[name] is not None}
    if run.conf != (values["conf"] or {}) or any(getattr(run, name) != value for name, value in asked.items()):
        message = "This key was used for another request: one key stands for one run"
        raise Invalid(problem("header", "Idempotency-Key", message))
    return run


def seconds_to_wait(query: QueryDict) -> float | None:
    """Return how long the answer may wait for the run's end."""
    return seconds(query, "wait")


def when_over(
    request: Request, run_pk: int, seconds: float, shape: Callable[[int], dict[str, Any]]
) -> StreamingHttpResponse:
    """Answer with the run when it has ended, or as it is when the time is over.

    Blanks before the JSON keep the connection; any reader of JSON passes them over.
    """
    until = time.monotonic() + seconds
    sent_at = time.monotonic()

    def look() -> tuple[bytes, bool]:
        nonlocal sent_at
        state = DagRun.objects.filter(pk=run_pk).values_list("state", flat=True).first()
        if state is None:
            return json.dumps({"detail": "The DagRun was deleted"}).encode(), True
        if state in RUN_FINISHED or time.monotonic() >= until:
            return json.dumps(shape(run_pk)).encode(), True
        if time.monotonic() - sent_at < ALIVE_SECONDS:
            return b"", False
        sent_at = time.monotonic()
        return b" ", False

    every = min(LOOK_SECONDS, seconds)
    return followed(request._request, look, "application/json", seconds=every, groups=[f"run.{run_pk}"])
