import datetime

from airflow import DAG
from airflow.operators.python_operator import PythonOperator, ShortCircuitOperator
from airflow.utils.trigger_rule import TriggerRule

dag = DAG(
    dag_id="one_xcom_without_ids",
    default_args={"owner": "me", "start_date": datetime.datetime(2019, 5, 1)},
    schedule_interval=None,
)


def push(**context):
    context["ti"].xcom_push("token", "abc")
    return "returned"


def pull(**context):
    ti = context["ti"]
    return [
        ti.xcom_pull(key="token"),
        ti.xcom_pull(),
        ti.xcom_pull(key=None, task_ids="push"),
        ti.xcom_pull(key="nothing"),
    ]


first = PythonOperator(task_id="push", python_callable=push, provide_context=True, dag=dag)
second = PythonOperator(task_id="pull", python_callable=pull, provide_context=True, dag=dag)
gate = ShortCircuitOperator(task_id="gate", python_callable=lambda **_: False, provide_context=True, dag=dag)
never = PythonOperator(task_id="never", python_callable=pull, provide_context=True, dag=dag)
clean = PythonOperator(task_id="clean", python_callable=lambda: "clean", trigger_rule=TriggerRule.ALL_DONE, dag=dag)
first >> second >> gate >> never
second >> clean
