"""What the connection form knows of types: which fields one has, how they are called there, what goes into the extra."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy

from orchestrator.sdk import provider_info

FIELDS = ("host", "schema", "login", "password", "port")


@dataclass(frozen=True, slots=True)
class Extra:
    """One entry of the extra with a field of its own. ``kind`` is text, password, number, switch or long."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """One type. ``hidden`` fields have no meaning for it; ``labels`` and ``hints`` say what the others are."""

    name: str
    label: str
    hidden: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    extra: tuple[Extra, ...] = ()


def _database(name: str, label: str, port: int, *extra: Extra) -> ConnectionType:
    return ConnectionType(name, label, (), {"schema": gettext_lazy("Database")}, {"port": str(port)}, extra)


TYPES = {
    each.name: each
    for each in (
        ConnectionType(
            "aws",
            "Amazon Web Services",
            ("host", "schema", "port"),
            {"login": gettext_lazy("Access key ID"), "password": gettext_lazy("Secret access key")},
            {},
            (
                Extra("region_name", gettext_lazy("Region"), hint="eu-central-1"),
                Extra("role_arn", gettext_lazy("Role to assume"), hint="arn:aws:iam::123456789012:role/name"),
                Extra(
                    "endpoint_url",
                    gettext_lazy("Endpoint"),
                    hint=gettext_lazy("only for services that speak AWS's protocols"),
                ),
            ),
        ),
        ConnectionType(
            "azure_data_lake",
            "Azure Data Lake",
            ("schema", "port", "host"),
            {"login": gettext_lazy("Client ID"), "password": gettext_lazy("Client secret")},
            {},
            (Extra("tenant", gettext_lazy("Tenant ID")), Extra("account_name", gettext_lazy("Account name"))),
        ),
        ConnectionType(
            "databricks",
            "Databricks",
            ("schema", "login", "port"),
            {"password": gettext_lazy("Token")},
            {"host": "https://adb-123.azuredatabricks.net"},
            (Extra("http_path", gettext_lazy("HTTP path of the warehouse")),),
        ),
        ConnectionType("docker", gettext_lazy("Docker registry"), ("schema",), {}, {"host": "registry.example.com"}),
        ConnectionType("elasticsearch", "Elasticsearch", (), {}, {"port": "9200"}),
        ConnectionType(
            "fs",
            gettext_lazy("File (path)"),
            FIELDS,
            {},
            {},
            (Extra("path", gettext_lazy("Path"), hint="/data/incoming"),),
        ),
        ConnectionType(
            "ftp", "FTP", ("schema",), {}, {"port": "21"}, (Extra("passive", gettext_lazy("Passive mode"), "switch"),)
        ),
        ConnectionType("generic", gettext_lazy("Generic")),
        ConnectionType(
            "git",
            "Git",
            ("schema", "port"),
            {"host": gettext_lazy("Repository"), "password": gettext_lazy("Token")},
            {"login": "user"},
            (Extra("key_file", gettext_lazy("Key file")),),
        ),
        ConnectionType(
            "google_cloud_platform",
            "Google Cloud",
            FIELDS,
            {},
            {},
            (
                Extra("project", gettext_lazy("Project ID")),
                Extra("key_path", gettext_lazy("Path of the key file")),
                Extra("keyfile_dict", gettext_lazy("Key file as JSON"), "password"),
                Extra("scope", gettext_lazy("Scopes"), hint=gettext_lazy("separated by commas")),
            ),
        ),
        ConnectionType(
            "http",
            "HTTP",
            (),
            {"schema": gettext_lazy("Scheme")},
            {"schema": "https", "host": "api.example.com"},
        ),
        ConnectionType("imap", "IMAP", ("schema",), {}, {"port": "993"}, (Extra("use_ssl", "TLS", "switch"),)),
        ConnectionType(
            "kafka",
            "Kafka",
            FIELDS,
            {},
            {},
            (
                Extra("bootstrap.servers", gettext_lazy("Brokers"), hint="host:9092, host:9092"),
                Extra("group.id", gettext_lazy("Consumer group")),
            ),
        ),
        ConnectionType(
            "kubernetes",
            "Kubernetes",
            FIELDS,
            {},
            {},
            (
                Extra("in_cluster", gettext_lazy("From within the cluster"), "switch"),
                Extra("kube_config_path", gettext_lazy("Path of the configuration")),
                Extra("kube_config", gettext_lazy("Configuration as JSON"), "password"),
                Extra("namespace", gettext_lazy("Namespace")),
                Extra("cluster_context", gettext_lazy("Context")),
            ),
        ),
        _database(
            "mongo", "MongoDB", 27017, Extra("ssl", "TLS", "switch"), Extra("srv", gettext_lazy("SRV record"), "switch")
        ),
        _database("mssql", "Microsoft SQL Server", 1433),
        _database("mysql", "MySQL", 3306, Extra("charset", gettext_lazy("Character set"), hint="utf8mb4")),
        _database("oracle", "Oracle", 1521, Extra("service_name", gettext_lazy("Service name"))),
        ConnectionType(
            "package_index",
            gettext_lazy("Package index (Python)"),
            ("schema", "port"),
            {"host": gettext_lazy("Address")},
            {"host": "https://packages.example.com/simple"},
        ),
        _database("postgres", "Postgres", 5432, Extra("sslmode", gettext_lazy("TLS mode"), hint="require")),
        ConnectionType(
            "redis",
            "Redis",
            ("schema",),
            {},
            {"port": "6379"},
            (Extra("db", gettext_lazy("Database"), "number"), Extra("ssl", "TLS", "switch")),
        ),
        ConnectionType("sftp", "SFTP", ("schema",), {}, {"port": "22"}, (Extra("key_file", gettext_lazy("Key file")),)),
        ConnectionType(
            "slack",
            "Slack",
            ("schema", "login", "port", "host"),
            {"password": gettext_lazy("API token")},
        ),
        ConnectionType(
            "slackwebhook",
            "Slack webhook",
            ("schema", "login", "port"),
            {"password": gettext_lazy("Token")},
            {"host": "https://hooks.slack.com/services"},
        ),
        ConnectionType(
            "smtp",
            "SMTP",
            ("schema",),
            {},
            {"port": "587"},
            (
                Extra("from_email", gettext_lazy("Sender")),
                Extra("disable_ssl", gettext_lazy("No TLS from the start"), "switch"),
                Extra("disable_tls", gettext_lazy("No STARTTLS"), "switch"),
                Extra("timeout", gettext_lazy("Timeout in seconds"), "number"),
            ),
        ),
        ConnectionType(
            "snowflake",
            "Snowflake",
            ("port", "host"),
            {},
            {},
            (
                Extra("account", gettext_lazy("Account")),
                Extra("warehouse", gettext_lazy("Warehouse")),
                Extra("database", gettext_lazy("Database")),
                Extra("role", gettext_lazy("Role")),
                Extra("private_key_content", gettext_lazy("Private key"), "password"),
            ),
        ),
        ConnectionType(
            "sqlite", "SQLite", ("schema", "login", "password", "port"), {"host": gettext_lazy("Path of the file")}
        ),
        ConnectionType(
            "ssh",
            "SSH",
            ("schema",),
            {"login": gettext_lazy("User")},
            {"port": "22"},
            (
                Extra("key_file", gettext_lazy("Key file")),
                Extra("private_key", gettext_lazy("Private key"), "password"),
            ),
        ),
        _database("trino", "Trino", 8080),
        ConnectionType("vertica", "Vertica", (), {"schema": gettext_lazy("Database")}, {"port": "5433"}),
    )
}
"""Those that DAGs use most, for where no package says more; every other name is a type, too, with all the fields."""


@cache
def known() -> dict[str, ConnectionType]:
    """Every type by name: what an installed package says of its own, and ours where it says nothing."""
    found = {**TYPES, **{name: _brought(name, said) for name, (_, said) in provider_info.hooks().items()}}
    return dict(sorted(found.items(), key=lambda each: str(each[1].label).casefold()))


def _brought(name: str, said: dict[str, Any]) -> ConnectionType:
    """A type in the words of the package that brings it. What is a list is written into the extra itself."""
    looks = said.get("ui-field-behaviour") or {}
    hints = {each: str(hint) for each, hint in (looks.get("placeholders") or {}).items()}
    extra = tuple(
        Extra(field, str(about.get("label") or field), kind, _hint(about, hints.get(field)))
        for field, about in (said.get("conn-fields") or {}).items()
        if (kind := _kind(about.get("schema") or {}))
    )
    return ConnectionType(
        name,
        str(said.get("hook-name") or name),
        tuple(each for each in looks.get("hidden-fields") or () if each in FIELDS),
        {each: str(label) for each, label in (looks.get("relabeling") or {}).items() if each in FIELDS},
        {each: hint for each, hint in hints.items() if each in FIELDS},
        extra,
    )


def _kind(schema: dict[str, Any]) -> str:
    types = schema.get("type") or "string"
    types = {types} if isinstance(types, str) else set(types)
    if schema.get("format") == "password":
        return "password"
    if types & {"array", "object"}:
        return ""
    return "switch" if "boolean" in types else "number" if "integer" in types else "text"


def _hint(about: dict[str, Any], placeholder: str | None) -> str:
    default = (about.get("schema") or {}).get("default")
    return placeholder or ("" if default is None else str(default))


def of(name: str) -> ConnectionType:
    """Return a type; one that is not known has all fields under their own names."""
    return known().get(name) or ConnectionType(name, name)
