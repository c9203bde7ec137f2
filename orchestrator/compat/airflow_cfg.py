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
GENERATED: Mapping[tuple[str, str], frozenset[str]] = {
    ("core", "dags_are_paused_at_creation"): frozenset({"true"}),
    ("core", "test_connection"): frozenset({"disabled"}),
    ("core", "xcom_backend"): frozenset({"airflow.sdk.execution_time.xcom.basexcom", "airflow.models.xcom.basexcom"}),
    ("core", "allowed_deserialization_classes"): frozenset({"airflow.*", "airflow\\..*"}),
    ("core", "max_map_length"): frozenset({"1024"}),
    ("core", "dagbag_import_timeout"): frozenset({"30", "30.0"}),
    ("core", "executor"): frozenset({"localexecutor", "sequentialexecutor"}),
    ("core", "parallelism"): frozenset({"32"}),
    ("core", "load_examples"): frozenset({"true"}),
    ("core", "default_timezone"): frozenset({"utc"}),
    ("operators", "default_deferrable"): frozenset({"false"}),
    ("sensors", "default_timeout"): frozenset({"604800"}),
    ("smtp", "smtp_host"): frozenset({"localhost"}),
    ("smtp", "smtp_port"): frozenset({"25"}),
    ("smtp", "smtp_mail_from"): frozenset({"airflow@example.com"}),
    ("smtp", "smtp_ssl"): frozenset({"false"}),
    ("smtp", "smtp_starttls"): frozenset({"true"}),
    ("celery", "broker_url"): frozenset({"redis://redis:6379/0"}),
    ("celery", "worker_concurrency"): frozenset({"16"}),
    ("logging", "remote_logging"): frozenset({"false"}),
    ("api", "port"): frozenset({"8080"}),
    ("api", "base_url"): frozenset({"http://localhost:8080"}),
    ("webserver", "base_url"): frozenset({"http://localhost:8080"}),
    ("webserver", "web_server_port"): frozenset({"8080"}),
    ("api", "auth_backends"): frozenset({"airflow.api.auth.backend.session"}),
}
"""What Airflow writes into a file that it makes itself (in small letters): nobody meant anything by it."""
INSTEAD: Mapping[tuple[str, str], str] = {
    ("core", "executor"): "workers claim from the database, whatever the executor was: see ORCHESTRATOR_SLOTS",
    ("core", "parallelism"): "each worker has ORCHESTRATOR_SLOTS; pools and DAGs limit the rest",
    ("core", "load_examples"): "there are none to load",
    ("core", "default_timezone"): "DAGs without a zone are in UTC",
    ("celery", "broker_url"): "set REDIS_URL or BROKER_URL",
    ("celery", "worker_concurrency"): "set ORCHESTRATOR_SLOTS",
    ("logging", "remote_logging"): "logs are kept in ORCHESTRATOR_HOME",
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
        # Its own words quote lines, which may hold passwords.
        wrong = getattr(error, "errors", None)
        line = wrong[0][0] if wrong else getattr(error, "lineno", None)
        raise ValueError(f"{path} cannot be read{f': line {line} is wrong' if line else ''}") from None
    return {
        (section.lower(), key.lower()): value.replace("%%", "%")
        for section in parser.sections()
        for key, value in parser.items(section)
    }


def meant(found: Settings) -> Settings:
    """What somebody set: without what every file has that Airflow made."""
    return {
        place: value
        for place, value in found.items()
        if value and value.lower() not in GENERATED.get(place, frozenset())
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
    found = meant(read(path))
    for (section, key), ours in MEANT.items():
        value = found.get((section, key))
        if value:
            own = f"AIRFLOW__{section.upper()}__{key.upper()}"
            if not environ.get(own) and not (ours and environ.get(ours)):
                environ[ours or own] = os.path.expanduser(value) if key.endswith("_folder") else value
    home = os.path.dirname(path)
    own = os.path.join(home, "dags")
    dags = environ.get("DAGS_FOLDER") or environ.get("AIRFLOW__CORE__DAGS_FOLDER") or own
    if os.path.realpath(dags) == os.path.realpath(own) and any(map(os.path.isdir, _beside(home))):
        dags = home  # a whole project: its DAGs import from what lies beside them, and each version has that, too
    if os.path.isdir(os.path.expanduser(dags)) and (not environ.get("DAGS_FOLDER") or dags == home):
        environ["DAGS_FOLDER"] = os.path.expanduser(dags)


def _beside(home: str) -> list[str]:
    return [os.path.join(home, each) for each in ("include", "config", "plugins")]
