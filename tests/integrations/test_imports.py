"""Every hook, operator, sensor, transfer, trigger, notification and decorator of each installed package imports."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from orchestrator.providers import PREFIX, installed
from tests.support.standalone import ROOT

PACKAGES = [each.name for each in installed() if each.name.startswith(PREFIX)]
ACCOUNTED_FOR = (
    "install the package apache-airflow-providers-",  # another package's part, which is not installed here
    "AirflowOptionalProviderFeatureException: ",  # an extra of the package that was not asked for
    "airflow.triggers.shared_stream: each trigger here reads its own stream",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_brings_imports(package: str):
    line = [sys.executable, "-m", "tests.integrations.survey", package]
    found = json.loads(
        subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    )
    failed = {name: why for name, why in found["failed"].items() if not any(each in why for each in ACCOUNTED_FOR)}
    assert found["modules"] > 0 or package.endswith("-common-compat")
    assert not failed
    assert len(found["failed"]) <= found["modules"] / 10, found["failed"]


def test_every_name_that_packages_go_through_is_there():
    code = (
        "import orchestrator.compat; orchestrator.compat.install()\n"
        "from airflow.providers.common.compat import sdk\n"
        "print(len([getattr(sdk, each) for each in sdk.__all__]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 90
