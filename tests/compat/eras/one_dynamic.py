from datetime import datetime

from airflow import DAG
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator
from airflow.utils.helpers import chain, cross_downstream


def create_dag(name, schedule, number):
    dag = DAG(name, schedule_interval=schedule, default_args={"owner": "airflow", "start_date": datetime(2018, 1, 1)})
    with dag:

        def times(*args, **kwargs):
            return number * args[0] + kwargs["plus"]

        steps = [
            PythonOperator(task_id="step_%d" % each, python_callable=times, op_args=[each], op_kwargs={"plus": 1})
            for each in range(3)
        ]
        chain(*steps)
        cross_downstream([steps[-1]], [DummyOperator(task_id="left"), DummyOperator(task_id="right")])
    return dag


for number in (1, 2):
    globals()["one_dynamic_%d" % number] = create_dag("one_dynamic_%d" % number, "@weekly", number)
