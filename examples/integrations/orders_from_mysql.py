"""Orders of a shop's MySQL (or MariaDB) are copied into a warehouse and counted there.

Packages: mysql, common-sql (and the warehouse's, such as sqlite). Connections: ``shop`` (MySQL), ``shop_warehouse`` (a database).
"""

from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator, SQLTableCheckOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.providers.mysql.hooks.mysql import MySqlHook
from airflow.sdk import DAG, task

with DAG("orders_from_mysql", tags=["providers", "mysql", "sql"]) as dag:
    make_tables = [
        SQLExecuteQueryOperator(
            task_id=f"make_table_in_{conn_id}",
            conn_id=conn_id,
            sql="CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item VARCHAR(40), amount INTEGER)",
        )
        for conn_id in ("shop", "shop_warehouse")
    ]

    @task
    def sell():
        rows = [(1, "pen", 3), (2, "Tinte für „Füller“", 4), (3, "paper", None)]
        MySqlHook("shop").insert_rows("orders", rows, target_fields=["id", "item", "amount"], replace=True)

    sold = SqlSensor(
        task_id="sold", conn_id="shop", sql="SELECT count(*) FROM orders WHERE id = 3", poke_interval=1, timeout=30
    )
    copy = GenericTransfer(
        task_id="copy",
        source_conn_id="shop",
        destination_conn_id="shop_warehouse",
        sql="SELECT id, item, amount FROM orders WHERE amount IS NOT NULL",
        destination_table="orders",
        preoperator="DELETE FROM orders",
        insert_args={"target_fields": ["id", "item", "amount"]},
    )
    check = SQLTableCheckOperator(
        task_id="check",
        conn_id="shop_warehouse",
        table="orders",
        checks={"all_there": {"check_statement": "count(*) = 2"}, "all_sold": {"check_statement": "min(amount) > 0"}},
    )
    items = SQLExecuteQueryOperator(
        task_id="items", conn_id="shop_warehouse", sql="SELECT item, amount FROM orders ORDER BY id"
    )
    make_tables >> sell() >> sold >> copy >> check >> items
