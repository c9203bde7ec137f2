"""What Airflow 3 rejects: names and arguments of the eras before, beside its own."""

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator
from airflow.operators.dummy import DummyOperator
from airflow.utils.dates import days_ago

with DAG(
    "three_mixed_eras",
    schedule_interval="@daily",
    start_date=days_ago(1),
    default_view="grid",
    concurrency=1,
    sla_miss_callback=None,
    catchup=False,
) as dag:

    @task
    def context_of_two(execution_date=None, prev_ds=None, next_ds=None, yesterday_ds=None, conf=None):
        return [
            execution_date is not None,
            len(prev_ds),
            len(next_ds),
            len(yesterday_ds),
            conf.get("core", "default_timezone"),
        ]

    (
        DummyOperator(task_id="start")
        >> context_of_two()
        >> BashOperator(
            task_id="shell",
            bash_command="echo {{ execution_date | ds }} {{ conf.get('core', 'default_timezone') }} {{ dag_run.execution_date | ds }}",
            sla=None,
        )
    )
