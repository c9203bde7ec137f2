"""Orders that arrive in Kafka land in Snowflake, and as a file in object storage.

Packages: apache-kafka, snowflake, amazon[s3fs]. Connections: ``kafka_default``, ``kafka_watch`` (the same brokers, another group.id, so
that the message that was waited for is there for the operator, too), ``snowflake_default``, ``aws_default``.
The sensor waits for the first order without a slot; the function that looks at messages is in ``order_messages.py``.
"""

import json

from airflow.providers.apache.kafka.operators.consume import ConsumeFromTopicOperator
from airflow.providers.apache.kafka.operators.produce import ProduceToTopicOperator
from airflow.providers.apache.kafka.sensors.kafka import AwaitMessageSensor
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, BaseHook, ObjectStoragePath, Param, task
from order_messages import as_row, first_order

LANDING = ObjectStoragePath("s3://aws_default@landing/orders")

with DAG(
    "kafka_to_snowflake",
    tags=["providers", "kafka", "snowflake"],
    params={"topic": Param("orders", type="string", description="Where the orders arrive")},
) as dag:
    arrived = AwaitMessageSensor(
        task_id="arrived",
        kafka_config_id="kafka_watch",
        topics=["{{ params.topic }}"],
        apply_function=f"{first_order.__module__}.first_order",
        commit_offset=False,
        poll_timeout=1,
        poll_interval=1,
        timeout=120,
    )
    consume = ConsumeFromTopicOperator(
        task_id="consume",
        kafka_config_id="kafka_default",
        topics=["{{ params.topic }}"],
        apply_function=as_row,
        return_apply_function_results=True,
        commit_cadence="end_of_operator",
        max_messages=100,
        poll_timeout=5,
    )
    make_table = SQLExecuteQueryOperator(
        task_id="make_table",
        conn_id="snowflake_default",
        sql="CREATE TABLE IF NOT EXISTS orders (id INTEGER, item TEXT, amount INTEGER)",
    )

    @task
    def land_in_snowflake(rows):
        hook = BaseHook.get_hook("snowflake_default")
        hook.insert_rows("orders", rows, target_fields=["id", "item", "amount"])
        return len(rows)

    @task
    def land_in_storage(rows, run_id):
        place = LANDING / f"{run_id}.json"
        place.write_text(json.dumps(rows))
        return str(place)

    total = SQLExecuteQueryOperator(task_id="total", conn_id="snowflake_default", sql="SELECT sum(amount) FROM orders")
    tell = ProduceToTopicOperator(
        task_id="tell",
        kafka_config_id="kafka_default",
        topic="landed",
        producer_function=lambda run_id: [(json.dumps("run"), json.dumps(run_id))],
        producer_function_args=["{{ run_id }}"],
    )
    arrived >> consume
    landed = land_in_snowflake(consume.output)
    make_table >> landed >> total
    [total, land_in_storage(consume.output)] >> tell
