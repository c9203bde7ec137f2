"""Running a few tasks in real attempts, with a server that answers from a dict."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from orchestrator.runtime.local import Result, run_dag
from orchestrator.sdk import DAG

DATE = datetime(2024, 3, 1, 8, tzinfo=UTC)  # a Friday


class Server:
    """Answers what tasks ask for; each answer is a value or a function of the arguments. Keeps the questions."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __call__(self, what: str, args: dict[str, Any]) -> Any:
        found = self.answers.get(what)
        return found(**args) if callable(found) else found


def quietly(line: str) -> None:
    return None


def run(
    make: Callable[[], Any],
    *,
    logical_date: datetime = DATE,
    conf: Any = None,
    say: Callable[[str], None] = quietly,
    **answers: Any,
) -> Result:
    """Make tasks inside a DAG and run it; ``say`` gets the lines of its log."""
    with DAG("d", start_date=datetime(2024, 1, 1, tzinfo=UTC)) as dag:
        make()
    return run_dag(dag, provider=Server(**answers), say=say, logical_date=logical_date, conf=conf)


def state(result: Result, task_id: str) -> str:
    return result.states[task_id, -1]


def reason(result: Result, task_id: str) -> str:
    return result.reasons[task_id, -1]
