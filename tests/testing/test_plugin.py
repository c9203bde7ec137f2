"""What a project's own tests see once the package is installed."""

from __future__ import annotations

import pytest

DAG_FILE = """
from airflow.sdk import DAG, Variable, task

with DAG("sums"):
    @task
    def extract():
        raise RuntimeError("the real source")

    @task
    def total(values):
        return sum(values) + int(Variable.get("more"))

    total(extract())
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".ini", pytest="[pytest]\ndags_folder = dags\n")
    pytester.mkdir("dags").joinpath("sums.py").write_text(DAG_FILE)
    return pytester


def outcomes(project: pytest.Pytester) -> dict[str, int]:
    return project.runpytest_subprocess("-p", "no:django", "-p", "no:cacheprovider").parseoutcomes()


def test_a_dag_of_the_folder_is_run_by_its_id(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DAGS_FOLDER", raising=False)
    project.makepyfile(
        """
        from datetime import datetime

        def test_sums(run_dag, dag_variables):
            dag_variables["more"] = 4
            run_dag("sums", returns={"extract": [1, 2]}).assert_xcoms(total=7)

        def test_ids(dags):
            assert list(dags) == ["sums"]

        def test_stores(dag_variables, dag_connections, dag_stores):
            from airflow.sdk import BaseHook, Variable
            dag_variables["more"], dag_connections["db"] = "1", "mysql://host/x"
            assert Variable.get("more") == "1" and BaseHook.get_connection("db").host == "host"

        def test_clock(dag_clock):
            from orchestrator.sdk import clock
            clock.sleep(3600)
            assert clock.now().isoformat() == "2026-01-01T01:00:00+00:00"

        def test_unknown(run_dag):
            run_dag("summs")
        """
    )
    assert outcomes(project) == {"passed": 4, "failed": 1}


def test_a_broken_file_fails_with_its_line(project: pytest.Pytester):
    project.path.joinpath("dags", "broken.py").write_text("from airflow.sdk import DAG\ndag = DAG('bad id!')\n")
    project.makepyfile("def test_ids(dags):\n    pass\n")
    result = project.runpytest_subprocess("-p", "no:django", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*broken.py:2: *"])
