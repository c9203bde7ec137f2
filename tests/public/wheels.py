"""Packages of others with DAG files in them: fetched when they are wanted, unpacked, and never kept with the project."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CORE = "apache-airflow-core==3.3.2"
STANDARD = "apache-airflow-providers-standard==1.21.0"
COMMON_SQL = "apache-airflow-providers-common-sql==2.4.0"
AIRFLOW_2 = "apache-airflow==2.11.0"
AIRFLOW_2_3 = "apache-airflow==2.3.4"
AIRFLOW_1 = "apache-airflow==1.10.15"


class NotToBeHad(RuntimeError):
    """A package cannot be fetched: there is no network, or no such version."""


def cache() -> Path:
    """Where fetched packages stay for the next time; the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    made = Path(root) / "orchestrator-public-dags"
    made.mkdir(parents=True, exist_ok=True)
    return made


def unpacked(requirement: str, *, source: bool = False) -> Path:
    """Return the folder of a package's files.

    Raises:
        NotToBeHad: it cannot be fetched.
    """
    place = cache() / (requirement.replace("==", "-") + ("-source" if source else ""))
    if place.is_dir():
        return place
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        folder = Path(name)
        kind = ["--no-binary", ":all:", "--no-build-isolation"] if source else ["--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind, "--dest", name, requirement]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        packed = [path for path in folder.iterdir() if path.suffix in {".whl", ".gz"}]
        if found.returncode or not packed:
            raise NotToBeHad(f"{requirement} cannot be fetched: {found.stderr.strip()[-300:]}")
        (folder / "files").mkdir()
        if packed[0].suffix == ".whl":
            with zipfile.ZipFile(packed[0]) as wheel:
                wheel.extractall(folder / "files")
        else:
            with tarfile.open(packed[0]) as archive:
                archive.extractall(folder / "files", filter="data")
        (folder / "files").replace(place)
    return place


def examples(requirement: str) -> Path:
    """The folder of Airflow's own example files in one of its wheels."""
    below = {STANDARD: "providers/standard/", COMMON_SQL: "providers/common/sql/"}.get(requirement, "")
    return unpacked(requirement) / "airflow" / below / "example_dags"
