"""Operators that provider packages no longer have, made of those that took their place; arguments are translated."""

from __future__ import annotations

from functools import cache
from typing import Any

_CONNECTIONS = {
    "JdbcOperator": ("jdbc_conn_id", "jdbc_default"),
    "MsSqlOperator": ("mssql_conn_id", "mssql_default"),
    "MySqlOperator": ("mysql_conn_id", "mysql_default"),
    "OracleOperator": ("oracle_conn_id", "oracle_default"),
    "PostgresOperator": ("postgres_conn_id", "postgres_default"),
    "RedshiftSQLOperator": ("redshift_conn_id", "redshift_default"),
    "SnowflakeOperator": ("snowflake_conn_id", "snowflake_default"),
    "SqliteOperator": ("sqlite_conn_id", "sqlite_default"),
    "TrinoOperator": ("trino_conn_id", "trino_default"),
    "VerticaOperator": ("vertica_conn_id", "vertica_default"),
}
"""Old operator -> how its connection was called, and which it was by default."""
_SNOWFLAKE = ("warehouse", "database", "role", "schema", "authenticator", "session_parameters")


def _sql_operator(name: str) -> type:
    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

    old, default = _CONNECTIONS[name]
    taken = [old, "runtime_parameters", *(_SNOWFLAKE if name == "SnowflakeOperator" else ())]

    def translated(kwargs: dict[str, Any]) -> dict[str, Any]:
        kwargs["conn_id"] = kwargs.pop(old, None) or kwargs.get("conn_id") or default
        params = dict(kwargs.pop("hook_params", None) or {})
        if name == "SnowflakeOperator":
            params.update({each: kwargs.pop(each) for each in _SNOWFLAKE if kwargs.get(each) is not None})
        if name == "PostgresOperator" and kwargs.get("runtime_parameters"):
            params["options"] = " ".join(f"-c {key}={value}" for key, value in kwargs["runtime_parameters"].items())
        kwargs.pop("runtime_parameters", None)
        if name == "MsSqlOperator":
            kwargs.setdefault("autocommit", True)
        return {**kwargs, "hook_params": params} if params else kwargs

    return _made(name, SQLExecuteQueryOperator, translated, taken)


def _made(name: str, base: Any, translated: Any, old: list[str]) -> type:
    """A subclass that takes arguments by their old names."""
    from orchestrator.sdk.operator import parameters_of

    def __init__(self: Any, **kwargs: Any) -> None:
        super(made, self).__init__(**translated(kwargs))

    made = type(base)(name, (base,), {"__init__": __init__, "__module__": __name__, "__doc__": base.__doc__})
    # default_args may hold them by their old names, too.
    _known(made, parameters_of(base) | frozenset(old))
    return made


def _known(made: type, names: frozenset[str]) -> None:
    from orchestrator.sdk import operator

    operator._parameters[made] = names


def _simple_http() -> type:
    from airflow.providers.http.operators.http import HttpOperator

    return HttpOperator


def _prefix_sensor() -> type:
    from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

    def translated(kwargs: dict[str, Any]) -> dict[str, Any]:
        prefix = kwargs.pop("prefix")
        delimiter = kwargs.pop("delimiter", "/")
        keys = [prefix] if isinstance(prefix, str) else list(prefix)
        wanted = [f"{each}*" if each.endswith(delimiter) else f"{each}{delimiter}*" for each in keys]
        return {**kwargs, "bucket_key": wanted, "wildcard_match": True}

    return _made("S3PrefixSensor", S3KeySensor, translated, ["prefix", "delimiter"])


def _bigquery_query() -> type:
    from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator

    def translated(kwargs: dict[str, Any]) -> dict[str, Any]:
        query: dict[str, Any] = {"query": kwargs.pop("sql", None) or kwargs.pop("bql", None)}
        query["useLegacySql"] = bool(kwargs.pop("use_legacy_sql", True))
        for old, new in _BIGQUERY.items():
            if kwargs.get(old) is not None:
                query[new] = kwargs.pop(old)
            kwargs.pop(old, None)
        target = kwargs.pop("destination_dataset_table", None)
        if target:
            project, _, rest = target.replace(":", ".").rpartition(".")[0].rpartition(".")
            query["destinationTable"] = {"datasetId": rest, "tableId": target.rpartition(".")[2]}
            if project:
                query["destinationTable"]["projectId"] = project
        connection = kwargs.pop("bigquery_conn_id", None)
        if connection:
            kwargs["gcp_conn_id"] = connection
        kwargs.pop("delegate_to", None)
        return {**kwargs, "configuration": {"query": query}}

    taken = ["sql", "bql", "use_legacy_sql", "destination_dataset_table", "bigquery_conn_id", "delegate_to"]
    return _made("BigQueryExecuteQueryOperator", BigQueryInsertJobOperator, translated, [*taken, *_BIGQUERY])


_BIGQUERY = {
    "write_disposition": "writeDisposition",
    "create_disposition": "createDisposition",
    "allow_large_results": "allowLargeResults",
    "flatten_results": "flattenResults",
    "maximum_bytes_billed": "maximumBytesBilled",
    "query_params": "queryParameters",
    "time_partitioning": "timePartitioning",
    "priority": "priority",
}


def _bigquery_table() -> type:
    from airflow.providers.google.cloud.operators.bigquery import BigQueryCreateTableOperator

    def translated(kwargs: dict[str, Any]) -> dict[str, Any]:
        resource = dict(kwargs.pop("table_resource", None) or {})
        fields = kwargs.pop("schema_fields", None)
        if fields is not None:
            resource["schema"] = {"fields": fields}
        for old, new in (("time_partitioning", "timePartitioning"), ("labels", "labels"), ("view", "view")):
            value = kwargs.pop(old, None)
            if value is not None:
                resource[new] = value
        connection = kwargs.pop("bigquery_conn_id", None)
        if connection:
            kwargs["gcp_conn_id"] = connection
        return {**kwargs, "table_resource": resource}

    old = ["schema_fields", "time_partitioning", "labels", "view", "bigquery_conn_id"]
    return _made("BigQueryCreateEmptyTableOperator", BigQueryCreateTableOperator, translated, old)


_OTHERS = {
    "SimpleHttpOperator": _simple_http,
    "S3PrefixSensor": _prefix_sensor,
    "BigQueryOperator": _bigquery_query,
    "BigQueryExecuteQueryOperator": _bigquery_query,
    "BigQueryCreateEmptyTableOperator": _bigquery_table,
}


@cache
def _made_once(name: str) -> type:
    return _OTHERS[name]() if name in _OTHERS else _sql_operator(name)


def __getattr__(name: str) -> Any:
    if name in _OTHERS or name in _CONNECTIONS:
        return _made_once(name)
    raise AttributeError(name)
