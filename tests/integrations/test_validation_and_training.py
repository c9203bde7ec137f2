"""Data is validated with pandera before scikit-learn learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import needs

pytestmark = needs("pandera", "sklearn")
HEAD = "petal_length,petal_width,kind\n"
GOOD = HEAD + "".join(
    f"{length + step / 10},{width + step / 20},{kind}\n"
    for length, width, kind in ((1.2, 0.2, "setosa"), (4.0, 1.2, "versicolor"), (5.5, 2.0, "virginica"))
    for step in range(8)
)


def test_a_model_learns_from_good_data(installation: Any, tmp_path: Path):
    (tmp_path / "good.csv").write_text(GOOD)
    run = installation.finish("validate_and_train", {"data": str(tmp_path / "good.csv")}).assert_success()
    assert run.xcom("validate") == 24
    assert run.xcom("accept") > 0.8


def test_bad_data_fails_its_run_before_anything_learns_from_it(installation: Any, tmp_path: Path):
    (tmp_path / "bad.csv").write_text(GOOD + "44.0,0.2,setosa\n1.0,0.2,tulip\n")
    run = installation.finish("validate_and_train", {"data": str(tmp_path / "bad.csv")})
    assert run.state == "failed"
    assert run.states == {"validate": "failed", "train": "upstream_failed", "accept": "upstream_failed"}
    assert "tulip" in run.log("validate")
