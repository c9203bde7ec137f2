"""The reference page that is made from the table of names."""

from __future__ import annotations

from pathlib import Path

from orchestrator.compat.names import MODULES
from orchestrator.compat.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "airflow-names.md"


def test_the_page_is_fresh():
    assert PAGE.read_text() == page(), "run: python -m orchestrator.compat.reference > docs/reference/airflow-names.md"


def test_every_name_of_the_table_is_on_the_page():
    text = PAGE.read_text()
    assert all(f"`{name}`" in text for names in MODULES.values() for name in names)
