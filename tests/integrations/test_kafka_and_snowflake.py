"""The hand-off: from Kafka (librdkafka's own mock cluster) to Snowflake (fakesnow's server) and object storage (moto)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.servers import free_port, wait_for

from .conftest import make_bucket, needs

pytestmark = needs("confluent_kafka", "fakesnow", "snowflake.connector", "moto")
ORDERS = [
    {"kind": "order", "id": 1, "item": "pen", "amount": 3},
    {"kind": "greeting", "text": "hello"},
    {"kind": "order", "id": 2, "item": "ink", "amount": 4},
]


@pytest.fixture(scope="module")
def kafka(installation: Any) -> Iterator[Any]:
    """A producer whose library plays the brokers, too: others reach them at their address."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": "127.0.0.1:9", "test.mock.num.brokers": 1})
    (broker,) = wait_for(lambda: producer.list_topics(timeout=10).brokers.values(), 20, "a broker")
    where = f"{broker.host}:{broker.port}"
    for conn_id, group in (("kafka_default", "landing"), ("kafka_watch", "watch")):
        extra = {"bootstrap.servers": where, "group.id": group, "auto.offset.reset": "earliest"}
        installation.connect(conn_id, "kafka", extra={**extra, "enable.auto.commit": False})
    yield producer


@pytest.fixture(scope="module")
def snowflake(installation: Any) -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "fakesnow", "-s", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    installation.connect(
        "snowflake_default",
        "snowflake",
        login="loader",
        password="any-secret",
        schema="PUBLIC",
        extra={"account": f"local-{port}", "database": "SHOP", "warehouse": "W"},
    )
    yield port
    server.terminate()
    server.wait(10)


def test_orders_of_kafka_land_in_snowflake_and_in_storage(installation: Any, kafka: Any, snowflake: int, aws: str):
    s3 = make_bucket(aws, "landing")
    for each in ORDERS:
        kafka.produce("orders", json.dumps(each), partition=0)  # the order holds within one
    assert kafka.flush(20) == 0
    run = installation.finish("kafka_to_snowflake").assert_success()
    assert run.xcom("consume") == [[1, "pen", 3], [2, "ink", 4]]
    assert run.xcom("total") == [(7,)]
    stored = s3.get_object(Bucket="landing", Key=f"orders/{run.run_id}.json")["Body"].read()
    assert json.loads(stored) == [[1, "pen", 3], [2, "ink", 4]]
