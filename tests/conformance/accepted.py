"""Where an answer of ours differs from the recorded one on purpose.

Each kind is recognised by what the case does, and its reason stands under the same name in
``docs/reference/differences-from-airflow.md``. ``grant`` returns what would be expected by our rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True)
class Accepted:
    name: str
    sets: tuple[str, ...]
    grant: Callable[[Json, Json, Json], Json | None]  # (case, expected, got) -> expected by our rule


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
    Accepted("A value of a wrong type is refused by its name", ("serialized",), _refused_by_name),
    Accepted("What cannot be stored is refused while it is loaded", ("serialized",), _refused_while_loaded),
    Accepted("Groups that wait for each other are shown", ("serialized",), _groups_in_a_circle),
)
