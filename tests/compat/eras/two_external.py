from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.email import EmailOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sensors.external_task import ExternalTaskMarker, ExternalTaskSensor
from airflow.utils.state import DagRunState, State, TaskInstanceState

default_args = {"owner": "a", "email": ["a@example.org"], "email_on_failure": False, "email_on_retry": False, "sla": timedelta(hours=1)}
with DAG("two_external", default_args=default_args, start_date=datetime(2022, 1, 1), schedule_interval="15 2 * * *", catchup=False, max_active_runs=1, concurrency=5) as dag:
    wait = ExternalTaskSensor(
        task_id="wait",
        external_dag_id="other",
        external_task_ids=["a", "b"],
        execution_delta=timedelta(hours=1),
        allowed_states=[State.SUCCESS, TaskInstanceState.SKIPPED],
        failed_states=[State.FAILED],
        mode="reschedule",
        poke_interval=60,
        check_existence=False,
    )
    whole = ExternalTaskSensor(task_id="whole", external_dag_id="other", external_task_id=None, execution_date_fn=lambda dt: [dt - timedelta(days=1), dt])
    start = TriggerDagRunOperator(
        task_id="start", trigger_dag_id="third", execution_date="{{ execution_date }}", conf={"from": "{{ dag.dag_id }}", "n": 1}, reset_dag_run=True, wait_for_completion=True, poke_interval=1, allowed_states=[DagRunState.SUCCESS]
    )
    marker = ExternalTaskMarker(task_id="marker", external_dag_id="fourth", external_task_id="x", execution_date="{{ logical_date }}")
    mail = EmailOperator(task_id="mail", to="a@example.org", subject="{{ ds }}", html_content="done", trigger_rule="one_failed")
    [wait, whole] >> start >> marker >> mail
    EmptyOperator(task_id="alone")
