"""Set ``past``: several runs of one DAG, each driven as far as it goes before the next is made."""

from __future__ import annotations

from typing import Any

from .compare import by_instance, differences
from .engine import ENGINE, answer_about


def answer(case: Any) -> Any:
    dag, found = ENGINE.store(case["spec"]), {}
    for given in case["runs"]:
        run = ENGINE.start(dag, given)
        ENGINE.drive(run, case["order"])
        found[given["run_id"]] = answer_about(run)
    return {"runs": found}


def compare(expected: Any, got: Any) -> list[str]:
    return differences(by_instance(expected), by_instance(got))
