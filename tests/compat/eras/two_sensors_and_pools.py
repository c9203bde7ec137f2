from datetime import datetime, timedelta

from airflow import DAG
from airflow.models.baseoperator import chain
from airflow.operators.empty import EmptyOperator
from airflow.sensors.filesystem import FileSensor
from airflow.sensors.python import PythonSensor
from airflow.utils.edgemodifier import Label

with DAG(
    "two_sensors_and_pools",
    start_date=datetime(2022, 6, 1),
    timetable=None,
    schedule_interval="@daily",
    catchup=False,
    default_args={
        "pool": "default_pool",
        "priority_weight": 2,
        "weight_rule": "upstream",
        "execution_timeout": timedelta(minutes=5),
        "max_active_tis_per_dag": 2,
        "wait_for_downstream": False,
    },
    dagrun_timeout=timedelta(hours=1),
    is_paused_upon_creation=False,
    access_control={"Viewer": {"can_read"}},
    doc_md=__doc__,
) as dag:
    here = FileSensor(task_id="here", filepath=__file__, poke_interval=1, fs_conn_id="fs_default")
    ready = PythonSensor(task_id="ready", python_callable=lambda: True, mode="reschedule", poke_interval=1)
    soft = PythonSensor(task_id="soft", python_callable=lambda: False, timeout=0.1, poke_interval=0.05, soft_fail=True)
    end = EmptyOperator(task_id="end", trigger_rule="none_failed")
    chain([here, ready], [soft, EmptyOperator(task_id="x")], end)
    here >> Label("quick") >> end
