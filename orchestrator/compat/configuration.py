"""``conf``: Airflow's configuration, from ``AIRFLOW__SECTION__KEY`` and a table of sane defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from orchestrator.sdk import era
from orchestrator.sdk.exceptions import AirflowException

from . import airflow_cfg

_UNSET: Any = object()
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "core": {
        "default_timezone": "utc",
        "dags_are_paused_at_creation": "True",
        "default_task_retries": "0",
        "executor": "CeleryExecutor",
        "fernet_key": "",
        "load_examples": "False",
        "max_active_runs_per_dag": "16",
        "max_active_tasks_per_dag": "16",
        "max_map_length": "1024",
        "parallelism": "32",
        "plugins_folder": "plugins",
        "security": "",
        "unit_test_mode": "False",
    },
    "api": {"base_url": "http://localhost:8080"},
    "email": {
        "default_email_on_failure": "True",
        "default_email_on_retry": "True",
        "email_conn_id": "smtp_default",
        "ssl_context": "default",
        "subject_template": "",
    },
    **{
        section: {"namespace": "default", "worker_container_repository": "", "worker_container_tag": ""}
        for section in ("kubernetes", "kubernetes_executor")
    },
    "kerberos": {"ccache": "/tmp/airflow_krb5_ccache", "keytab": "airflow.keytab", "principal": "airflow"},
    "logging": {"remote_logging": "False", "logging_level": "INFO"},
    "operators": {"default_deferrable": "False", "default_owner": "airflow", "default_queue": "default"},
    "scheduler": {"catchup_by_default": "False", "create_cron_data_intervals": "False"},
    "sensors": {"default_timeout": "604800"},
    "smtp": {
        "smtp_host": "localhost",
        "smtp_port": "25",
        "smtp_retry_limit": "5",
        "smtp_timeout": "30",
        "smtp_mail_from": "orchestrator@localhost",
        "smtp_ssl": "False",
        "smtp_starttls": "True",
    },
    "webserver": {"base_url": "http://localhost:8080"},
}


class AirflowConfigException(AirflowException):
    """A configuration value that is not there or not of the type asked for."""


def airflow_home() -> str:
    """The folder that DAG files take as Airflow's home."""
    return os.path.expanduser(os.environ.get("AIRFLOW_HOME") or os.environ.get("ORCHESTRATOR_HOME") or "~/airflow")


class Configuration:
    """Reads one value at a time; nothing is cached, so a task's environment counts."""

    def _find(self, section: str, key: str) -> str | None:
        given = os.environ.get(f"AIRFLOW__{section.upper().replace('.', '_')}__{key.upper()}")
        if given is not None:
            return given
        place = (section.lower(), key.lower())
        if place == ("core", "dags_folder") and era.dags_folder() and "DAGS_FOLDER" not in os.environ:
            return era.dags_folder()
        if place not in airflow_cfg.CREDENTIALS and (written := airflow_cfg.current().get(place)) is not None:
            return written
        if place == ("core", "dags_folder"):
            given = os.environ.get("DAGS_FOLDER", "")
            inside = os.path.join(given, "dags")
            return (inside if os.path.isdir(inside) else given) or os.path.join(airflow_home(), "dags")
        if place == ("logging", "base_log_folder"):
            return os.path.join(airflow_home(), "logs")
        known = DEFAULTS.get(section.lower(), {}).get(key.lower())
        return known if known is not None else _of_providers().get((section.lower(), key.lower()))

    def get(self, section: str, key: str, fallback: Any = _UNSET, **ignored: Any) -> Any:
        """Return a value as text.

        Raises:
            AirflowConfigException: there is none and no ``fallback`` was given.
        """
        found = self._find(section, key)
        if found is None:
            if fallback is _UNSET:
                raise AirflowConfigException(f"section/key [{section}/{key}] not found in config")
            return fallback
        return found

    def _typed(self, read: Any, what: str, section: str, key: str, fallback: Any) -> Any:
        found = self.get(section, key, fallback)
        if not isinstance(found, str):
            return found
        try:
            return read(found)
        except ValueError as error:
            raise AirflowConfigException(f"[{section}/{key}] = {found!r} is no {what}") from error

    def getint(self, section: str, key: str, fallback: Any = _UNSET, **ignored: Any) -> Any:
        return self._typed(int, "whole number", section, key, fallback)

    def getfloat(self, section: str, key: str, fallback: Any = _UNSET, **ignored: Any) -> Any:
        return self._typed(float, "number", section, key, fallback)

    def getboolean(self, section: str, key: str, fallback: Any = _UNSET, **ignored: Any) -> Any:
        return self._typed(_yes_or_no, "truth value", section, key, fallback)

    def get_mandatory_value(self, section: str, key: str, **ignored: Any) -> str:
        return self.get(section, key)

    getmandatoryvalue = get_mandatory_value

    def getimport(self, section: str, key: str, **ignored: Any) -> Any:
        """Return what a dotted path in the configuration names; None where there is none."""
        path = self.get(section, key, None)
        if not path:
            return None
        from .shims import import_string

        try:
            return import_string(path)
        except ImportError as error:
            raise AirflowConfigException(f"[{section}/{key}] = {path!r} cannot be imported: {error}") from error

    def getjson(self, section: str, key: str, fallback: Any = None, **ignored: Any) -> Any:
        """What stands there, read as JSON; ``fallback`` where nothing does, or an empty text."""
        if self.get(section, key, "") == "":
            return fallback
        return self._typed(json.loads, "JSON", section, key, fallback)

    def getlist(self, section: str, key: str, fallback: Any = _UNSET, delimiter: str = ",", **ignored: Any) -> Any:
        return self._typed(
            lambda text: [each.strip() for each in text.split(delimiter)], "list", section, key, fallback
        )

    def gettimedelta(self, section: str, key: str, fallback: Any = _UNSET, **ignored: Any) -> Any:
        from datetime import timedelta

        return self._typed(lambda text: timedelta(seconds=int(text)), "number of seconds", section, key, fallback)

    def has_option(self, section: str, option: str, **ignored: Any) -> bool:
        return self._find(section, option) is not None

    def as_dict(self, *args: Any, **ignored: Any) -> dict[str, dict[str, str]]:
        """Every section that is known, and those that the environment names."""
        named = {
            name.split("__")[1].lower() for name in os.environ if name.startswith("AIRFLOW__") and "__" in name[9:]
        }
        return {section: self.getsection(section) or {} for section in sorted(DEFAULTS.keys() | named)}

    def getsection(self, section: str, **ignored: Any) -> dict[str, str] | None:
        found = dict(DEFAULTS.get(section.lower(), {}))
        prefix = f"AIRFLOW__{section.upper()}__"
        found.update(
            {name[len(prefix) :].lower(): value for name, value in os.environ.items() if name.startswith(prefix)}
        )
        return found or None


def expand_env_var(text: str | None) -> str | None:
    """Put the values of environment variables and of ``~`` into a text."""
    return text if not text else os.path.expanduser(os.path.expandvars(text))


def _yes_or_no(text: str) -> bool:
    word = text.strip().lower()
    if word in {"t", "true", "1", "yes", "on"}:
        return True
    if word in {"f", "false", "0", "no", "off"}:
        return False
    raise ValueError(text)


@cache
def _of_providers() -> dict[tuple[str, str], str]:
    """The defaults that installed provider packages declare."""
    from orchestrator.sdk.provider_info import infos

    return {
        (section.lower(), key.lower()): str(option["default"])
        for info in infos()
        for section, said in (info.get("config") or {}).items()
        for key, option in (said.get("options") or {}).items()
        if option.get("default") is not None
    }


conf = Configuration()
get, getint, getfloat, getboolean = conf.get, conf.getint, conf.getfloat, conf.getboolean
getjson, getlist, getsection, has_option, as_dict = (
    conf.getjson,
    conf.getlist,
    conf.getsection,
    conf.has_option,
    conf.as_dict,
)
get_airflow_home = airflow_home
_LATER: dict[str, Any] = {
    "AIRFLOW_HOME": airflow_home,
    "AIRFLOW_CONFIG": lambda: os.environ.get("AIRFLOW_CONFIG") or os.path.join(airflow_home(), "airflow.cfg"),
    "DAGS_FOLDER": lambda: conf.get("core", "dags_folder"),
    "PLUGINS_FOLDER": lambda: conf.get("core", "plugins_folder"),
}
"""Places that a process knows once it has a DAG file: this module is imported before."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return _LATER[name]()
    raise AttributeError(name)
