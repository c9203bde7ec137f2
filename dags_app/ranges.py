"""The runs of a range of dates by a timetable of the author's own: asked where its file is parsed, like those to come.

Who wants to know writes the question down with the DAG and waits; the processor parses the file within a second and
writes the answer beside it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from orchestrator.core import ahead
from orchestrator.core.timetables import NextRun, TimetableError

from .models import Dag

WAIT_SECONDS = 10.0
"""So long an answer is waited for; with a processor that has nothing to do it comes within a second."""
FRESH = timedelta(seconds=60)
"""So long an answer counts, so that the plan that was looked at and the backfill that follows go by one."""

Json = dict[str, Any]


def runs_between(dag_id: str, first: datetime, last: datetime, *, most: int) -> list[NextRun]:
    """Return up to ``most`` runs whose logical dates lie in the range, as the DAG's timetable answers.

    Raises:
        TimetableError: it failed, or nobody was there to ask it.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        dag = Dag.objects.only("version_id", "range_asked", "range_answer").get(pk=dag_id)
        question = {"from": first.isoformat(), "to": last.isoformat(), "most": most, "version": dag.version_id}
        if (found := _answer(dag.range_answer, question)) is not None:
            return found
        if dag.range_asked != question:
            Dag.objects.filter(pk=dag_id).update(range_asked=question, plan_wanted=True)
        if time.monotonic() > deadline:
            raise TimetableError(
                f"the timetable of {dag_id} has not answered within {WAIT_SECONDS:g} s: it is asked by the DAG "
                "processor. See whether that runs, and try again"
            )
        time.sleep(0.1)


def _answer(document: Json | None, question: Json) -> list[NextRun] | None:
    """The answer to this question, where it is there and of late."""
    if not document or document.get("question") != question:
        return None
    if datetime.fromisoformat(document["at"]) < timezone.now() - FRESH:
        return None
    return ahead.runs_from(document)


def questions_of(bundle: str, path: str) -> dict[str, Json]:
    """What is to be asked of the DAGs of a file."""
    rows = Dag.objects.filter(file__bundle_name=bundle, file__relative_path=path, range_asked__isnull=False)
    return dict(rows.values_list("dag_id", "range_asked"))


def take(dag: Dag, answered: Mapping[str, Any] | None) -> None:
    """Keep what a parse brought for the DAG's question; the caller saves ``range_asked`` and ``range_answer``."""
    found = (answered or {}).get("range")
    if dag.range_asked is None or not isinstance(found, dict) or found.get("question") != dag.range_asked:
        return
    try:
        ahead.runs_from(found)
    except TimetableError as error:
        found = {"question": dag.range_asked, "runs": [], "error": str(error)}
    dag.range_answer, dag.range_asked = {**found, "at": timezone.now().isoformat()}, None
