from datetime import datetime, timedelta

from airflow import DAG
from airflow.exceptions import AirflowException, AirflowSkipException
from airflow.operators.bash_operator import BashOperator
from airflow.operators.python_operator import PythonOperator


def alert(context):
    ti = context["task_instance"]
    print(
        "ALERT",
        ti.task_id,
        ti.dag_id,
        context["execution_date"].date(),
        type(context.get("exception")).__name__,
        ti.log_url,
    )


def flaky(**context):
    if context["ti"].try_number < 2:
        raise AirflowException("not yet")
    return "done in try %d" % context["ti"].try_number


def skip():
    raise AirflowSkipException("nothing to do")


def summary(**context):
    run = context["dag_run"]
    states = {each.task_id: each.state for each in run.get_task_instances()}
    return [states["flaky"], states["skip"], run.get_task_instance("broken").state, run.external_trigger]


args = {
    "owner": "airflow",
    "start_date": datetime(2021, 1, 1),
    "retries": 1,
    "retry_delay": timedelta(seconds=1),
    "on_failure_callback": alert,
    "sla": timedelta(hours=2),
}
with DAG(
    "one_callbacks_and_failures",
    default_args=args,
    schedule_interval=timedelta(days=1),
    sla_miss_callback=alert,
    catchup=False,
) as dag:
    tries = PythonOperator(task_id="flaky", python_callable=flaky, provide_context=True)
    skipped = PythonOperator(task_id="skip", python_callable=skip)
    broken = BashOperator(task_id="broken", bash_command="exit 3", retries=0)
    after = BashOperator(task_id="after", bash_command="echo never")
    ended = PythonOperator(task_id="ended", python_callable=summary, provide_context=True, trigger_rule="all_done")
    broken >> after
    [tries, skipped, after] >> ended
