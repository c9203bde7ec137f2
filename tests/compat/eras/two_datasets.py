from datetime import datetime

from airflow import DAG, Dataset
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.timetables.datasets import DatasetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable

orders = Dataset("s3://bucket/orders.csv", extra={"team": "sales"})
with DAG("two_datasets_producer", schedule="@daily", start_date=datetime(2023, 1, 1), catchup=False):
    BashOperator(task_id="write", bash_command="echo written", outlets=[orders])
with DAG(
    "two_datasets_consumer", schedule=[orders, Dataset("s3://bucket/customers.csv")], start_date=datetime(2023, 1, 1)
):
    PythonOperator(
        task_id="read", python_callable=lambda triggering_dataset_events=None: str(triggering_dataset_events)
    )
with DAG(
    "two_datasets_or_time",
    schedule=DatasetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 1 * * 3", timezone="UTC"), datasets=(orders & Dataset("s3://b/c"))
    ),
    start_date=datetime(2023, 1, 1),
    catchup=False,
):
    BashOperator(task_id="read", bash_command="echo read")
