"""Which variables and connections a source names: read from its syntax, without running it.

Found are calls (``Variable.get``, ``Connection.get``, ``get_connection``), arguments that end in ``conn_id``, and what
templates name in any text (``{{ var.value.x }}``, ``{{ conn.x.host }}``). A name that is put together while the task
runs is not found; what tasks really read is written down besides.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

VARIABLE, CONNECTION, POOL, QUEUE = "variable", "connection", "pool", "queue"
NAME = re.compile(r"[\w.\-/]{1,250}\Z")
TEMPLATE = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
IN_TEMPLATE = re.compile(
    r"\b(?:(?P<var>var)\.(?:value|json)|(?P<conn>conn))"
    r"(?:\.get\(\s*['\"](?P<asked>[^'\"]+)['\"]\s*(?P<default>,)?|\[\s*['\"](?P<item>[^'\"]+)['\"]\s*\]|\.(?P<name>\w+))"
)
GETTERS = {("Variable", "get"): VARIABLE, ("Connection", "get"): CONNECTION}
METHODS = {"get_connection": CONNECTION, "get_connection_from_secrets": CONNECTION}
DEFAULTS = {"default", "default_var"}
MOST = 2000
"""Uses of one source; a file that names more is generated, and nobody reads on."""


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """``kind`` of thing, its name, the task that names it ("" = the file), and whether it may be missing."""

    kind: str
    name: str
    task_id: str = ""
    is_optional: bool = False


def of_source(text: str) -> set[Use]:
    """Return what Python source names; one that is no Python is searched for templates only."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return of_text(text)
    found: set[Use] = set()
    for use in _Reader(_constants(tree)).walk(tree, ""):
        found.add(use)
        if len(found) >= MOST:
            break
    return found


def of_text(text: str, task_id: str = "") -> set[Use]:
    """Return what the templates in a text name."""
    found = set()
    for block in TEMPLATE.finditer(text):
        for each in IN_TEMPLATE.finditer(block[1]):
            name = each["asked"] or each["item"] or each["name"]
            if name and name != "get" and NAME.match(name):
                optional = each["default"] is not None
                found.add(Use(VARIABLE if each["var"] else CONNECTION, name, task_id, optional))
    return found


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names that the module gives one text and no other."""
    found: dict[str, str | None] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
            found[name] = None if name in found else text
    return {name: text for name, text in found.items() if text is not None}


class _Reader:
    """Walks a tree, knowing the task it is in."""

    def __init__(self, constants: Mapping[str, str]) -> None:
        self.constants = constants

    def walk(self, node: ast.AST, task_id: str) -> Iterator[Use]:
        stack = [(node, task_id)]
        while stack:
            node, task_id = stack.pop()
            task_id = self._task(node) or task_id
            if isinstance(node, ast.Call):
                yield from self._call(node, task_id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "{" in node.value:
                yield from of_text(node.value, task_id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from self._defaults(node, task_id)
            stack.extend((child, task_id) for child in ast.iter_child_nodes(node))

    def _task(self, node: ast.AST) -> str:
        """The task that a call makes, or that a decorated function is."""
        if isinstance(node, ast.Call):
            return next((self._text(each.value) for each in node.keywords if each.arg == "task_id"), "")
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for each in node.decorator_list:
                call = each if isinstance(each, ast.Call) else None
                target = call.func if call else each
                names = [
                    part.id if isinstance(part, ast.Name) else part.attr
                    for part in ast.walk(target)
                    if isinstance(part, (ast.Name, ast.Attribute))
                ]
                if "task" in names:
                    given = self._task(call) if call else ""
                    return given or node.name
        return ""

    def _call(self, node: ast.Call, task_id: str) -> Iterator[Use]:
        kind = self._kind(node.func)
        if kind:
            given = (
                node.args[0]
                if node.args
                else next((each.value for each in node.keywords if each.arg in {"key", "conn_id"}), None)
            )
            optional = kind == VARIABLE and (len(node.args) > 1 or any(each.arg in DEFAULTS for each in node.keywords))
            yield from self._named(kind, given, task_id, optional)
        for each in node.keywords:
            if each.arg and each.arg.endswith("conn_id"):
                yield from self._named(CONNECTION, each.value, task_id)

    def _kind(self, function: ast.expr) -> str:
        if not isinstance(function, ast.Attribute):
            return ""
        owner = function.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        return GETTERS.get((name, function.attr)) or METHODS.get(function.attr, "")

    def _defaults(self, node: ast.FunctionDef | ast.AsyncFunctionDef, task_id: str) -> Iterator[Use]:
        """``def load(conn_id="warehouse")``: what a function takes where nobody says otherwise."""
        named = node.args.args[len(node.args.args) - len(node.args.defaults) :]
        pairs = [
            *zip(named, node.args.defaults, strict=True),
            *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
        ]
        for argument, value in pairs:
            if argument.arg.endswith("conn_id"):
                yield from self._named(CONNECTION, value, task_id)

    def _named(self, kind: str, value: ast.expr | None, task_id: str, optional: bool = False) -> Iterator[Use]:
        text = self._text(value)
        if text and NAME.match(text):
            yield Use(kind, text, task_id, optional)

    def _text(self, value: ast.expr | None) -> str:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
        return self.constants.get(value.id, "") if isinstance(value, ast.Name) else ""
