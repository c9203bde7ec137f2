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


ACCEPTED: tuple[Accepted, ...] = ()
