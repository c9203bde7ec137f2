"""What user code sees of our environment."""

from __future__ import annotations

import os

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "AIRFLOW_HOME")
PASSED_ON_PREFIXES = ("AIRFLOW_", "AIRFLOW__", "ORCHESTRATOR_TASK_")


def child_environment() -> dict[str, str]:
    """The environment of user code: an allow-list, so that no credential of ours is in it."""
    found = {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([root, *found.get("PYTHONPATH", "").split(os.pathsep)])).strip(
        os.pathsep
    )
    port = os.environ.get("PORT") or "8080"
    found.setdefault("AIRFLOW__API__BASE_URL", os.environ.get("ORCHESTRATOR_BASE_URL") or f"http://localhost:{port}")
    found["PYTHONUNBUFFERED"] = "1"
    found["PYTHONDONTWRITEBYTECODE"] = "1"
    return found
