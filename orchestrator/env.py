"""Everything the environment can set: one table of name, type, default, unit and help.

``orchestrator.settings`` reads it once into ``settings.ORCH``; the settings reference page is made from it.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from . import env_signin
from .setting import Setting, SettingError, path, words, yes_or_no


def networks(text: str) -> list[str]:
    """Read networks, each an address with or without the length of its prefix."""
    return [str(ipaddress.ip_network(each, strict=False)) for each in words(text)]


ALERT_KINDS = ("info", "warning", "error")


def alerts(text: str) -> list[dict[str, Any]]:
    """Read what the first page says above all else."""
    wrong = ValueError('a JSON list of texts, or of {"text": ..., "category": "warning", "roles": ["viewer", ...]}')
    try:
        given = json.loads(text or "[]")
        found = [{"text": each} if isinstance(each, str) else dict(each) for each in given]
    except (ValueError, TypeError):
        raise wrong from None
    if not isinstance(given, list):
        raise wrong
    for each in found:
        each.setdefault("category", "info")
        if not isinstance(each.get("text"), str) or each["category"] not in ALERT_KINDS:
            raise wrong
    return found


def run_dates(text: str) -> str:
    """Read what the dates of manual runs are."""
    if text not in {"airflow", "scheduled"}:
        raise ValueError("airflow or scheduled")
    return text


def test_mode(text: str) -> str:
    """Read whether connections can be tested, by Airflow's words in any case."""
    found = text.strip().capitalize()
    if found not in {"Disabled", "Enabled", "Hidden"}:
        raise ValueError("Disabled, Enabled or Hidden")
    return found


SETTINGS = (
    Setting("ORCHESTRATOR_HOME", "home", path, path("var"), "folder of database, keys, logs and caches"),
    Setting("DAGS_FOLDER", "dags_folder", path, path("examples/dags"), "folder of the DAG files"),
    Setting(
        "PLUGINS_FOLDER",
        "plugins_folder",
        path,
        path("examples/plugins"),
        "folder of plugins; `plugins` beside DAGS_FOLDER",
    ),
    Setting("PORT", "port", int, 8080, "port of the web server"),
    Setting("HOST", "host", str, "127.0.0.1", "address the web server binds to"),
    Setting(
        "ORCHESTRATOR_BASE_URL",
        "base_url",
        str,
        "",
        "address of the pages in messages; empty = `http://localhost:PORT`",
    ),
    Setting("ALLOWED_HOSTS", "allowed_hosts", words, [], "host names the web server answers to, besides this machine"),
    Setting("TRUSTED_ORIGINS", "trusted_origins", words, [], "https://... origins that forms may come from"),
    Setting("HTTPS", "https", yes_or_no, False, "true behind a proxy that ends TLS: secure cookies and HSTS"),
    Setting(
        "ORCHESTRATOR_EXTERNAL_LOG_URL",
        "external_log_url",
        str,
        "",
        "address of a try's log elsewhere, with `{dag_id}`, `{run_id}`, `{task_id}`, `{map_index}`, `{try_number}` in it",
    ),
    Setting(
        "ORCHESTRATOR_INSTANCE_NAME", "instance_name", str, "Orchestrator", "what the pages call this installation"
    ),
    Setting(
        "ORCHESTRATOR_ALERTS",
        "alerts",
        alerts,
        [],
        "what the first page says above all else: a JSON list of Markdown texts, or of `text`, `category` (info, warning, "
        "error) and `roles`",
    ),
    Setting("LOG_LEVEL", "log_level", str, "INFO", "of the server's own log"),
    Setting("ORCHESTRATOR_SLOTS", "slots", int, 8, "task attempts at once on this worker"),
    Setting("ORCHESTRATOR_LEASE_SECONDS", "lease_seconds", float, 10.0, "s; a process silent for so long is dead"),
    Setting("ORCHESTRATOR_HEARTBEAT_SECONDS", "heartbeat_seconds", float, 2.0, "s between two beats of a lease"),
    Setting("ORCHESTRATOR_SWEEP_SECONDS", "sweep_seconds", float, 1.0, "s between two recovery passes"),
    Setting("ORCHESTRATOR_DRAIN_SECONDS", "drain_seconds", float, 30.0, "s a stopping worker waits for its attempts"),
    Setting("ORCHESTRATOR_KILL_GRACE_SECONDS", "kill_grace_seconds", float, 5.0, "s between SIGTERM and SIGKILL"),
    Setting(
        "ORCHESTRATOR_HUNG_SECONDS",
        "hung_seconds",
        float,
        600.0,
        "s without any sign of life after which an attempt is said to look hung; 0 = never",
    ),
    Setting("ORCHESTRATOR_MAX_LOSSES", "max_losses", int, 5, "lost attempts after which a task instance fails"),
    Setting("ORCHESTRATOR_TRIGGERER_CAPACITY", "triggerer_capacity", int, 1000, "triggers one triggerer runs at most"),
    Setting("ORCHESTRATOR_PARSE_TIMEOUT", "parse_timeout", float, 30.0, "s a DAG file may take to import"),
    Setting(
        "ORCHESTRATOR_PARSE_MEMORY_BYTES", "parse_memory_bytes", int, 1 << 30, "bytes a DAG file's import may take"
    ),
    Setting("ORCHESTRATOR_XCOM_MAX_BYTES", "xcom_max_bytes", int, 1 << 20, "bytes one XCom value may have as JSON"),
    Setting(
        "ORCHESTRATOR_MAX_MAP_LENGTH",
        "max_map_length",
        int,
        1024,
        "elements of a result that others map over; more fail the task that returns them",
    ),
    Setting("ORCHESTRATOR_STORE_MAX_BYTES", "store_max_bytes", int, 65535, "bytes one value of a state store may have"),
    Setting(
        "ORCHESTRATOR_STORE_RETENTION_DAYS",
        "store_retention_days",
        int,
        30,
        "days a key of a task's state store stays unless the task says otherwise; 0 = for good",
    ),
    Setting(
        "ORCHESTRATOR_STORE_CLEAR_ON_SUCCESS",
        "store_clear_on_success",
        yes_or_no,
        False,
        "a task instance that succeeds forgets its state store",
    ),
    Setting(
        "ORCHESTRATOR_RENDERED_MAX_LENGTH",
        "rendered_max_length",
        int,
        1 << 16,
        "characters kept of each rendered template field",
    ),
    Setting(
        "ORCHESTRATOR_MAX_MAPPED_INSTANCES",
        "max_mapped_instances",
        int,
        100_000,
        "instances a task may have in all where mapped groups stand in each other",
    ),
    Setting(
        "ORCHESTRATOR_MANUAL_RUN_DATES",
        "manual_run_dates",
        run_dates,
        "airflow",
        "what `ds` and the other dates are in manual runs: `airflow`, or `scheduled` for what a scheduled run has",
    ),
    Setting(
        "ORCHESTRATOR_EDIT_DAGS",
        "edit_dags",
        yes_or_no,
        False,
        "admins may edit DAG files in the browser, where the web server can write DAGS_FOLDER",
    ),
    Setting("ORCHESTRATOR_PAUSED_AT_CREATION", "paused_at_creation", yes_or_no, True, "new DAGs start paused"),
    Setting(
        "AIRFLOW__SECRETS__BACKEND",
        "secrets_backend",
        str,
        "",
        "class that is asked for variables and connections first",
    ),
    Setting(
        "AIRFLOW__CORE__RERUN_WITH_LATEST_VERSION",
        "rerun_with_latest_version",
        yes_or_no,
        None,
        "what is cleared or backfilled again runs with its DAG's latest version, unless the DAG or whoever asks says "
        "otherwise; unset: a backfill does, what is cleared does not",
    ),
    Setting(
        "AIRFLOW__CORE__TEST_CONNECTION",
        "test_connection",
        test_mode,
        "Disabled",
        "Enabled: who may edit connections may test them, which reaches what the server's network reaches; "
        "Hidden: pages do not speak of it",
    ),
    Setting(
        "ORCHESTRATOR_TEST_CONNECTION_SECONDS",
        "test_connection_seconds",
        float,
        30.0,
        "s that the test of a connection may take",
    ),
    Setting(
        "ORCHESTRATOR_WEBHOOK_NETWORKS",
        "webhook_networks",
        networks,
        [],
        "networks (10.0.0.0/8) besides the public internet that [webhooks](../howto/webhooks.md) may reach",
    ),
    Setting(
        "ORCHESTRATOR_SECRETS_CACHE_SECONDS",
        "secrets_cache_seconds",
        float,
        60.0,
        "s that its answers are kept for the parsing of DAG files; 0 = not at all",
    ),
    Setting("ORCHESTRATOR_SMTP_URL", "smtp_url", str, "", "smtp://user:password@host:port/?from=a@b; empty = no mail"),
    *env_signin.SETTINGS,
)

READ_ELSEWHERE = env_signin.READ_ELSEWHERE | {
    "DATABASE_URL": ("SQLite in the home", "`postgresql://user:password@host/name` (version 15 or later) for a fleet"),
    "REDIS_URL": ("our own Redis", "`redis://`, `rediss://` or `unix://`; carries invitations, pushes and counts"),
    "BROKER_URL": ("REDIS_URL", "another broker for the invitations, such as RabbitMQ: `amqp://user:password@host//`"),
    "AIRFLOW_HOME": (
        "",
        "an Airflow home: its `airflow.cfg` counts where nothing else is set, and its `dags` where DAGS_FOLDER is not",
    ),
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": (
        "one folder, DAGS_FOLDER",
        "JSON: a list of bundles with `name`, `classpath` (LocalDagBundle or GitDagBundle) and `kwargs`, as in Airflow",
    ),
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": ("300", "s between two fetches of a git bundle that says nothing else"),
    "ORCHESTRATOR_BUNDLE_ENVIRONMENTS": (
        "none",
        "bundles that have an environment made of their requirements: `team_a team_b=more.txt`, `*` for all",
    ),
    "ORCHESTRATOR_PASS_ENVIRONMENT": (
        "AWS_*, GOOGLE_*, AZURE_* and the like; none where there is a secrets backend",
        "names of the environment that tasks and DAG files see besides [those they always do](#airflows), as patterns",
    ),
    "SECRET_KEY": ("made once, `keys/secret_key` in the home", "signs sessions and tokens; the same on every machine"),
    "FERNET_KEYS": (
        "made once, `keys/fernet_keys` in the home",
        "keys of variables and connections, newest first, separated by commas or spaces",
    ),
    "ORCHESTRATOR_URL": ("that of the last sign-in", "address that the program [`orchestrator`](cli.md) calls"),
    "ORCHESTRATOR_TOKEN": ("that of the last sign-in", "token that it calls with"),
    "ORCHESTRATOR_TOKEN_FILE": ("none", "file that holds that token"),
    "ORCHESTRATOR_ADMIN_USER": ("admin", "name of the admin whom the first `make run` makes"),
    "ORCHESTRATOR_ADMIN_PASSWORD": ("random, shown once", "password of that admin; one that is given stays"),
}
"""What other modules read by themselves, since it may hold a password: name -> (default in words, help)."""


def read(environ: Mapping[str, str] | None = None) -> SimpleNamespace:
    """Read every setting from ``environ`` (default: the process's own).

    Raises:
        SettingError: a value is not of its type.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for each in SETTINGS:
        text = environ.get(each.name)
        if text is None or text == "":
            values[each.attribute] = each.default
            continue
        try:
            values[each.attribute] = each.read(text)
        except ValueError as error:
            raise SettingError(f"{each.name}={text!r} cannot be read ({error}): {each.help}") from error
    return SimpleNamespace(**values)


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as a page may show it; ``source`` is "environment" or "default"."""

    name: str
    value: str
    source: str
    default: str
    help: str


SECRET_WORDS = ("SECRET", "PASSWORD", "KEY", "TOKEN", "KWARGS")
HIDDEN = "***"


def shown(environ: Mapping[str, str] | None = None) -> list[Shown]:
    """Return every setting with its value; of secrets, and of passwords in addresses, only that they are set."""
    environ = os.environ if environ is None else environ
    found = {}
    for each in SETTINGS:
        value = environ.get(each.name, "")
        default = _text(each.default)
        source = "environment" if value else "default"
        told = f"./{os.path.relpath(each.default)}" if isinstance(each.default, Path) else default
        found[each.name] = Shown(each.name, _masked(each.name, value or default), source, told, each.help)
    for name, (words_of_default, help_text) in READ_ELSEWHERE.items():
        value = environ.get(name, "")
        source = "environment" if value else "default"
        found[name] = Shown(name, _masked(name, value) or words_of_default, source, words_of_default, help_text)
    return sorted(found.values(), key=lambda each: each.name)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, (list, dict)) else str(value)


def _masked(name: str, value: str) -> str:
    if not value:
        return ""
    if any(word in name for word in SECRET_WORDS):
        return HIDDEN
    # The password of an address, and whatever its query says: both have been seen to hold credentials.
    value = re.sub(
        r"(?<=://)([^/?#]*)@",
        lambda found: f"{found[1].split(':')[0]}:{HIDDEN}@" if ":" in found[1] else found[0],
        value,
    )
    return re.sub(r"(://[^?]*\?).*", rf"\1{HIDDEN}", value)
