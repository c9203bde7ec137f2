"""``airflow.cfg``: the settings of an Airflow installation, read as Airflow reads them; nothing is written to it."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from functools import lru_cache

NAME = "airflow.cfg"

MEANT: Mapping[tuple[str, str], str] = {
    ("core", "dags_folder"): "DAGS_FOLDER",
    ("core", "plugins_folder"): "PLUGINS_FOLDER",
    ("core", "dags_are_paused_at_creation"): "ORCHESTRATOR_PAUSED_AT_CREATION",
    ("core", "dag_ignore_file_syntax"): "",
    ("core", "test_connection"): "",
    ("core", "xcom_backend"): "",
    ("core", "allowed_deserialization_classes"): "",
    ("core", "max_map_length"): "ORCHESTRATOR_MAX_MAP_LENGTH",
    ("core", "dagbag_import_timeout"): "ORCHESTRATOR_PARSE_TIMEOUT",
    ("dag_processor", "dag_bundle_config_list"): "",
    ("secrets", "backend"): "",
    ("secrets", "backend_kwargs"): "",
    ("operators", "default_deferrable"): "",
    ("sensors", "default_timeout"): "",
    ("scheduler", "catchup_by_default"): "",
    ("scheduler", "create_cron_data_intervals"): "",
    ("scheduler", "create_delta_data_intervals"): "",
    ("smtp", "smtp_host"): "",
    ("smtp", "smtp_port"): "",
    ("smtp", "smtp_mail_from"): "",
    ("smtp", "smtp_ssl"): "",
    ("smtp", "smtp_starttls"): "",
    ("smtp", "smtp_user"): "",
    ("smtp", "smtp_password"): "",
}
"""What of it counts for the server, and under which name of ours ("" = Airflow's own ``AIRFLOW__SECTION__KEY``)."""
INSTEAD: Mapping[tuple[str, str], str] = {
    ("core", "executor"): "workers claim from the database, whatever the executor was: see ORCHESTRATOR_SLOTS",
    ("core", "parallelism"): "each worker has ORCHESTRATOR_SLOTS; pools and DAGs limit the rest",
    ("core", "fernet_key"): "used by `import-airflow` only: what is taken is encrypted with a key of ours",
    ("core", "sql_alchemy_conn"): "read by `import-airflow` only: set DATABASE_URL",
    ("database", "sql_alchemy_conn"): "read by `import-airflow` only: set DATABASE_URL",
    ("core", "load_examples"): "there are none to load",
    ("core", "default_timezone"): "DAGs without a zone are in UTC",
    ("celery", "broker_url"): "set REDIS_URL or BROKER_URL",
    ("celery", "worker_concurrency"): "set ORCHESTRATOR_SLOTS",
    ("logging", "base_log_folder"): "logs are in ORCHESTRATOR_HOME",
    ("logging", "remote_logging"): "see docs/reference/settings.md for logs",
    ("api", "base_url"): "set ORCHESTRATOR_BASE_URL",
    ("webserver", "base_url"): "set ORCHESTRATOR_BASE_URL",
    ("webserver", "web_server_port"): "set PORT",
    ("api", "port"): "set PORT",
    ("api", "auth_backends"): "see docs/explanation/access.md",
}
"""What people set often and has no meaning here: what to do instead."""
CREDENTIALS = frozenset(
    [
        *[("core", "fernet_key"), ("core", "sql_alchemy_conn"), ("database", "sql_alchemy_conn")],
        *[("api", "secret_key"), ("webserver", "secret_key"), ("api_auth", "jwt_secret"), ("celery", "broker_url")],
        *[("celery", "result_backend"), ("secrets", "backend_kwargs"), ("workers", "secrets_backend_kwargs")],
    ]
)
"""Never told to user code, however it asks."""

Settings = Mapping[tuple[str, str], str]


def place(environ: Mapping[str, str] | None = None) -> str | None:
    """Where the file would be; None where nothing names an Airflow home."""
    environ = os.environ if environ is None else environ
    given, home = environ.get("AIRFLOW_CONFIG"), environ.get("AIRFLOW_HOME")
    return os.path.expanduser(given or os.path.join(home, NAME)) if given or home else None


def read(path: str) -> Settings:
    """Return (section, key) -> text; empty where there is no such file.

    Raises:
        ValueError: it is there and cannot be understood.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return {}
    import configparser  # some 5 ms, only for those who have such a file

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text, path)
    except configparser.Error as error:
        line = getattr(error, "lineno", None)  # its own words quote lines that may hold passwords
        raise ValueError(f"{path} cannot be read{f': line {line} is wrong' if line else ''}") from None
    return {
        (section.lower(), key.lower()): value.replace("%%", "%")
        for section in parser.sections()
        for key, value in parser.items(section)
    }


@lru_cache(maxsize=4)
def _known(path: str, changed: int) -> Settings:
    return read(path)


def current() -> Settings:
    """The file that the environment names, as it is now."""
    path = place()
    try:
        return _known(path, os.stat(path).st_mtime_ns) if path else {}
    except (OSError, ValueError):
        return {}


def apply(environ: MutableMapping[str, str]) -> None:
    """Put what counts for the server into the environment, where nothing stands yet.

    Raises:
        ValueError: the file is there and cannot be understood.
    """
    path = place(environ)
    if path is None:
        return
    found = read(path)
    for (section, key), ours in MEANT.items():
        value = found.get((section, key))
        if value:
            own = f"AIRFLOW__{section.upper()}__{key.upper()}"
            if not environ.get(own) and not (ours and environ.get(ours)):
                environ[ours or own] = os.path.expanduser(value) if key.endswith("_folder") else value
    if not environ.get("DAGS_FOLDER"):
        dags = environ.get("AIRFLOW__CORE__DAGS_FOLDER") or os.path.join(os.path.dirname(path), "dags")
        if os.path.isdir(os.path.expanduser(dags)):
            environ["DAGS_FOLDER"] = os.path.expanduser(dags)
