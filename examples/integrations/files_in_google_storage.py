"""Orders laid into a bucket of Google Cloud Storage are waited for, copied to another, read, and the draft is deleted.

Package: google. Connection: ``google_cloud_default``. The second sensor waits without a slot.
"""

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.cloud.operators.gcs import (
    GCSCreateBucketOperator,
    GCSDeleteObjectsOperator,
    GCSListObjectsOperator,
)
from airflow.providers.google.cloud.sensors.gcs import GCSObjectExistenceSensor, GCSObjectsWithPrefixExistenceSensor
from airflow.providers.google.cloud.transfers.gcs_to_gcs import GCSToGCSOperator
from airflow.sdk import DAG, ObjectStoragePath, task

with DAG("files_in_google_storage", tags=["providers", "google"]) as dag:
    buckets = [
        GCSCreateBucketOperator(task_id=f"make_{name}", bucket_name=f"{name}-orders")
        for name in ("incoming", "accepted")
    ]

    @task
    def write(run_id):
        hook = GCSHook()
        for name in ("draft", "final"):
            hook.upload("incoming-orders", f"{run_id}/{name}.csv", data=f"item,count\n{name},3\n")

    is_there = GCSObjectExistenceSensor(
        task_id="is_there", bucket="incoming-orders", object="{{ run_id }}/final.csv", poke_interval=1, timeout=30
    )
    any_is_there = GCSObjectsWithPrefixExistenceSensor(
        task_id="any_is_there",
        bucket="incoming-orders",
        prefix="{{ run_id }}/",
        poke_interval=1,
        timeout=30,
        deferrable=True,
    )
    copy = GCSToGCSOperator(
        task_id="copy",
        source_bucket="incoming-orders",
        source_object="{{ run_id }}/final.csv",
        destination_bucket="accepted-orders",
        destination_object="{{ run_id }}.csv",
    )
    delete_draft = GCSDeleteObjectsOperator(
        task_id="delete_draft", bucket_name="incoming-orders", objects=["{{ run_id }}/draft.csv"]
    )
    left = GCSListObjectsOperator(task_id="left", bucket="incoming-orders", prefix="{{ run_id }}/")

    @task
    def read(run_id):
        return ObjectStoragePath(f"gs://google_cloud_default@accepted-orders/{run_id}.csv").read_text()

    buckets >> write() >> [is_there, any_is_there] >> copy >> delete_draft >> left >> read()
