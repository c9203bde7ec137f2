"""DAG files looked at without being stored: what each defines, what it takes to import, and which names it uses."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.compat.names import MODULES
from orchestrator.core.spec import DagSpec
from orchestrator.runtime.client import ForkServer
from orchestrator.sdk.connections import FIELDS, Connection

from . import secrets
from .folder import Folder, Look, Names
from .parsing import Answers, parse
from .trees import Tree

ARGUMENTS = {
    "schedule_interval": "schedule",
    "timetable": "schedule",
    "concurrency": "max_active_tasks",
    "task_concurrency": "max_active_tis_per_dag",
    "sla": "deadline of the DAG",
    "sla_miss_callback": "deadline",
    "provide_context": "nothing: the context is always given",
    "default_view": "nothing",
    "orientation": "nothing",
}
"""Arguments of Airflow 1 and 2 -> what Airflow 3 has instead."""
KEYS = {
    "execution_date": "logical_date",
    "next_execution_date": "data_interval_end",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "macros.ds_add(ds, -1)",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "macros.ds_add(ds, 1)",
}
"""Names in templates of Airflow 1 and 2 -> what Airflow 3 has instead."""
PREFERRED = ("airflow.sdk", "airflow.providers.standard")
TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
IN_TEMPLATE = re.compile(r"\b(var\.(?:value|json)|conn)\.(?:get\(\s*['\"])?([\w-]+)")


@dataclass(frozen=True, slots=True)
class Use:
    """A name in a source: ``kind`` is variable, connection or deprecated (then ``instead`` says what to write)."""

    kind: str
    name: str
    line: int
    instead: str = ""


@dataclass(slots=True)
class Inspected:
    """One DAG file as it is now."""

    path: str  # relative to the folder
    specs: list[DagSpec] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)  # {"message", "line", "stack_trace"}
    seconds: float = 0.0
    uses: list[Use] = field(default_factory=list)
    tree: Tree | None = None


class Stores(Answers):
    """Variables and connections as they are given, and behind them those of the database, where there is one."""

    def __init__(self, variables: Mapping[str, Any], connections: Mapping[str, Any], *, has_database: bool) -> None:
        super().__init__()
        self.variables = {
            key: value if isinstance(value, str) else json.dumps(value) for key, value in variables.items()
        }
        self.connections, self.has_database = dict(connections), has_database

    def answer(self, what: str, args: Mapping[str, Any]) -> Any:
        if what == "variable" and args["key"] in self.variables:
            return {"value": self.variables[args["key"]]}
        if what == "connection" and args["conn_id"] in self.connections:
            return given_connection(args["conn_id"], self.connections[args["conn_id"]])
        return super().answer(what, args) if self.has_database else None

    def knows(self, use: Use) -> bool:
        """Whether a variable or connection that a source names is there."""
        is_variable = use.kind == "variable"
        if ("AIRFLOW_VAR_" if is_variable else "AIRFLOW_CONN_") + use.name.upper() in os.environ:
            return True
        if use.name in (self.variables if is_variable else self.connections):
            return True
        if not self.has_database:
            return False
        try:
            return (secrets.get_variable if is_variable else secrets.get_connection)(use.name) is not None
        except secrets.SecretError:  # it is there, only not to be read with the keys of this machine
            return True


def given_connection(conn_id: str, given: Any) -> dict[str, Any]:
    """A connection that is told as a URI, or as an object of its fields."""
    made = Connection(conn_id=conn_id, uri=given) if isinstance(given, str) else Connection(conn_id=conn_id, **given)
    return {"conn_id": conn_id, **{name: getattr(made, name) for name in FIELDS}}


def inspect(place: Path, stores: Stores) -> Iterator[Inspected]:
    """Parse a DAG file, or every DAG file of a folder, in processes of their own; nothing is written.

    Raises:
        ValueError: there is no such file or folder, or it cannot be read.
    """
    if not place.exists():
        raise ValueError(f"{place} is not there: give a DAG file or a folder of them")
    root = str(place if place.is_dir() else place.parent)
    folder = Folder(root)
    look = folder.look()
    if look is None:
        raise ValueError(f"{root} cannot be read")
    files = _dag_files(folder, look) if place.is_dir() else [place.name]
    server, names = ForkServer(), Names(look, set(files))
    server.start()
    # In threads: what a file asks for is answered on a connection that is closed again.
    pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="inspect")
    try:
        parses = pool.map(lambda path: parse(server, root, path, look, names, stores), files)
        for path, finished in zip(files, parses, strict=True):
            specs = [each.spec for each in finished.parsed.documents]
            uses = list(uses_of(os.path.join(root, path)))
            yield Inspected(path, specs, finished.parsed.errors, finished.parsed.seconds, uses, finished.parsed.tree)
    finally:
        pool.shutdown(cancel_futures=True)
        server.close()


def _dag_files(folder: Folder, look: Look) -> list[str]:
    return [path for path in sorted(look.candidates) if folder.judge(path, look.prints[path]) == "dag"]


def uses_of(path: str) -> Iterator[Use]:
    """Yield the variables, connections and outdated names that a source file holds, as far as they are literal."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError, OSError):
        return  # its parse has told
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _imports(node)
        elif isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "{{" in node.value:
            yield from _template(node.value, node.lineno)


def _imports(node: ast.ImportFrom) -> Iterator[Use]:
    module = node.module or ""
    if module not in MODULES or module.startswith(PREFERRED):
        return
    for each in node.names:
        target = MODULES[module].get(each.name)
        better = _better(target) if target else None
        if better:
            yield Use("deprecated", f"{module}.{each.name}", node.lineno, better)


def _better(target: str) -> str | None:
    """The path of Airflow 3 under which the same thing stands, None where there is no other."""
    for prefix in PREFERRED:
        for module, names in MODULES.items():
            if module.startswith(prefix):
                found = next((name for name, other in names.items() if other == target), None)
                if found is not None:
                    return f"{module}.{found}"
    return None


def _call(node: ast.Call) -> Iterator[Use]:
    for keyword in node.keywords:
        value = keyword.value
        if keyword.arg in ARGUMENTS:
            yield Use("deprecated", f"{keyword.arg}=", value.lineno, ARGUMENTS[keyword.arg])
        elif keyword.arg and keyword.arg.endswith("conn_id") and _is_name(value):
            yield Use("connection", value.value, value.lineno)  # type: ignore[attr-defined]
    if not isinstance(node.func, ast.Attribute) or not node.args or not _is_name(node.args[0]):
        return
    owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    text, line = node.args[0].value, node.lineno  # type: ignore[attr-defined]
    has_default = len(node.args) > 1 or any(each.arg in {"default", "default_var"} for each in node.keywords)
    if owner == "Variable" and node.func.attr == "get" and not has_default:
        yield Use("variable", text, line)
    elif node.func.attr == "get_connection" or (owner == "Connection" and node.func.attr == "get"):
        yield Use("connection", text, line)


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "{{" not in node.value


def _template(text: str, line: int) -> Iterator[Use]:
    for inner in TEMPLATE.findall(text):
        for what, name in IN_TEMPLATE.findall(inner):
            if name != "get" and not (what != "conn" and f"{what}.get" in inner and "," in inner):
                yield Use("connection" if what == "conn" else "variable", name, line)
        for key, instead in KEYS.items():
            if re.search(rf"(?<![\w.]){key}\b", inner):
                yield Use("deprecated", f"{{{{ {key} }}}}", line, instead)
