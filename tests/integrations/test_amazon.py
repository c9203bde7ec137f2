"""S3 and SQS, plain and deferrable, against moto's server."""

from __future__ import annotations

from typing import Any

from .conftest import aws_client, make_bucket, needs

pytestmark = needs("moto")


def test_a_file_goes_from_bucket_to_bucket_and_a_queue_hears_of_it(installation: Any, aws: str):
    s3 = make_bucket(aws, "incoming")
    s3.put_object(Bucket="incoming", Key="orders/today.csv", Body=b"item,count\npen,3\n")
    queue = aws_client("sqs", aws).create_queue(QueueName="arrivals")["QueueUrl"]
    run = installation.finish("bucket_to_bucket", {"queue": queue}).assert_success()
    (key,) = run.xcom("keys")
    assert key == f"orders/{run.run_id}.csv"
    assert s3.get_object(Bucket="accepted", Key=key)["Body"].read() == b"item,count\npen,3\n"
    assert key in str(run.xcom("heard", "messages"))


def test_a_task_of_a_dag_with_a_large_package_starts_as_quickly_as_another(installation: Any, aws: str):
    """The version's fork server holds what the DAG file imports: it is not paid for by each task."""
    plain = "from airflow.sdk import DAG, task\nwith DAG({name!r}):\n    @task\n    def a(): pass\n    @task\n    def b(): pass\n    a() >> b()\n"
    large = "from airflow.providers.amazon.aws.operators.s3 import S3ListOperator\n" + plain
    for name, source in (("without_packages", plain), ("with_amazon", large)):
        (installation.dags_folder / f"{name}.py").write_text(source.format(name=name))
        installation.finish(name).assert_success()  # the first one loads
    best = {
        name: min(installation.finish(name).assert_success().seconds for _ in range(5))
        for name in ("without_packages", "with_amazon")
    }
    assert best["with_amazon"] < 2 * best["without_packages"] + 0.05, best
