"""What Airflow 3 no longer has, in a file that says nothing of airflow.sdk."""

from datetime import datetime

from airflow import DAG, Dataset
from airflow.datasets import DatasetAlias
from airflow.decorators import task
from airflow.models import BaseOperator, DagRun, SkipMixin
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.utils.session import provide_session

LATE = EmptyOperator(task_id="late")


class Skips(BaseOperator, SkipMixin):
    def execute(self, context):
        below = context["task"].get_flat_relatives(upstream=False)
        self.skip(context["dag_run"], context["ti"].execution_date, below)


@provide_session
def rows(session=None):
    return session.query(DagRun).count()


with DAG("two_older_ways", start_date=datetime(2021, 1, 1), schedule=None) as dag:
    Skips(task_id="skips") >> EmptyOperator(task_id="below") >> EmptyOperator(task_id="further")
    BashOperator(task_id="dates", bash_command="echo {{ ds }} {{ execution_date.year }} {{ data_interval_start.day }} {{ end_date }}")
    BashOperator(task_id="owner", bash_command="echo $AIRFLOW_CTX_DAG_OWNER $AIRFLOW_CTX_DAG_EMAIL", owner="me", email="a@example.org")

    @task(outlets=[DatasetAlias("older"), Dataset("file:///older")])
    def outlets(*, outlet_events, triggering_dataset_events=None):
        outlet_events["older"].add(Dataset("file:///other"), extra={"k": 1})
        outlet_events["file:///older"].extra["rows"] = 3
        return triggering_dataset_events

    @task
    def runs(ti=None):
        return [each.run_id for each in DagRun.find(dag_id="other", state="success")] + [ti.previous_ti, ti.pid > 0]

    task(rows)()
    @task
    def rendered(ti=None, dag_run=None):
        ti.task.op_args = ["{{ ds }} again"]
        ti.render_templates()
        return [*ti.task.op_args, dag_run.get_previous_dagrun(), dag_run.get_previous_dagrun(state="success")]

    outlets(), runs(), rendered()

dag.add_task(LATE)
assert dag.task_count == 10
