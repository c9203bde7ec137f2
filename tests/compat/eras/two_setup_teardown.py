from datetime import datetime

from airflow import DAG
from airflow.decorators import setup, task, teardown
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator

with DAG("two_setup_teardown", start_date=datetime(2023, 1, 1), schedule=None, fail_stop=False) as dag:

    @setup
    def make():
        return "cluster"

    @task
    def work(name):
        raise ValueError(name)

    @teardown
    def drop(name):
        return "dropped " + name

    cluster = make()
    cluster >> work(cluster) >> drop(cluster)
    first = EmptyOperator(task_id="first").as_setup()
    (
        first
        >> BashOperator(task_id="inside", bash_command="exit 99")
        >> EmptyOperator(task_id="last").as_teardown(setups=first)
    )
