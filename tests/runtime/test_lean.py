"""What the process that every attempt is a fork of must not carry."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestrator.compat.importer import installed_airflow

LOADED = """
import sys
from orchestrator.runtime import forkserver
forkserver.socket.socket = lambda **_: sys.exit(print(*sys.modules))
forkserver.main(0)
"""


def test_the_fork_server_loads_nothing_that_attempts_would_pay_for():
    """``random`` seeds itself anew in each fork; the others are pages that each fork maps and most attempts never use."""
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "orchestrator.runtime.child" in loaded
    assert not loaded & {
        "random",
        "tempfile",
        "email",
        "zipfile",
        "importlib.metadata",
        "asyncio",
        "dataclasses",
        "jinja2",
        "pendulum",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("apache_airflow-2.10.0.dist-info", "apache-airflow 2.10.0"),
        ("apache_airflow_core-3.3.2.dist-info", "apache-airflow-core 3.3.2"),
        ("apache_airflow_providers_http-5.0.0.dist-info", None),
        ("airflow", None),
    ],
)
def test_a_real_airflow_is_noticed_and_its_providers_are_welcome(tmp_path, name, expected):
    (tmp_path / name).mkdir()
    assert installed_airflow([str(tmp_path), "/no/such/folder"]) == expected
