"""``depends_on_past`` and ``wait_for_downstream``: what an earlier run says, and who is told when it speaks."""

from __future__ import annotations

import pytest

from orchestrator.core.states import RunState
from tests.runs_app.engine import end, python_dag, seconds, slot, start, state_of, states, take


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_task_wakes_the_next_run_that_waited_for_it(monkeypatch):
    from dags_app.models import Pool

    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)
    dag = python_dag("past", {"a": ()}, tasks={"depends_on_past": True})
    first = start(dag)
    row = take(slot())
    second = start(dag, logical_date=first.logical_date + seconds(1), now=first.logical_date + seconds(1))
    assert (state_of(second), states(second)) == (RunState.RUNNING, {"a": "none"})
    end(row, "success")
    assert states(second) == {"a": "scheduled"}
