"""What user code sees of our environment."""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "AIRFLOW_HOME")
PLACES = (
    *("JAVA_HOME", "SPARK_HOME", "HADOOP_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR", "LD_LIBRARY_PATH", "ODBCSYSINI"),
    *("ORACLE_HOME", "TNS_ADMIN", "KRB5_CONFIG", "STORAGE_EMULATOR_HOST"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
"""Where libraries of tasks find programs, files and hosts, which many are told by no other way. None holds a secret."""
PROXIES = tuple(f"{each}_proxy" for each in ("all", "ftp", "http", "https", "no"))
"""In any letter case: the way out of many networks."""
IDENTITIES = (
    *("AWS_*", "AZURE_*", "GOOGLE_*", "CLOUDSDK_*", "DATABRICKS_*", "KUBECONFIG", "KUBERNETES_*", "DOCKER_*"),
    *("BOTO_CONFIG", "SNOWFLAKE_HOME", "SSH_AUTH_SOCK"),
)
"""Who a machine is elsewhere, which hooks whose connection says nothing of it go by, as in Airflow."""
PASSED_ON_PREFIXES = ("AIRFLOW_", "AIRFLOW__", "ORCHESTRATOR_TASK_")
KEPT = (
    *("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AIRFLOW__SECRETS__", "AIRFLOW__DATABASE__", "AIRFLOW__CELERY__"),
    "AIRFLOW__DAG_PROCESSOR__",
    *("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__CORE__SQL_ALCHEMY_CONN", "AIRFLOW__API__SECRET_KEY"),
    *("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__WEBSERVER__SECRET_KEY", "AIRFLOW__WORKERS__SECRETS_BACKEND"),
)
"""Credentials that the server answers for by name, or that are nobody's but the server's."""
OURS = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY", "FERNET_KEYS", "ORCHESTRATOR_*")
"""What no wish gets for user code."""


def wishes() -> tuple[str, ...]:
    """Which names of the environment tasks see by the installation's wish, as patterns.

    Where a secrets backend holds the variables and connections, these identities may be what opens all of it: then
    they are passed on only where somebody says so.
    """
    said = os.environ.get("ORCHESTRATOR_PASS_ENVIRONMENT")
    if said is not None:
        return tuple(said.replace(",", " ").split())
    backends = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
    return () if any(os.environ.get(each) for each in backends) else IDENTITIES


def _is_passed_on(name: str, wished: tuple[str, ...]) -> bool:
    if name.startswith(KEPT):
        return False
    if name in PASSED_ON or name in PLACES or name.lower() in PROXIES or name.startswith(PASSED_ON_PREFIXES):
        return True
    return any(fnmatchcase(name, each) for each in wished) and not any(fnmatchcase(name, each) for each in OURS)


def child_environment(python: str = sys.executable) -> dict[str, str]:
    """The environment of user code: an allow-list, so that no credential of ours is in it.

    Of another interpreter than ours its programs are found first, as in an environment that is activated.
    """
    wished = wishes()
    found = {name: value for name, value in os.environ.items() if _is_passed_on(name, wished)}
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([root, *found.get("PYTHONPATH", "").split(os.pathsep)])).strip(
        os.pathsep
    )
    if python != sys.executable:
        programs = os.path.dirname(python)
        found["VIRTUAL_ENV"] = os.path.dirname(programs)
        found["PATH"] = os.pathsep.join([programs, found.get("PATH", os.defpath)])
    port = os.environ.get("PORT") or "8080"
    found.setdefault("AIRFLOW__API__BASE_URL", os.environ.get("ORCHESTRATOR_BASE_URL") or f"http://localhost:{port}")
    found["PYTHONUNBUFFERED"] = "1"
    found["PYTHONDONTWRITEBYTECODE"] = "1"
    return found
