"""Rates of exchange come from a web service into a database, and are checked before anybody uses them.

Packages: http, common-sql, postgres (or another database's). Connections: ``rates_api`` (HTTP), ``warehouse`` (a database).
"""

from airflow.providers.common.sql.operators.sql import SQLColumnCheckOperator, SQLExecuteQueryOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import DAG, BaseHook, task

with DAG("rates_into_a_database", tags=["providers", "http", "sql"], default_args={"retries": 0}) as dag:
    is_up = HttpSensor(
        task_id="is_up", http_conn_id="rates_api", endpoint="health", poke_interval=1, timeout=60, deferrable=True
    )
    fetch = HttpOperator(
        task_id="fetch",
        http_conn_id="rates_api",
        method="GET",
        endpoint="rates",
        response_check=lambda response: response.json()["base"] == "EUR",
        response_filter=lambda response: response.json()["rates"],
    )
    make_table = SQLExecuteQueryOperator(
        task_id="make_table",
        conn_id="warehouse",
        sql="CREATE TABLE IF NOT EXISTS rates (currency TEXT PRIMARY KEY, rate NUMERIC NOT NULL)",
    )

    @task
    def store(rates):
        hook = BaseHook.get_hook("warehouse")
        hook.run("DELETE FROM rates")
        hook.insert_rows("rates", rates.items(), target_fields=["currency", "rate"])
        return len(rates)

    are_there = SqlSensor(
        task_id="are_there", conn_id="warehouse", sql="SELECT count(*) FROM rates", poke_interval=1, timeout=30
    )
    check = SQLColumnCheckOperator(
        task_id="check",
        conn_id="warehouse",
        table="rates",
        column_mapping={"rate": {"min": {"greater_than": 0}, "null_check": {"equal_to": 0}}},
    )
    largest = SQLExecuteQueryOperator(
        task_id="largest", conn_id="warehouse", sql="SELECT currency FROM rates ORDER BY rate DESC LIMIT 1"
    )

    @task.sql(conn_id="warehouse")
    def how_many():
        return "SELECT count(*) FROM rates"

    stored = store(fetch.output)
    is_up >> fetch
    make_table >> stored >> are_there >> check >> [largest, how_many()]
