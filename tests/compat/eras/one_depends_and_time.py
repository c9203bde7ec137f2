from datetime import datetime, timedelta

import pendulum
from airflow import DAG
from airflow.operators.latest_only_operator import LatestOnlyOperator
from airflow.operators.python_operator import PythonOperator
from airflow.sensors.time_delta_sensor import TimeDeltaSensor

zone = pendulum.timezone("Europe/Berlin")
dag = DAG(
    "one_depends_and_time",
    start_date=datetime(2021, 3, 1, tzinfo=zone),
    schedule_interval="30 4 * * mon-fri",
    user_defined_macros={"team": "blue"},
    user_defined_filters={"loud": str.upper},
    catchup=True,
)


def local(execution_date, templates_dict, **context):
    here = dag.timezone.convert(execution_date)
    return [here.timezone_name, templates_dict["who"], templates_dict["list"]]


latest = LatestOnlyOperator(task_id="latest", dag=dag)
wait = TimeDeltaSensor(task_id="wait", delta=timedelta(seconds=0), dag=dag, mode="reschedule", soft_fail=True)
told = PythonOperator(
    task_id="told",
    python_callable=local,
    provide_context=True,
    templates_dict={"who": "{{ team | loud }}", "list": ["{{ dag.dag_id }}", "{{ task.task_id }}"]},
    dag=dag,
)
latest >> wait >> told
