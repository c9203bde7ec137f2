"""A package named ``apache-airflow`` without any code in it.

Every provider package asks for Apache Airflow, which an installer would bring along, and beside which our names cannot
load. This one, made on the spot and installed once, answers that wish: installers keep what is installed and fits, and
``pip check`` is content. It is never published.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from pathlib import Path

from .dates import AIRFLOW_VERSION, LOCAL

VERSION = f"{AIRFLOW_VERSION}+{LOCAL}"
_STEM = f"apache_airflow-{VERSION}"
BROUGHT_ALONG = (
    *("deprecated", "dill", "fsspec", "methodtools", "packaging", "python-slugify", "requests", "sqlalchemy>=2.0"),
    *("tabulate", "tenacity"),
)
"""What Airflow itself needs, and packages use without asking for it."""
_NAMED = f"""Metadata-Version: 2.1
Name: apache-airflow
Version: {VERSION}
Summary: Stands in for Apache Airflow where Orchestrator answers to its names; there is no code in it
Requires-Python: >=3.11
"""
_METADATA = _NAMED + "".join(f"Requires-Dist: {each}\n" for each in BROUGHT_ALONG)
ASKS = re.compile(r"apache[-_.]airflow(?![-_.\w])", re.IGNORECASE)
_WHEEL = """Wheel-Version: 1.0
Generator: orchestrator
Root-Is-Purelib: true
Tag: py3-none-any
"""


def make(folder: Path) -> Path:
    """Write the package as a wheel into ``folder`` and return its path."""
    parts = {f"{_STEM}.dist-info/METADATA": _METADATA, f"{_STEM}.dist-info/WHEEL": _WHEEL}
    record = f"{_STEM}.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(text)},{len(text.encode())}" for name, text in parts.items()]
    path = folder / f"{_STEM}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, text in {**parts, record: "\n".join([*lines, f"{record},,", ""])}.items():
            wheel.writestr(name, text)
    return path


def put(packages: Path) -> Path:
    """Write the package as if it were installed in ``packages``, while others are; return what to delete then.

    It brings nothing along by itself, since a bundle's own index may not have it: see :func:`missing_in`.
    """
    folder = packages / f"{_STEM}.dist-info"
    folder.mkdir()
    for name, text in {"METADATA": _NAMED, "RECORD": "", "INSTALLER": "orchestrator\n"}.items():
        (folder / name).write_text(text)
    return folder


def missing_in(packages: Path) -> list[str]:
    """What it would bring along and is not in ``packages``; nothing where no package there asks for Airflow."""
    from importlib import metadata

    found = list(metadata.distributions(path=[str(packages)]))
    if not any(ASKS.match(wish) for each in found for wish in each.requires or ()):
        return []
    names = {re.sub(r"[._-]+", "-", str(each.metadata["Name"])).lower() for each in found}
    return [each for each in BROUGHT_ALONG if re.split("[<>=]", each)[0] not in names]


def _digest(text: str) -> str:
    found = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()
