from datetime import datetime

from airflow import DAG
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dagrun_operator import TriggerDagRunOperator
from airflow.operators.python_operator import PythonOperator

dag = DAG("one_trigger_and_macros", start_date=datetime(2020, 1, 1), schedule_interval="@daily", catchup=False)
COMMAND = """
echo {{ macros.ds_add(ds, 7) }} {{ yesterday_ds }} {{ tomorrow_ds_nodash }} {{ next_ds }} {{ prev_ds }} \\
  {{ macros.ds_format(ds, "%Y-%m-%d", "%d.%m.%Y") }} {{ execution_date.year }} {{ next_execution_date | ds }} {{ ts_nodash }}
"""
dates = BashOperator(task_id="dates", bash_command=COMMAND, dag=dag)


def order(context, run):
    if context["params"]["go"]:
        run.payload = {"message": context["params"]["message"]}
        return run


go = TriggerDagRunOperator(
    task_id="go", trigger_dag_id="other", python_callable=order, params={"go": True, "message": "hi"}, dag=dag
)
stay = TriggerDagRunOperator(
    task_id="stay", trigger_dag_id="other", python_callable=order, params={"go": False}, dag=dag
)


def schedule(dag, execution_date, next_execution_date, **context):
    return [
        str(dag.following_schedule(execution_date).date()),
        str(dag.previous_schedule(execution_date).date()),
        str(next_execution_date.date()),
    ]


PythonOperator(task_id="schedule", python_callable=schedule, provide_context=True, dag=dag) << dates
