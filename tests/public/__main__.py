"""``make compat``: ``manage.py compat`` over the DAG files that packages of others carry, as a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.public import wheels

ROOT = Path(__file__).parents[2]
PACKAGES = {
    wheels.CORE: "airflow/example_dags",
    wheels.STANDARD: "airflow/providers/standard/example_dags",
    wheels.COMMON_SQL: "airflow/providers/common/sql/example_dags",
    wheels.AIRFLOW_2: "airflow/example_dags",
    wheels.AIRFLOW_2_3: "airflow/example_dags",
    wheels.AIRFLOW_1: "airflow/example_dags",
    "apache-airflow-providers-amazon==3.3.0": "airflow/providers/amazon/aws/example_dags",
    "apache-airflow-providers-docker==2.6.0": "airflow/providers/docker/example_dags",
    "apache-airflow-providers-http==2.1.2": "airflow/providers/http/example_dags",
    "apache-airflow-providers-postgres==3.0.0": "airflow/providers/postgres/example_dags",
    "apache-airflow-providers-sqlite==2.1.3": "airflow/providers/sqlite/example_dags",
    "airflow-provider-fivetran==1.1.4": "fivetran_provider/example_dags",
    "airflow-provider-great-expectations==1.0.0": "great_expectations_provider/example_dags",
}
"""Package -> its folder of DAG files. Those of providers need them: what counts is that they say so."""


def verdicts(requirement: str, home: str) -> dict[str, Any]:
    """What ``manage.py compat`` says of a package's files.

    Raises:
        NotToBeHad: the package cannot be fetched.
    """
    folder = wheels.unpacked(requirement) / PACKAGES[requirement]
    command = [sys.executable, "manage.py", "compat", str(folder), "--output", "json"]
    environment = {**os.environ, "ORCHESTRATOR_HOME": home}
    environment.pop("DATABASE_URL", None)
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if found.returncode not in (0, 1) or not found.stdout:
        raise RuntimeError(f"{requirement}: {found.stderr[-2000:]}")
    return json.loads(found.stdout)


def main() -> int:
    columns = ("files", "runs", "runs_with_notes", "needs", "cannot_run")
    print(f"{'package':<46}" + "".join(f"{name.replace('_', ' '):>16}" for name in columns))
    total, refused, missing = dict.fromkeys(columns, 0), [], []
    with tempfile.TemporaryDirectory() as home:
        for requirement in PACKAGES:
            try:
                found = verdicts(requirement, home)
            except wheels.NotToBeHad as error:
                missing.append(str(error))
                continue
            print(f"{requirement:<46}" + "".join(f"{found['summary'][name]:>16}" for name in columns), flush=True)
            for name in columns:
                total[name] += found["summary"][name]
            refused += [(requirement, each) for each in found["files"] if each["status"] == "cannot run"]
    print(f"{'all':<46}" + "".join(f"{total[name]:>16}" for name in columns))
    for requirement, each in refused:
        print(f"\n{requirement} {each['file']} line {each['line']}:\n    {each['reason']}")
    print("".join(f"\n{each}" for each in missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
