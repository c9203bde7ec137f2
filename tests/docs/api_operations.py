"""The page that tells of each operation of Airflow's API how it is answered here."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from tests.access import routes

AIRFLOW = json.loads((Path(__file__).parents[1] / "api" / "airflow_api.json").read_text())
CLASSES = {"A": "what nearly every client uses", "B": "what some use", "C": "what few use"}


def key(method: str, path: str) -> tuple[str, str]:
    """An operation whatever its path calls its parameters."""
    return method.upper(), re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path.removeprefix("/").removeprefix("api/v2/"))


def rules() -> dict[tuple[str, str], str]:
    """Every operation that there is here, with what it asks of its caller."""
    return {key(method, route): rule for route, methods in routes.API.items() for method, rule in methods.items()}


def state(rule: str | None) -> str:
    if rule is None:
        return "missing"
    return "refused" if rule.startswith("off:") else "yes"


def operations() -> list[dict[str, Any]]:
    """Airflow's operations, each with its class and its state here."""
    ours = rules()
    names = ("class", "method", "path", "id", "tag", "status", "answer", "body", "query")
    found = []
    for values in AIRFLOW["operations"]:
        each = dict(zip(names, values, strict=True))
        found.append({**each, "state": state(ours.get(key(each["method"], each["path"])))})
    return found


def page() -> str:
    from tests.docs.pages import MADE, table, text

    found = operations()
    counts = Counter((each["class"], each["state"]) for each in found)
    paths = len({each["path"] for each in found})
    rows = [
        [each["class"], f"`{each['method']}`", f"`{each['path']}`", f"`{each['id']}`", each["state"]] for each in found
    ]
    return text(
        "# Operations of Airflow's API",
        "",
        f"The {len(found)} operations on {paths} paths of Airflow 3.3.2's public API, below `/api/v2`, and how each is answered here.",
        MADE.format("`tests/api/airflow_api.json` and the table of access"),
        "What differs in them is told in [differences](api-differences.md); what there is on top, in [the reference](rest-api.md).",
        "",
        *table(
            ("class", "", "yes", "refused", "missing"),
            (
                [name, words, *(str(counts[name, each]) for each in ("yes", "refused", "missing"))]
                for name, words in CLASSES.items()
            ),
        ),
        "",
        *table(("class", "method", "path", "in Airflow's client", "here"), rows),
    )
