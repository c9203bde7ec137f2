"""What a task's context is in a job that runs elsewhere: ``AIRFLOW_CTX_...`` variables, or ``airflow.ctx...`` settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_FORMAT_PREFIX = "airflow.ctx."
ENV_VAR_FORMAT_PREFIX = "AIRFLOW_CTX_"
_NAMES = ("dag_id", "task_id", "execution_date", "logical_date", "try_number", "dag_run_id", "dag_owner", "dag_email")
AIRFLOW_VAR_NAME_FORMAT_MAPPING = {
    f"AIRFLOW_CONTEXT_{name.upper()}": {
        "default": DEFAULT_FORMAT_PREFIX + name,
        "env_var_format": ENV_VAR_FORMAT_PREFIX + name.upper(),
    }
    for name in _NAMES
}


def context_to_airflow_vars(context: Mapping[str, Any], in_env_var_format: bool = False) -> dict[str, str]:
    """Return what is known of the task, as texts; what is not known is left out."""
    task, ti, run = (context.get(name) for name in ("task", "ti", "dag_run"))
    date = context.get("logical_date")
    day = date.isoformat() if date is not None else None
    email = getattr(task, "email", None)
    known = {
        "dag_id": getattr(ti, "dag_id", None) or getattr(getattr(task, "dag", None), "dag_id", None),
        "task_id": getattr(ti, "task_id", None) or getattr(task, "task_id", None),
        "execution_date": day,
        "logical_date": day,
        "try_number": getattr(ti, "try_number", None),
        "dag_run_id": getattr(run, "run_id", None),
        "dag_owner": getattr(task, "owner", None),
        "dag_email": ",".join(email) if isinstance(email, (list, tuple, set)) else email,
    }
    style = "env_var_format" if in_env_var_format else "default"
    return {
        AIRFLOW_VAR_NAME_FORMAT_MAPPING[f"AIRFLOW_CONTEXT_{name.upper()}"][style]: str(value)
        for name, value in known.items()
        if value not in (None, "")
    }
