"""Cases that were not recorded, made of those that were: our answers must not hang on the cases at hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from . import judge, runs

SEED = 20240301
PAIRS = 40


def ids_of(nodes: Any) -> Iterator[str]:
    for node in nodes:
        yield node["id"]
        yield from ids_of(node.get("children", ()))


def plain_waves() -> list[Any]:
    """Cases in waves whose DAG has no settings of its own, so that two of them can share one."""
    cases = (case for case in judge.read(judge.OWN_DATA, "runs") if case["order"] == "wave")
    return [case for case in cases if "dag" not in case["spec"] and case["run"]["run_type"] == "manual"]


def pairs(count: int) -> Iterator[Any]:
    """Two cases side by side in one DAG; what becomes of one does not concern the other."""
    rng, cases = random.Random(SEED), plain_waves()
    names = {case["id"]: set(ids_of(case["spec"]["nodes"])) for case in cases}
    while count:
        one, other = rng.sample(cases, 2)
        if names[one["id"]] & names[other["id"]] or one["run"] != other["run"]:
            continue
        count -= 1
        yield together(deepcopy(one), deepcopy(other))


def together(one: Any, other: Any) -> Any:
    states = {one["expected"]["run_state"], other["expected"]["run_state"]}
    return {
        **one,
        "id": f"{one['id']}+{other['id']}",
        "spec": {
            "dag_id": f"pair-{one['id']}-{other['id']}",
            "nodes": [*one["spec"]["nodes"], *other["spec"]["nodes"]],
            "edges": [*one["spec"].get("edges", ()), *other["spec"].get("edges", ())],
        },
        "expected": {
            "run_state": "failed" if "failed" in states else "success",
            "task_instances": [*one["expected"]["task_instances"], *other["expected"]["task_instances"]],
        },
    }


def test_two_dags_in_one_end_as_each_of_them(engine: None):
    report = judge.run("runs", pairs(PAIRS))
    assert not report.wrong, "\n".join("\n".join([each.case_id, *each.wrong]) for each in report.wrong)


def test_an_answer_does_not_hang_on_the_id(engine: None):
    case = deepcopy(next(each for each in plain_waves() if each["family"] == "random"))
    first = runs.answer(case)
    case["spec"]["dag_id"] = "Another.id-of_it"
    assert runs.answer(case) == first
