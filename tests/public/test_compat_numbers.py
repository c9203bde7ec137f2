"""What ``make compat`` finds in Airflow's own example files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.public import wheels
from tests.public.__main__ import verdicts

DO_NOT_RUN = {
    wheels.CORE: {"example_dag_decorator.py", "example_retry_policy.py", "tutorial_objectstorage.py"},
    wheels.AIRFLOW_2: {
        *("example_branch_operator.py", "example_branch_operator_decorator.py", "example_dag_decorator.py"),
        *("example_python_decorator.py", "example_python_operator.py", "tutorial_objectstorage.py"),
    },
    wheels.AIRFLOW_1: {"example_http_operator.py", "example_kubernetes_executor_config.py", "example_pig_operator.py"},
}
"""Files that need a package, or what no package here has, by the Airflow they come from; all others run."""


@pytest.mark.parametrize("requirement", DO_NOT_RUN)
def test_the_example_files_of_three_airflows_run_or_say_which_package_they_need(requirement: str, tmp_path: Path):
    try:
        found = verdicts(requirement, str(tmp_path))
    except wheels.NotToBeHad as error:
        pytest.skip(str(error))
    others = {each["file"] for each in found["files"] if each["status"] in {"needs", "cannot run"}}
    assert others <= DO_NOT_RUN[requirement]
    assert found["summary"]["runs"] + found["summary"]["runs_with_notes"] > 15
