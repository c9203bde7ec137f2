from datetime import timedelta

import airflow
from airflow.models import DAG
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import BranchPythonOperator, PythonOperator

args = {
    "owner": "reports",
    "depends_on_past": False,
    "start_date": airflow.utils.dates.days_ago(2),
    "email": ["reports@example.org"],
    "email_on_failure": False,
    "retries": 0,
    "retry_delay": timedelta(minutes=5),
    "queue": "default",
    "provide_context": True,
    "on_the_fridge": "a key that nobody knows",
}
dag = DAG(
    "one_daily_report",
    default_args=args,
    schedule_interval="0 6 * * *",
    concurrency=2,
    default_view="tree",
    orientation="LR",
    full_filepath="reports.py",
)


def extract(**kwargs):
    kwargs["ti"].xcom_push(key="rows", value=[1, 2, 3])
    return kwargs["execution_date"].strftime("%Y-%m-%d") == kwargs["ds"]


def choose(**kwargs):
    rows = kwargs["task_instance"].xcom_pull(task_ids="extract", key="rows")
    return "many" if len(rows) > 2 else "few"


start = DummyOperator(task_id="start", dag=dag)
extracted = PythonOperator(task_id="extract", python_callable=extract, provide_context=True, dag=dag)
branch = BranchPythonOperator(task_id="choose", python_callable=choose, provide_context=True, dag=dag)
many = BashOperator(
    task_id="many",
    bash_command="echo {{ ds_nodash }} {{ params.unit }}",
    params={"unit": "rows"},
    xcom_push=True,
    dag=dag,
)
few = DummyOperator(task_id="few", dag=dag)
end = DummyOperator(task_id="end", trigger_rule="none_failed_or_skipped", dag=dag)
start.set_downstream(extracted)
branch.set_upstream(extracted)
branch >> [many, few]
end << [many, few]
