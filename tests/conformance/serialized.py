"""The set ``serialized``: what the API and the pages say about a DAG's structure.

The real views answer. Airflow's grid and
graph come from endpoints of its own pages, so there what ours say is compared: order, labels, groups and edges.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.api.auth import issue_token
from orchestrator.core import errors
from orchestrator.sdk import exceptions
from orchestrator.web import grid

from .engine import ENGINE, Refused, refusal

Json = Any


def answer(case: Json) -> Json:
    dag_id = case["spec"]["dag_id"]
    try:
        dag = ENGINE.store(case["spec"])
    except Refused as error:
        return {**refusal(error), "message": str(error)}
    spec = load_spec(dag.version_id)
    if spec.is_paused_upon_creation:  # which the engine undoes, to have runs
        Dag.objects.filter(pk=dag_id).update(is_paused=True)
    details = _get(f"/api/v2/dags/{dag_id}/details")
    tags, owners = [each["name"] for each in details["tags"]], sorted(details["owners"])
    return {
        "details": {**details, "tags": tags, "owners": owners},
        "tasks": _get(f"/api/v2/dags/{dag_id}/tasks")["tasks"],
        "grid": grid.rows(spec),
        "graph": grid.graph(spec, None),
    }


def _get(path: str) -> Json:
    user, made = User.objects.get_or_create(username="conformance")
    if made:
        user.groups.add(Group.objects.get_or_create(name="admin")[0])
    return (
        Client(headers={"Authorization": f"Bearer {issue_token(user)}"}).get(path, headers={"Host": "localhost"}).json()
    )


# ---- comparing


def compare(expected: Json, got: Json) -> list[str]:
    """Return a line for each place where the answers differ."""
    refused = got.get("import_error")
    if "import_error" in expected:
        good = refused is not None and expected["import_error"] in _caught_by(refused)
        return (
            [] if good else [f"/import_error: expected {expected['import_error']}, got {got.get('message', 'a DAG')}"]
        )
    if "details" not in expected or refused is not None:
        return [f"expected {expected.get('serialization_error', 'a DAG')}, got {got.get('message', 'a DAG')}"]
    wanted, found = _theirs(expected), _ours(got)
    return list(_differences(wanted, {name: found[name] for name in wanted}))


def _caught_by(name: str) -> set[str]:
    """The classes by which an error of this class can be caught."""
    kind = getattr(exceptions, name, None) or getattr(errors, name, None) or getattr(builtins, name, Exception)
    return {each.__name__ for each in kind.__mro__}


def _differences(expected: Json, got: Json, place: str = "") -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for name, value in expected.items():
            yield from _differences(value, got.get(name, "nothing"), f"{place}/{name}")
        if place.startswith("/tasks") or place.startswith("/arrows"):
            yield from (f"{place}/{name}: not expected" for name in got.keys() - expected.keys())
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for at, (theirs, ours) in enumerate(zip(expected, got, strict=True)):
            yield from _differences(theirs, ours, f"{place}/{at}")
    elif expected != got:
        yield f"{place}: expected {expected!r:.300}, got {got!r:.300}"


def _theirs(expected: Json) -> Json:
    found = {"details": expected["details"], "tasks": _by_id(expected["tasks"])}
    if expected["grid"] is not None:
        found["grid"] = expected["grid"] if isinstance(expected["grid"], int) else _grid(expected["grid"])
    if expected["graph"] is not None:
        shown = isinstance(expected["graph"], dict)
        found["nodes"] = _nodes(expected["graph"]) if shown else expected["graph"]
        found["arrows"] = _arrows(expected["graph"]) if shown else expected["graph"]
    return found


def _ours(got: Json) -> Json:
    rows = got["graph"]["rows"]
    return {
        "details": got["details"],
        "tasks": _by_id(got["tasks"]),
        "grid": [
            [
                row["depth"],
                row["id"],
                row["label"],
                row.get("kind") == "group",
                bool(row.get("mapped")),
                row.get("role"),
            ]
            for row in got["grid"]
        ],
        "nodes": [
            [
                *(row["group"], row["id"], row["label"], row.get("operator"), bool(row.get("mapped"))),
                *(row.get("tooltip", ""), row.get("role")),
            ]
            for row in rows
        ],
        "arrows": {f"{above} > {below}": [label, bool(scope)] for above, below, label, *scope in got["graph"]["edges"]},
    }


def _by_id(tasks: list[Json]) -> Json:
    return {"order": [each["task_id"] for each in tasks], **{each["task_id"]: each for each in tasks}}


def _grid(nodes: list[Json], depth: int = 0) -> list[Json]:
    """Airflow's grid as rows: depth, id, label, whether it is a group, mapped, setup or teardown."""
    found = []
    for node in nodes:
        mapped, role = bool(node.get("is_mapped")), node.get("setup_teardown_type")
        found.append([depth, node["id"], node["label"], "children" in node, mapped, role])
        found += _grid(node.get("children") or [], depth + 1)
    return found


def _nodes(graph: Json) -> list[Json]:
    """Airflow's graph as rows: parent, id, label, operator, mapped, tooltip, setup or teardown."""
    found = []
    pending = [(None, node) for node in reversed(graph["nodes"])]
    while pending:
        parent, node = pending.pop()
        if node["type"] == "join":  # only bundles arrows
            continue
        about = node["label"], node["operator"], bool(node["is_mapped"]), node["tooltip"] or ""
        found.append([parent, node["id"], *about, node["setup_teardown_type"]])
        pending += [(node["id"], child) for child in reversed(node["children"] or [])]
    return found


def _arrows(graph: Json) -> Json:
    """Airflow's arrows between tasks with label and whether they are a scope; bundles of a group are followed through."""
    following: dict[str, list[Json]] = {}
    for edge in graph["edges"]:
        following.setdefault(edge["source_id"], []).append(edge)
    found: dict[str, list[Json]] = {}
    for source in [name for name in following if not _is_join(name)]:
        pending = [(edge, edge["label"]) for edge in following[source]]
        while pending:
            edge, label = pending.pop()
            target = edge["target_id"]
            if _is_join(target):
                pending += [(on, on["label"] or label) for on in following.get(target, ())]
            else:
                known = found.setdefault(f"{source} > {target}", ["", False])
                known[:] = [known[0] or label or "", known[1] or bool(edge["is_setup_teardown"])]
    return found


def _is_join(name: str) -> bool:
    return name.endswith((".upstream_join_id", ".downstream_join_id"))
