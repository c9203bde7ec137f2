"""Set ``runs``: one run of a DAG, driven to its end."""

from __future__ import annotations

from typing import Any

from .compare import by_instance, differences
from .engine import ENGINE, answer_about


def answer(case: Any) -> Any:
    run = ENGINE.start(ENGINE.store(case["spec"]), case["run"])
    ENGINE.drive(run, case["order"])
    return answer_about(run)


def compare(expected: Any, got: Any) -> list[str]:
    return differences(by_instance(expected), by_instance(got))
