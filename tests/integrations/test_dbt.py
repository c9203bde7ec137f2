"""A dbt project, one task per model; dbt is in an environment of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

DBT = shutil.which("dbt")
pytestmark = pytest.mark.skipif(
    not DBT, reason="no dbt on the path: pip install dbt-duckdb, in an environment of its own"
)


def test_each_model_is_a_task_and_they_run_in_the_order_of_their_references(installation: Any, tmp_path: Path):
    run = installation.finish("dbt_models", {"dbt": DBT, "place": str(tmp_path)}, limit=240).assert_success()
    models = {"models.orders", "models.customers", "models.good_customers"}
    assert run.states.keys() == {"seed", *models}
    assert (tmp_path / "shop.duckdb").exists()
    assert "good_customers" in run.log("models.good_customers")
