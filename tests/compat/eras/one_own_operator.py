from datetime import datetime

from airflow import DAG
from airflow.hooks.base_hook import BaseHook
from airflow.models import BaseOperator, Variable
from airflow.operators.sensors import BaseSensorOperator
from airflow.plugins_manager import AirflowPlugin
from airflow.utils.decorators import apply_defaults


class GreetOperator(BaseOperator):
    template_fields = ("name", "words")
    ui_color = "#abc"

    @apply_defaults
    def __init__(self, name, words=None, conn_id="greeting", *args, **kwargs):
        super(GreetOperator, self).__init__(*args, **kwargs)
        self.name, self.words, self.conn_id = name, words or {}, conn_id

    def execute(self, context):
        self.log.info("Greeting %s", self.name)
        connection = BaseHook.get_connection(self.conn_id)
        return "%s %s at %s:%s as %s" % (
            self.words["say"],
            self.name,
            connection.host,
            connection.port,
            connection.extra_dejson["as"],
        )


class DoneSensor(BaseSensorOperator):
    @apply_defaults
    def __init__(self, times, *args, **kwargs):
        super(DoneSensor, self).__init__(*args, **kwargs)
        self.times = times

    def poke(self, context):
        self.times -= 1
        return self.times <= 0


class GreetPlugin(AirflowPlugin):
    name = "greet_plugin"
    operators = [GreetOperator]


default_args = {"owner": "airflow", "start_date": datetime(2021, 1, 1), "conn_id": "greeting"}
setting = Variable.get("one_setting", default_var="nobody")
as_json = Variable.get("one_json", deserialize_json=True)
with DAG(
    "one_own_operator", default_args=default_args, schedule_interval="*/10 * * * *", catchup=False, max_active_runs=1
) as dag:
    wait = DoneSensor(task_id="wait", times=2, poke_interval=0.01, timeout=60, mode="poke")
    greet = GreetOperator(
        task_id="greet", name=setting, words={"say": "{{ var.json.one_json.say }}"}, task_concurrency=1
    )
    absent = GreetOperator(task_id="absent", name="{{ var.value.get('not_there', 'you') }}", words=as_json)
    wait >> greet >> absent
