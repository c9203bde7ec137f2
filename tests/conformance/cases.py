"""The recorded answers of Apache Airflow 3.3.2: one JSON line a case, ``<set>.jsonl`` in ``data``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"


def cases(name: str, *, leave_out: tuple[str, ...] = ()) -> list[Any]:
    """Return the cases of a set as pytest parameters; ``leave_out`` names families that are not built yet."""
    found = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]
    return [pytest.param(each, id=each["id"]) for each in found if each.get("family") not in leave_out]
