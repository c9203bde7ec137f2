"""From a neutral spec to the text of a DAG file, as an author of Airflow 3 would write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Json = Any

HEAD = (Path(__file__).parent / "played.py").read_text()
DAG_SETTINGS = ("fail_fast", "render_template_as_native_obj", "max_active_tasks", "max_active_runs")
TASK_SETTINGS = (
    *("trigger_rule", "ignore_downstream_trigger_rules", "multiple_outputs", "map_index_template", "priority_weight"),
    *("weight_rule", "max_active_tis_per_dagrun", "depends_on_past", "wait_for_downstream", "retries"),
)
DECORATORS = {
    "taskflow": "task",
    "branch_taskflow": "task.branch",
    "short_circuit_taskflow": "task.short_circuit",
    "sensor_taskflow": "task.sensor",
}
OPERATORS = {
    "python_operator": "PythonOperator",
    "branch_operator": "BranchPythonOperator",
    "short_circuit_operator": "ShortCircuitOperator",
    "empty": "EmptyOperator",
    "latest_only": "LatestOnlyOperator",
}


def text_of(spec: Json) -> str:
    """The DAG file of a case: its own where it brings one, else one made from its neutral spec."""
    return spec["dag_file"] if "dag_file" in spec else HEAD + "\n\n" + "\n".join(_lines(spec)) + "\n"


def _lines(spec: Json) -> Iterator[str]:
    given = spec.get("dag", {})
    start = given.get("start_date", "2024-01-01T00:00:00+00:00")
    arguments = {
        "schedule": repr(given.get("schedule")),
        "start_date": f"datetime.fromisoformat({start!r})",
        "catchup": repr(given.get("catchup", False)),
        **{name: repr(given[name]) for name in DAG_SETTINGS if name in given},
        **_default_args(given),
    }
    yield f"with DAG({spec['dag_id']!r}, {_call(arguments)}):"
    yield "    pass"
    yield from _indented(_nodes(spec["nodes"], ""))
    yield from (f"    made[{above!r}] >> made[{below!r}]" for above, below in spec.get("edges", ()))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _function(name: str) -> str:
    """What the function behind a node is called; used at once, so it need not be the only one of its name."""
    return "work_" + re.sub(r"\W", "_", name)


def _call(arguments: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


def _default_args(given: Json) -> dict[str, str]:
    values = given.get("default_args")
    if not values:
        return {}
    texts = {
        name: f"timedelta(seconds={value!r})" if name == "retry_delay" else repr(value)
        for name, value in values.items()
    }
    return {"default_args": f"dict({_call(texts)})"}


def _data(given: Json) -> str:
    """A data expression as source."""
    for literal in ("list", "value"):
        if literal in given:
            return repr(given[literal])
    if "arg" in given:
        return str(given["arg"])
    if "xcom" in given:
        key = f"[{given['key']!r}]" if "key" in given else ""
        return f"output_of(made[{given['xcom']!r}]){key}"
    if "map" in given:
        return f"{_data(given['map'])}.map({given['fn']})"
    (method,) = {"zip", "concat"} & given.keys()
    head, *others = map(_data, given[method])
    if "fill" in given:
        others.append(f"fillvalue={given['fill']!r}")
    return f"{head}.{method}({', '.join(others)})"


def _texts(given: Json) -> dict[str, str]:
    return {name: _data(each) for name, each in given.items()}


def _nodes(nodes: Iterable[Json], prefix: str) -> Iterator[str]:
    for node in nodes:
        yield from {"task": _task, "group": _group}[node["kind"]](node, prefix)


def _group(node: Json, prefix: str) -> Iterator[str]:
    name = prefix + node["id"]
    plain = node.get("prefix", True)
    options = {**({} if plain else {"prefix_group_id": "False"}), **_default_args(node)}
    children = _nodes(node["children"], f"{name}." if plain else "")
    if "map" not in node:
        yield f"with TaskGroup({_call({'group_id': repr(node['id']), **options})}) as made[{name!r}]:"
        yield "    pass"
        yield from _indented(children)
        return
    names = dict.fromkeys([*_mapped_names(node), *node.get("inputs", {})])
    yield f"@task_group({_call({'group_id': repr(node['id']), **options})})"
    yield f"def {_function(name)}({', '.join(names)}):"
    yield "    pass"
    yield from _indented(children)
    yield f"made[{name!r}] = {_expanded(_function(name), node)}"


def _mapped_names(node: Json) -> Iterable[str]:
    """The arguments that a node's mapping gives."""
    mapping = node["map"]
    return mapping["args"] if mapping["mode"] == "expand" else mapping["names"]


def _expanded(function: str, node: Json) -> str:
    """The call of a decorated function: with its inputs, mapped where the node says so."""
    inputs = _call(_texts(node.get("inputs", {})))
    if "map" not in node:
        return f"{function}({inputs})"
    return (f"{function}.partial({inputs})" if inputs else function) + _expand(node["map"])


def _expand(mapping: Json) -> str:
    if mapping["mode"] == "expand":
        return f".expand({_call(_texts(mapping['args']))})"
    if mapping["mode"] == "op_kwargs":
        return f".expand(op_kwargs={_data(mapping['arg'])})"
    return f".expand_kwargs({_data(mapping['arg'])})"


def _task(node: Json, prefix: str) -> Iterator[str]:
    name, via = prefix + node["id"], node.get("via", "taskflow")
    settings = {"task_id": repr(node["id"])}
    settings |= {key: repr(node[key]) for key in TASK_SETTINGS if key in node}
    settings |= {key: repr(value) for key, value in node.get("sensor", {}).items()}
    if "retries" in node:
        settings["retry_delay"] = "timedelta(0)"
    if via in ("empty", "latest_only"):
        yield f"made[{name!r}] = {OPERATORS[via]}({_call(settings)})"
    else:
        yield from _python_task(node, via, name, settings)
    yield from _around(node, name)


def _python_task(node: Json, via: str, name: str, settings: dict[str, str]) -> Iterator[str]:
    function = _function(name)
    names = dict.fromkeys([*node.get("inputs", {}), *(_mapped_names(node) if "map" in node else ())])
    if via in DECORATORS:
        # In the order of writing: run_if stands above skip_if, so its condition is looked at first.
        yield from (f"@task.{key}(lambda context: {node[key]!r})" for key in ("run_if", "skip_if") if key in node)
        yield f"@{DECORATORS[via]}({_call(settings)})"
    behave = node.get("behave", {"do": "return", "value": None})
    yield f"def {function}({', '.join(f'{each}=None' for each in names)}):"
    yield f"    return play({behave!r}, dict({', '.join(f'{each}={each}' for each in names)}))"
    if via in DECORATORS:
        yield f"made[{name!r}] = {_expanded(function, node)}"
        return
    settings["python_callable"] = function
    if "map" in node:
        yield f"made[{name!r}] = {OPERATORS[via]}.partial({_call(settings)}){_expand(node['map'])}"
        return
    if node.get("inputs"):
        settings["op_kwargs"] = f"dict({_call(_texts(node['inputs']))})"
    yield f"made[{name!r}] = {OPERATORS[via]}({_call(settings)})"


def _around(node: Json, name: str) -> Iterator[str]:
    """Setup and teardown."""
    if node.get("setup"):
        yield f"made[{name!r}].as_setup()"
    if "teardown" in node:
        given = node["teardown"]
        arguments = {}
        if given.get("setups"):
            arguments["setups"] = f"[{', '.join(f'operator_of(made[{each!r}])' for each in given['setups'])}]"
        if "on_failure_fail_dagrun" in given:
            arguments["on_failure_fail_dagrun"] = repr(given["on_failure_fail_dagrun"])
        yield f"made[{name!r}].as_teardown({_call(arguments)})"
