"""A file that arrives in one bucket is copied to another, and a message says so.

Package: amazon. Connection: ``aws_default``. The deferrable sensors wait without a slot.
"""

from airflow.providers.amazon.aws.operators.s3 import S3CopyObjectOperator, S3CreateBucketOperator, S3ListOperator
from airflow.providers.amazon.aws.operators.sqs import SqsPublishOperator
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.amazon.aws.sensors.sqs import SqsSensor
from airflow.sdk import DAG, Param

with DAG(
    "bucket_to_bucket",
    tags=["providers", "amazon"],
    params={"queue": Param("", type="string", description="URL of the queue that hears of it")},
) as dag:
    make = S3CreateBucketOperator(task_id="make", bucket_name="accepted")
    arrived = S3KeySensor(
        task_id="arrived",
        bucket_name="incoming",
        bucket_key="orders/*.csv",
        wildcard_match=True,
        poke_interval=1,
        timeout=60,
    )
    arrived_deferred = S3KeySensor(
        task_id="arrived_deferred",
        bucket_name="incoming",
        bucket_key="orders/today.csv",
        poke_interval=1,
        timeout=60,
        deferrable=True,
    )
    copy = S3CopyObjectOperator(
        task_id="copy",
        source_bucket_name="incoming",
        source_bucket_key="orders/today.csv",
        dest_bucket_name="accepted",
        dest_bucket_key="orders/{{ run_id }}.csv",
    )
    keys = S3ListOperator(task_id="keys", bucket="accepted", prefix="orders/")
    tell = SqsPublishOperator(
        task_id="tell", sqs_queue="{{ params.queue }}", message_content="{{ ti.xcom_pull('keys') | tojson }}"
    )
    heard = SqsSensor(
        task_id="heard",
        sqs_queue="{{ params.queue }}",
        deferrable=True,
        wait_time_seconds=1,
        poke_interval=1,
        timeout=60,
    )
    make >> [arrived, arrived_deferred] >> copy >> keys >> tell >> heard
