"""Where an answer of ours differs from the recorded one on purpose.

Each kind is recognised by what the case does, and its reason stands under the same name in
``docs/reference/differences-from-airflow.md``. ``grant`` returns what would be expected by our rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.graph import descendants
from orchestrator.core.setups import deciding_leaves
from orchestrator.core.spec import DagSpec

Json = Any


@dataclass(frozen=True)
class Accepted:
    name: str
    sets: tuple[str, ...]
    grant: Callable[[Json, Json, Json], Json | None]  # (case, expected, got) -> expected by our rule


def spec_of(case: Json) -> DagSpec:
    return load_spec(Dag.objects.values_list("version_id", flat=True).get(pk=case["spec"]["dag_id"]))


def pairs(expected: Json, got: Json) -> Iterator[tuple[Json, Json]]:
    """The task instances of two answers about a run that are the same."""
    ours = {(each["task_id"], each["map_index"]): each for each in got["task_instances"]}
    for each in expected["task_instances"]:
        if (each["task_id"], each["map_index"]) in ours:
            yield each, ours[each["task_id"], each["map_index"]]


def late_skip(case: Json, expected: Json, got: Json) -> Json | None:
    """A branch skips what has begun or ended by another rule; with us what it left out too late stays as it is."""
    spec = spec_of(case)
    left_out: set[str] = set()
    for each in got["task_instances"]:
        task = spec.tasks[each["task_id"]]
        if task.skips and each["state"] == "success":
            all_below = task.skips == "short_circuit" and task.ignore_downstream_trigger_rules
            left_out |= descendants(spec, [task.task_id]) if all_below else set(spec.downstream[task.task_id])
    granted = set()
    for theirs, ours in pairs(expected, got):
        if theirs["state"] == "skipped" and ours["state"] not in (None, "skipped") and ours["task_id"] in left_out:
            theirs.update(ours)
            granted.add(ours["task_id"])
    if granted & deciding_leaves(spec):
        expected["run_state"] = got["run_state"]
    return expected


def events_timetable(case: Json, expected: Json, got: Json) -> Json | None:
    """The class of airflow.sdk cannot be stored by 3.3.2, where that of airflow.timetables works."""
    kind = case["input"]["schedule"].get("kind")
    return got if "serialization_error" in expected and kind == "EventsTimetable" else None


def _rendered(case: Json, expected: Json, got: Json, differs: Callable[[str, Json], bool]) -> Json | None:
    """Take over what came out of the templates of which ``differs(their text, what was expected)``."""
    if "rendered" not in got:
        return None
    texts = {name: json.dumps(template) for name, template in case["input"]["templates"].items()}
    theirs = expected.get("rendered", {})
    chosen = {name for name, text in texts.items() if differs(text, theirs.get(name, ["", ""]))}
    if "rendered" not in expected and not chosen:
        return None
    return {"rendered": {**theirs, **{name: got["rendered"][name] for name in chosen & got["rendered"].keys()}}}


OLD_NAMES = re.compile(
    r"(?<![\w.'\"])(test_mode|conf|execution_date|(yesterday|tomorrow|next|prev)_(ds(_nodash)?|execution_date\w*))\b"
)


def old_names(case: Json, expected: Json, got: Json) -> Json | None:
    """Files written for Airflow 2 use `conf`, `test_mode`, `execution_date` and others; they are still there."""
    return _rendered(case, expected, got, lambda text, _: bool(OLD_NAMES.search(text)))


def none_is_none(case: Json, expected: Json, got: Json) -> Json | None:
    """Where there is no run before, or no variable, the value is none, not a wrapper or marker that prints like one."""

    def differs(text: str, theirs: Json) -> bool:
        wrapped = re.search(r"prev_(start|end)_date_success is (not )?none", text)
        return bool(wrapped) or "NOTSET" in str(theirs[1])

    return _rendered(case, expected, got, differs)


def printed_objects(case: Json, expected: Json, got: Json) -> Json | None:
    """What an object of Airflow's own prints as (class names and all) is not what ours print."""
    internal = re.compile(r"TriggeringAssetEventAccessor\(|TriggerRule\.[A-Z_]+")
    return _rendered(case, expected, got, lambda _, theirs: bool(internal.search(str(theirs[1]))))


def _refused_by_name(case: Json, expected: Json, got: Json) -> Json | None:
    if expected.get("import_error") != "AttributeError" or "import_error" not in got:
        return None
    return {**expected, "import_error": got["import_error"]}


def _refused_while_loaded(case: Json, expected: Json, got: Json) -> Json | None:
    return (
        {"import_error": got["import_error"]} if "serialization_error" in expected and "import_error" in got else None
    )


def _groups_in_a_circle(case: Json, expected: Json, got: Json) -> Json | None:
    return {**expected, "grid": None, "graph": None} if expected.get("grid") == 500 == expected.get("graph") else None


ACCEPTED: tuple[Accepted, ...] = (
    Accepted("A skip that comes too late", ("runs",), late_skip),
    Accepted("Names of Airflow 2 in templates", ("templates",), old_names),
    Accepted("What is not there is none", ("templates",), none_is_none),
    Accepted("How objects print", ("templates",), printed_objects),
    Accepted("EventsTimetable of airflow.sdk works", ("timetables",), events_timetable),
    Accepted("A value of a wrong type is refused by its name", ("serialized",), _refused_by_name),
    Accepted("What cannot be stored is refused while it is loaded", ("serialized",), _refused_while_loaded),
    Accepted("Groups that wait for each other are shown", ("serialized",), _groups_in_a_circle),
)
