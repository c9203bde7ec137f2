"""From a neutral spec of the recorded cases to a DAG of the SDK, and from a recorded DAG file to its DAG."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

from orchestrator import compat
from orchestrator.operators.branch import LatestOnlyOperator
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator
from orchestrator.sdk import DAG, PokeReturnValue, TaskGroup, XComArg, get_current_context, registry, task, task_group
from orchestrator.sdk.exceptions import AirflowFailException, AirflowSkipException

Json = Any


def dag_of_file(text: str, dag_id: str, folder: str = "/dags") -> DAG:
    """Run the text of a DAG file, as if it lay in ``folder``, and return its DAG."""
    compat.install()
    module = ModuleType(dag_id)
    registry.begin()
    module.__file__ = f"{folder}/{dag_id}.py"
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    found = {each.dag_id: each for each in registry.collect(module)}
    return found[dag_id]


# ---- what the recorded tasks do


def plain(value: Any) -> Any:
    """Lists and dicts instead of lazy sequences and tuples."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value]


def flat_sum(value: Any) -> Any:
    return sum(flat_sum(each) for each in value) if isinstance(value, (list, tuple)) else (value or 0)


def play(behave: Json, inputs: dict[str, Any]) -> Any:
    """Act out what a recorded task does."""
    ti = get_current_context()["ti"]
    do = behave["do"]
    if do == "return":
        return behave["value"]
    if do == "echo":
        return plain(inputs)
    if do == "sum":
        return flat_sum([plain(each) for each in inputs.values()])
    if do == "range":
        return list(range(plain(inputs[behave["input"]])))
    if do == "fail":
        raise ValueError("planned failure")
    if do == "fail_no_retry":
        raise AirflowFailException("planned failure without retry")
    if do == "skip":
        raise AirflowSkipException("planned skip")
    if do in {"by_try", "by_index", "by_run"}:
        which = {"by_try": str(ti.try_number), "by_index": str(ti.map_index), "by_run": ti.run_id}[do]
        return play(behave["cases"].get(which, behave["else"]), inputs)
    if do == "by_input":
        value = plain(inputs[behave["input"]])
        return play(next((then for wanted, then in behave["cases"] if wanted == value), behave["else"]), inputs)
    if do == "push":
        ti.xcom_push(key=behave["key"], value=behave["value"])
        return play(behave["then"], inputs)
    if do == "pull":
        return plain(ti.xcom_pull(**behave["args"]))
    if do == "about":
        return {"task_id": ti.task_id, "map_index": ti.map_index, "try_number": ti.try_number}
    assert do == "poke"
    return PokeReturnValue(is_done=behave["done"], xcom_value=behave.get("xcom"))


def _skip_odd(value: Any) -> Any:
    if value % 2:
        raise AirflowSkipException("odd")
    return value


def _skip_none(value: Any) -> Any:
    if value is None:
        raise AirflowSkipException("none")
    return value


def _boom(value: Any) -> Any:
    raise ValueError("boom in map")


def _boom_on_2(value: Any) -> Any:
    return _boom(value) if value == 2 else value


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "double": lambda value: value * 2,
    "add1": lambda value: value + 1,
    "skip_odd": _skip_odd,
    "skip_none": _skip_none,
    "to_xy": lambda value: {"x": value, "y": value * 10},
    "total": lambda value: sum(value),
    "first": lambda value: value[0],
    "boom": _boom,
    "boom_on_2": _boom_on_2,
}
TASKFLOW = {
    "taskflow": task,
    "branch_taskflow": task.branch,
    "short_circuit_taskflow": task.short_circuit,
    "sensor_taskflow": task.sensor,
}
OPERATORS = {
    "python_operator": PythonOperator,
    "branch_operator": BranchPythonOperator,
    "short_circuit_operator": ShortCircuitOperator,
}
SETTINGS = (
    *("trigger_rule", "ignore_downstream_trigger_rules", "multiple_outputs", "map_index_template", "priority_weight"),
    *("weight_rule", "max_active_tis_per_dagrun", "depends_on_past", "wait_for_downstream"),
)


def function_of(names: list[str], behave: Json) -> Callable[..., Any]:
    """A function with just these parameters, all optional, as the recorded tasks have them."""
    parameters = ", ".join(f"{name}=None" for name in names)
    passed = ", ".join(f"{name!r}: {name}" for name in names)
    space: dict[str, Any] = {"play": play, "behave": behave}
    exec(f"def f({parameters}):\n    return play(behave, {{{passed}}})", space)
    return space["f"]


class Builder:
    """Makes the nodes of one spec inside an open DAG."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def data(self, given: Json, arguments: dict[str, Any]) -> Any:
        if "list" in given:
            return given["list"]
        if "value" in given:
            return given["value"]
        if "arg" in given:
            return arguments[given["arg"]]
        if "xcom" in given:
            node = self.made[given["xcom"]]
            found = node if isinstance(node, XComArg) else node.output
            return found[given["key"]] if "key" in given else found
        if "map" in given:
            return self.data(given["map"], arguments).map(FUNCTIONS[given["fn"]])
        (what,) = {"zip", "concat"} & given.keys()
        head, *rest = [self.data(each, arguments) for each in given[what]]
        options = {"fillvalue": given["fill"]} if "fill" in given else {}
        return getattr(head, what)(*rest, **options)

    def nodes(self, nodes: list[Json], prefix: str, arguments: dict[str, Any]) -> None:
        for node in nodes:
            if node["kind"] == "task":
                self.task(node, prefix, arguments)
            else:
                self.group(node, prefix, arguments)

    def group(self, node: Json, prefix: str, arguments: dict[str, Any]) -> None:
        full = prefix + node["id"]
        inner = f"{full}." if node.get("prefix", True) else ""
        options: dict[str, Any] = {"prefix_group_id": node.get("prefix", True)}
        if node.get("default_args"):
            options["default_args"] = default_args(node["default_args"])
        if "map" not in node:
            with TaskGroup(node["id"], **options) as group:
                self.made[full] = group
                self.nodes(node["children"], inner, arguments)
            return
        mapping = node["map"]
        names = list(mapping["args"]) if mapping["mode"] == "expand" else list(mapping["names"])
        names += [name for name in node.get("inputs", {}) if name not in names]
        space = {"inside": functools.partial(self._inside, node, inner, arguments)}
        exec(f"def f({', '.join(names)}):\n    inside(dict({', '.join(f'{n}={n}' for n in names)}))", space)
        call: Any = task_group(group_id=node["id"], **options)(space["f"])
        given = {name: self.data(each, arguments) for name, each in node.get("inputs", {}).items()}
        self.made[full] = self._expand(call.partial(**given) if given else call, mapping, arguments)

    def _inside(self, node: Json, inner: str, outer: dict[str, Any], arguments: dict[str, Any]) -> None:
        self.nodes(node["children"], inner, {**outer, **arguments})

    def _expand(self, call: Any, mapping: Json, arguments: dict[str, Any]) -> Any:
        if mapping["mode"] == "expand":
            return call.expand(**{name: self.data(each, arguments) for name, each in mapping["args"].items()})
        if mapping["mode"] == "op_kwargs":
            return call.expand(op_kwargs=self.data(mapping["arg"], arguments))
        return call.expand_kwargs(self.data(mapping["arg"], arguments))

    def task(self, node: Json, prefix: str, arguments: dict[str, Any]) -> None:
        full, via = prefix + node["id"], node.get("via", "taskflow")
        settings = {name: node[name] for name in SETTINGS if name in node} | node.get("sensor", {})
        settings["task_id"] = node["id"]
        if "retries" in node:
            settings.update(retries=node["retries"], retry_delay=timedelta(0))
        if via in {"empty", "latest_only"}:
            self.made[full] = {"empty": EmptyOperator, "latest_only": LatestOnlyOperator}[via](**settings)
        else:
            self.made[full] = self._python(node, via, settings, arguments)
        self._setups(node, self.made[full])

    def _python(self, node: Json, via: str, settings: dict[str, Any], arguments: dict[str, Any]) -> Any:
        inputs, mapping = node.get("inputs", {}), node.get("map")
        names = list(inputs)
        if mapping:
            names += list(mapping["args"]) if mapping["mode"] == "expand" else list(mapping["names"])
        function = function_of(list(dict.fromkeys(names)), node.get("behave", {"do": "return", "value": None}))
        given = {name: self.data(each, arguments) for name, each in inputs.items()}
        if via in OPERATORS:
            if mapping:
                return self._expand(OPERATORS[via].partial(**settings, python_callable=function), mapping, arguments)
            return OPERATORS[via](**settings, python_callable=function, **({"op_kwargs": given} if given else {}))
        call: Any = TASKFLOW[via](**settings)(function)
        for name in ("skip_if", "run_if"):  # run_if stands above, so it is applied last
            if name in node:
                call = getattr(task, name)(lambda context, held=node[name]: held)(call)
        if mapping:
            return self._expand(call.partial(**given) if given else call, mapping, arguments)
        return call(**given)

    def _setups(self, node: Json, made: Any) -> None:
        if node.get("setup"):
            made.as_setup()
        if "teardown" in node:
            setups = [self.made[name] for name in node["teardown"].get("setups", ())]
            given = {"setups": [getattr(each, "operator", each) for each in setups]} if setups else {}
            if "on_failure_fail_dagrun" in node["teardown"]:
                given["on_failure_fail_dagrun"] = node["teardown"]["on_failure_fail_dagrun"]
            made.as_teardown(**given)


def default_args(given: dict[str, Any]) -> dict[str, Any]:
    return {name: timedelta(seconds=value) if name == "retry_delay" else value for name, value in given.items()}


def dag_of_spec(spec: Json) -> DAG:
    """Make the DAG that a neutral spec describes."""
    given = dict(spec.get("dag", {}))
    start = datetime.fromisoformat(given.pop("start_date", "2024-01-01T00:00:00+00:00"))
    given["default_args"] = default_args(given.get("default_args", {}))
    with DAG(spec["dag_id"], start_date=start, **given) as made:
        builder = Builder()
        builder.nodes(spec["nodes"], "", {})
        for above, below in spec.get("edges", []):
            builder.made[above] >> builder.made[below]
    return made
