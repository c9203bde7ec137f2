from datetime import datetime

from airflow.sdk import DAG, BaseOperator, task
from airflow.sdk.bases.operator import chain
from airflow.sdk.exceptions import AirflowFailException
from airflow.utils.trigger_rule import TriggerRule


class Ask(BaseOperator):
    template_fields = ("text",)

    def __init__(self, *, text, **kwargs):
        super().__init__(**kwargs)
        self.text = text

    def execute(self, context):
        return self.text


with DAG("three_context", start_date=datetime(2025, 1, 1), schedule="@daily", catchup=False) as dag:
    ask = Ask(task_id="ask", text="{{ run_id[:8] }} {{ task.task_id }} {{ ti.try_number }} {{ dag.dag_id }}")

    @task(retries=3)
    def fails_at_once():
        raise AirflowFailException("never again")

    @task(trigger_rule=TriggerRule.ONE_FAILED)
    def clean_up():
        return "cleaned"

    @task.skip_if(lambda context: True)
    @task
    def skipped():
        return 1

    chain(ask, fails_at_once(), clean_up())
    ask >> skipped()
