"""What the connection form knows of types: which fields one has, how they are called there, what goes into the extra."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    return ConnectionType(name, label, (), {"schema": "Database"}, {"port": str(port)}, extra)


TYPES = {
    each.name: each
    for each in (
        ConnectionType(
            "aws",
            "Amazon Web Services",
            ("host", "schema", "port"),
            {"login": "Access key ID", "password": "Secret access key"},
            {},
            (
                Extra("region_name", "Region", hint="eu-central-1"),
                Extra("role_arn", "Role to assume", hint="arn:aws:iam::123456789012:role/name"),
                Extra("endpoint_url", "Endpoint", hint="only for services that speak AWS's protocols"),
            ),
        ),
        ConnectionType(
            "azure_data_lake",
            "Azure Data Lake",
            ("schema", "port", "host"),
            {"login": "Client ID", "password": "Client secret"},
            {},
            (Extra("tenant", "Tenant ID"), Extra("account_name", "Account name")),
        ),
        ConnectionType(
            "databricks",
            "Databricks",
            ("schema", "login", "port"),
            {"password": "Token"},
            {"host": "https://adb-123.azuredatabricks.net"},
            (Extra("http_path", "HTTP path of the warehouse"),),
        ),
        ConnectionType("docker", "Docker registry", ("schema",), {}, {"host": "registry.example.com"}),
        ConnectionType("elasticsearch", "Elasticsearch", (), {}, {"port": "9200"}),
        ConnectionType("fs", "File (path)", FIELDS, {}, {}, (Extra("path", "Path", hint="/data/incoming"),)),
        ConnectionType("ftp", "FTP", ("schema",), {}, {"port": "21"}, (Extra("passive", "Passive mode", "switch"),)),
        ConnectionType("generic", "Generic"),
        ConnectionType(
            "git",
            "Git",
            ("schema", "port"),
            {"host": "Repository", "password": "Token"},
            {"login": "user"},
            (Extra("key_file", "Key file"),),
        ),
        ConnectionType(
            "google_cloud_platform",
            "Google Cloud",
            FIELDS,
            {},
            {},
            (
                Extra("project", "Project ID"),
                Extra("key_path", "Path of the key file"),
                Extra("keyfile_dict", "Key file as JSON", "password"),
                Extra("scope", "Scopes", hint="separated by commas"),
            ),
        ),
        ConnectionType(
            "http",
            "HTTP",
            (),
            {"schema": "Scheme"},
            {"schema": "https", "host": "api.example.com"},
        ),
        ConnectionType("imap", "IMAP", ("schema",), {}, {"port": "993"}, (Extra("use_ssl", "TLS", "switch"),)),
        ConnectionType(
            "kafka",
            "Kafka",
            FIELDS,
            {},
            {},
            (Extra("bootstrap.servers", "Brokers", hint="host:9092, host:9092"), Extra("group.id", "Consumer group")),
        ),
        ConnectionType(
            "kubernetes",
            "Kubernetes",
            FIELDS,
            {},
            {},
            (
                Extra("in_cluster", "From within the cluster", "switch"),
                Extra("kube_config_path", "Path of the configuration"),
                Extra("kube_config", "Configuration as JSON", "password"),
                Extra("namespace", "Namespace"),
                Extra("cluster_context", "Context"),
            ),
        ),
        _database("mongo", "MongoDB", 27017, Extra("ssl", "TLS", "switch"), Extra("srv", "SRV record", "switch")),
        _database("mssql", "Microsoft SQL Server", 1433),
        _database("mysql", "MySQL", 3306, Extra("charset", "Character set", hint="utf8mb4")),
        _database("oracle", "Oracle", 1521, Extra("service_name", "Service name")),
        ConnectionType(
            "package_index",
            "Package index (Python)",
            ("schema", "port"),
            {"host": "Address"},
            {"host": "https://packages.example.com/simple"},
        ),
        _database("postgres", "Postgres", 5432, Extra("sslmode", "TLS mode", hint="require")),
        ConnectionType(
            "redis",
            "Redis",
            ("schema",),
            {},
            {"port": "6379"},
            (Extra("db", "Database", "number"), Extra("ssl", "TLS", "switch")),
        ),
        ConnectionType("sftp", "SFTP", ("schema",), {}, {"port": "22"}, (Extra("key_file", "Key file"),)),
        ConnectionType(
            "slack",
            "Slack",
            ("schema", "login", "port", "host"),
            {"password": "API token"},
        ),
        ConnectionType(
            "slackwebhook",
            "Slack webhook",
            ("schema", "login", "port"),
            {"password": "Token"},
            {"host": "https://hooks.slack.com/services"},
        ),
        ConnectionType(
            "smtp",
            "SMTP",
            ("schema",),
            {},
            {"port": "587"},
            (
                Extra("from_email", "Sender"),
                Extra("disable_ssl", "No TLS from the start", "switch"),
                Extra("disable_tls", "No STARTTLS", "switch"),
                Extra("timeout", "Timeout in seconds", "number"),
            ),
        ),
        ConnectionType(
            "snowflake",
            "Snowflake",
            ("port", "host"),
            {},
            {},
            (
                Extra("account", "Account"),
                Extra("warehouse", "Warehouse"),
                Extra("database", "Database"),
                Extra("role", "Role"),
                Extra("private_key_content", "Private key", "password"),
            ),
        ),
        ConnectionType("sqlite", "SQLite", ("schema", "login", "password", "port"), {"host": "Path of the file"}),
        ConnectionType(
            "ssh",
            "SSH",
            ("schema",),
            {"login": "User"},
            {"port": "22"},
            (Extra("key_file", "Key file"), Extra("private_key", "Private key", "password")),
        ),
        _database("trino", "Trino", 8080),
        ConnectionType("vertica", "Vertica", (), {"schema": "Database"}, {"port": "5433"}),
    )
}
"""Those that DAGs use most; every other name is a type, too, with all the fields."""


def of(name: str) -> ConnectionType:
    """Return a type; one that is not known has all fields under their own names."""
    return TYPES.get(name) or ConnectionType(name, name)
