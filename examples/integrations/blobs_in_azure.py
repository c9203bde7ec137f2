"""A report is laid into a container of Azure Blob Storage, waited for, read, and the draft is deleted.

Package: microsoft-azure. Connection: ``wasb_default``. The second sensor waits without a slot.
"""

from airflow.providers.microsoft.azure.hooks.wasb import WasbHook
from airflow.providers.microsoft.azure.operators.wasb_delete_blob import WasbDeleteBlobOperator
from airflow.providers.microsoft.azure.sensors.wasb import WasbBlobSensor, WasbPrefixSensor
from airflow.sdk import DAG, task

with DAG("blobs_in_azure", tags=["providers", "azure"]) as dag:

    @task
    def write(run_id):
        hook = WasbHook("wasb_default")
        hook.create_container("reports")
        for name in ("draft", "final"):
            hook.load_string(f"{name} of {run_id}", "reports", f"{run_id}/{name}.txt")

    is_there = WasbBlobSensor(
        task_id="is_there", container_name="reports", blob_name="{{ run_id }}/final.txt", poke_interval=1, timeout=30
    )
    any_is_there = WasbPrefixSensor(
        task_id="any_is_there",
        container_name="reports",
        prefix="{{ run_id }}/",
        poke_interval=1,
        timeout=30,
        deferrable=True,
    )
    delete_draft = WasbDeleteBlobOperator(
        task_id="delete_draft", container_name="reports", blob_name="{{ run_id }}/draft.txt"
    )

    @task
    def read(run_id):
        hook = WasbHook("wasb_default")
        return {
            name: hook.read_file("reports", name) for name in hook.get_blobs_list_recursive("reports", f"{run_id}/")
        }

    write() >> [is_there, any_is_there] >> delete_draft >> read()
