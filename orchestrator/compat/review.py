"""What a DAG file's source says of itself: the era it was written for, what has no effect here, what its tasks import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

WITHOUT_EFFECT = {
    "provide_context": "functions get the context by their parameters in any case",
    "sla": "SLAs left Airflow in version 3: use deadline=",
    "sla_miss_callback": "SLAs left Airflow in version 3: use deadline=",
    "default_view": "the browser remembers the page that was open last",
    "orientation": "the graph is turned on its page",
    "executor": "there are no executors: use queue=",
    "executor_config": "there are no executors: use queue=",
    "full_filepath": "the file is known",
    "resources": "workers have no resources to choose from: use queue= or a pool",
}
"""Arguments that are accepted and change nothing, with what there is instead."""
SESSIONS = ("airflow.utils.db", "airflow.utils.session")
SESSION = (
    "a session of Airflow's database can be imported; the task that opens one fails: use the context or the REST API"
)
CALLS_WITH_ARGUMENTS = ("DAG", "dag", "Operator", "Sensor", "task", "dict", "partial", "override")
OLD_DATES = ("execution_date", "next_ds", "prev_ds", "tomorrow_ds", "yesterday_ds", "{{ ds", "{{ds", "{{ ts", "{{ts")
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually", "@quarterly")


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a file that runs."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Review:
    """The era (1, 2, 3; None: nothing of Airflow's), notes in order of lines, and imports inside of functions."""

    era: int | None
    notes: tuple[Note, ...]
    later: tuple[tuple[int, str], ...]


def review(source: str) -> Review:
    """Read a file's source; one that is no Python has nothing to say."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Review(None, (), ())
    imports = list(_imports(tree))
    era = era_of([name for _, name, _ in imports], source)
    found = [
        *_arguments(tree),
        *_dates(tree, era, source),
        *(Note(line, SESSION) for line, name, _ in imports if name in SESSIONS),
    ]
    notes = {note.text: note for note in sorted(found, key=lambda n: -n.line)}
    later = tuple((line, name) for line, name, inside in imports if inside)
    return Review(era, tuple(sorted(notes.values(), key=lambda note: (note.line, note.text))), later)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Line, module and whether it is imported only once a function is called."""
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name, id(node) in inside) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module, id(node) in inside


def era_of(modules: list[str], source: str) -> int | None:
    """The Airflow that a file was written for, by what it imports."""
    ours = [name for name in modules if name == "airflow" or name.startswith("airflow.")]
    if not ours:
        return None
    if any(name.startswith(("airflow.sdk", "airflow.providers.standard")) for name in ours):
        return 3
    ends = ("_operator", "_hook", "_sensor", "_hooks")
    if any(name.endswith(ends) or ".contrib" in name for name in ours) or "provide_context" in source:
        return 1
    return 2


def _arguments(tree: ast.AST) -> Iterator[Note]:
    for node in ast.walk(tree):
        names: list[tuple[int, str]] = []
        if isinstance(node, ast.Call) and _name_of(node.func).endswith(CALLS_WITH_ARGUMENTS):
            names = [(each.value.lineno, each.arg) for each in node.keywords if each.arg]
        elif isinstance(node, ast.Dict):  # default_args
            keys = [key for key in node.keys if isinstance(key, ast.Constant)]
            if {"owner", "retries", "start_date"} & {key.value for key in keys if isinstance(key.value, str)}:
                names = [(key.lineno, str(key.value)) for key in keys]
        for line, name in names:
            if name in WITHOUT_EFFECT:
                yield Note(line, f"{name} has no effect: {WITHOUT_EFFECT[name]}")
        if isinstance(node, ast.Call) and _name_of(node.func) == "SubDagOperator":
            yield Note(node.lineno, "SubDagOperator becomes a task group: its tasks are tasks of this DAG")


def _name_of(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _dates(tree: ast.AST, era: int | None, source: str) -> Iterator[Note]:
    """Where a file of Airflow 1 or 2 would have had other dates, or other runs, by that version's defaults."""
    if era not in (1, 2):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _name_of(node.func) not in {"DAG", "dag"}:
            continue
        given = {each.arg: each.value for each in node.keywords if each.arg}
        schedule = given.get("schedule_interval", given.get("schedule"))
        if isinstance(schedule, ast.Constant) and schedule.value is None:
            continue
        if schedule is None and "timetable" not in given:
            yield Note(
                node.lineno, "it names no schedule, so it has none: Airflow 2 ran it daily (so does .airflowera)"
            )
        if "catchup" not in given:
            yield Note(node.lineno, "catchup is off unless it says so: Airflow 2 made up for missed runs")
        text = schedule.value if isinstance(schedule, ast.Constant) else None
        if isinstance(text, str) and (" " in text or text in PRESETS) and any(each in source for each in OLD_DATES):
            yield Note(
                node.lineno,
                "dates are those of the moment it runs at: in Airflow 2 ds was the start of the interval before",
            )
