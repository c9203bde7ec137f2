"""A tested run ends as a run of the real engine does: rows, claims and child processes on one side, dicts on the other.

``TESTING_DAGS=1000`` compares as many random DAGs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dags_app.models import Pool
from dags_app.versions import known_place, load_spec
from orchestrator import wake
from orchestrator.core.trigger_rules import RULES
from orchestrator.testing import load_dags, run
from runs_app import assignment, notify
from tests.conformance.dagfile import text_of
from tests.conformance.engine import ENGINE, Refused, answer_about

DAGS = int(os.environ.get("TESTING_DAGS", "200"))
BATCH = 25
RULES_OF_WORK = sorted(set(RULES) - {"all_done_setup_success", "always"})
AT = "2024-03-01T00:00:00+00:00"
Json = dict[str, Any]


@pytest.fixture
def engine(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    for module, name in ((wake, "_send"), (wake, "_publish"), (notify, "publish")):
        monkeypatch.setattr(module, name, lambda *_: None)
    load_spec.cache_clear()  # an emptied database gives its primary keys again
    known_place.cache_clear()
    assignment._runs.clear()
    yield
    ENGINE.close()


def random_spec(seed: int) -> Json:
    """Three to nine tasks: values, failures and skips by try, branches, short circuits, mapping, groups, setups."""
    rng = Random(seed)
    nodes: list[Json] = []
    edges: list[list[str]] = []
    names: list[str] = []
    for number in range(rng.randint(3, 9)):
        name = f"t{number}"
        node: Json = {"kind": "task", "id": name, "weight_rule": "absolute", "retries": rng.choice((0, 0, 1, 2))}
        above = [each for each in names if rng.random() < 0.35][-3:]
        if above and rng.random() < 0.4:
            node["trigger_rule"] = rng.choice(RULES_OF_WORK)
        _work(rng, node, above)
        edges += [[each, name] for each in above]
        nodes.append(node)
        names.append(name)
    return {"dag_id": f"random_{seed}", "nodes": nodes, "edges": edges}


def _work(rng: Random, node: Json, above: list[str]) -> None:
    kind = rng.choice(("value", "value", "value", "sum", "branch", "stop", "mapped", "over", "empty"))
    last: Json = {"do": "return", "value": rng.choice((1, [1, 2, 3], [], {"a": 1}, None))}
    bad: Json = {"do": rng.choice(("fail", "fail", "skip", "fail_no_retry"))}
    node["behave"] = rng.choice((last, last, last, bad, {"do": "by_try", "cases": {"1": bad}, "else": last}))
    if kind == "empty":
        node.pop("behave")
        node["via"] = "empty"
    elif kind == "sum" and above:
        node.update(behave={"do": "sum"}, inputs={"x": {"xcom": rng.choice(above)}})
    elif kind == "branch":
        number = int(node["id"][1:])
        chosen = rng.choice(([], [f"t{number + 1}"], None))
        node.update(via="branch_operator", behave={"do": "return", "value": chosen})
    elif kind == "stop":
        node.update(
            via="short_circuit_operator",
            behave={"do": "return", "value": rng.random() < 0.5},
            ignore_downstream_trigger_rules=rng.random() < 0.5,
        )
    elif kind == "mapped":
        odd: Json = {"do": "by_index", "cases": {"1": bad}, "else": {"do": "echo"}}
        values = list(range(rng.randint(0, 3)))
        node.update(behave=rng.choice(({"do": "echo"}, odd)), map={"mode": "expand", "args": {"x": {"list": values}}})
    elif kind == "over" and above:
        node.update(behave={"do": "echo"}, map={"mode": "expand", "args": {"x": {"xcom": rng.choice(above)}}})


def by_engine(spec: Json) -> Json:
    made = ENGINE.start(ENGINE.store(spec), {"run_type": "manual", "logical_date": AT, "run_id": "r"})
    ENGINE.drive(made, "first")
    found = answer_about(made)
    return {
        "state": found["run_state"],
        "states": {_name(each): each["state"] for each in found["task_instances"]},
        "tries": {_name(each): each["try_number"] for each in found["task_instances"]},
        "xcoms": {
            (_name(each), key): value for each in found["task_instances"] for key, value in each.get("xcom", {}).items()
        },
    }


def _name(each: Json) -> str:
    return f"{each['task_id']}[{each['map_index']}]" if each["map_index"] >= 0 else each["task_id"]


def by_test(spec: Json, folder: Path) -> Json:
    file = folder / f"{spec['dag_id']}.py"
    file.write_text(text_of(spec))
    found = run(load_dags(file)[spec["dag_id"]], at=AT, run_id="r")
    return {"state": found.state, "states": found.states, "tries": found.tries, "xcoms": found.xcoms}


@pytest.mark.parametrize("first", range(0, DAGS, BATCH))
def test_a_tested_run_ends_as_the_engines(first: int, engine: None, tmp_path: Path):
    compared = 0
    for seed in range(first, min(first + BATCH, DAGS)):
        spec = random_spec(seed)
        try:
            wanted = by_engine(spec)
        except Refused as error:
            with pytest.raises(AssertionError) as caught:
                by_test(spec, tmp_path)
            assert str(error).partition(":")[0] in str(caught.value)
            continue
        assert by_test(spec, tmp_path) == wanted, f"seed {seed}: {spec}"
        compared += 1
    assert compared > BATCH // 2, "most random DAGs can be run"
