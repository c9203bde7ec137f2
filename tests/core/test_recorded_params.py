"""Params of runs and tasks, against what Apache Airflow 3.3.2 answered."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator.core.params import ParamError, merged
from orchestrator.core.serde import dag_to_json
from orchestrator.runtime.context import TaskContext
from tests.conformance.build import dag_of_file
from tests.conformance.cases import cases


@pytest.mark.parametrize("case", cases("params"))
def test_params_are_checked_and_merged_as_recorded(case: Any):
    expected, conf = case["expected"], case["input"]["conf"]
    if "import_error" in expected or "serialization_error" in expected:
        with pytest.raises(Exception, match=r"param|schema"):
            dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"]).to_spec()
        return
    dag = dag_of_file(case["spec"]["dag_file"], case["spec"]["dag_id"])
    spec = dag.to_spec()
    assert dag_to_json(spec)
    defaults = {name: each.get("value", "<no default>") for name, each in spec.params.items()}
    assert defaults == expected["defaults"]
    assert outcome(lambda: "refused" if merged(spec.params, conf) is None else "ok") == answer(expected["trigger"])
    run = {"run_id": "r", "dag_id": dag.dag_id, "run_after": "2024-03-01T00:00:00+00:00", "conf": conf}
    assignment = {"dag_id": dag.dag_id, "task_id": "t", "map_index": -1, "run": run}
    found = outcome(lambda: TaskContext(assignment, dag, dag.get_task("t"))["params"])
    assert found == answer(expected.get("params_error", expected.get("params")))


def outcome(work: Any) -> Any:
    """What came out, or the param that was refused."""
    try:
        return work()
    except ParamError as error:
        return named(str(error))


def answer(recorded: Any) -> Any:
    if isinstance(recorded, dict) and set(recorded) == {"class", "message"}:
        return named(recorded["message"])
    return recorded


def named(message: str) -> str:
    found = re.search(r"[Ii]nvalid input for param (\S+?):", message)
    return f"refused: {found.group(1)}" if found else message
