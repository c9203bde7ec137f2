"""The table of pages and controls names what is there, and leaves no page out."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.web import old_addresses, urls

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| .+ \| .+ \| (`.+) \| (`.+) \|$", (ROOT / "docs/reference/ui.md").read_text(), re.MULTILINE)


def named(column: int) -> set[str]:
    return {name for row in ROWS for name in re.findall(r"`([^`]+)`", row[column])}


def test_every_route_of_the_pages_is_in_the_table_and_no_other():
    old = set(old_addresses.routes())
    there = {each.name for each in urls.urlpatterns if getattr(each, "name", None) and str(each.pattern) not in old}
    of_mapped = {name for name in there if re.fullmatch("task-.+-mapped", name)}
    assert named(0) == there - of_mapped


def test_every_part_of_the_table_is_a_template_or_a_script():
    for part in named(1):
        folder = "static/js" if part.endswith(".js") else "templates"
        assert (ROOT / folder / part).is_file(), part
