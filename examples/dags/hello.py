"""Hello: two functions that become two tasks, the second with what the first returned."""

from __future__ import annotations

from orchestrator.sdk import dag, task


@dag(schedule=None, tags=["start here"])
def hello():
    """The smallest DAG worth the name: run it, open **greet** and look at its log."""

    @task
    def name() -> str:
        return "world"

    @task
    def greet(who: str) -> str:
        print(f"Hello, {who}!")
        return f"Hello, {who}!"

    greet(name())


hello()
