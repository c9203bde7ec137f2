from datetime import timedelta

import pendulum
from airflow import DAG
from airflow.hooks.base import BaseHook
from airflow.models import BaseOperator
from airflow.models.baseoperator import BaseOperatorLink
from airflow.notifications.basenotifier import BaseNotifier
from airflow.operators.python import get_current_context
from airflow.decorators import task
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.utils.context import Context


class EveryOther(Timetable):
    def infer_manual_data_interval(self, *, run_after):
        return DataInterval(start=run_after - timedelta(days=2), end=run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction: TimeRestriction):
        start = last_automated_data_interval.end if last_automated_data_interval else restriction.earliest
        return DagRunInfo.interval(start=start, end=start + timedelta(days=2))


class Page(BaseOperatorLink):
    name = "Page"

    def get_link(self, operator, *, ti_key):
        return f"https://example.org/{ti_key.task_id}"


class Tell(BaseNotifier):
    template_fields = ("message",)

    def __init__(self, message):
        super().__init__()
        self.message = message

    def notify(self, context):
        print("TOLD", self.message)


class RocketHook(BaseHook):
    conn_name_attr = "rocket_conn_id"
    default_conn_name = "rocket_default"
    conn_type = "rocket"
    hook_name = "Rocket"

    def __init__(self, rocket_conn_id: str = default_conn_name, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.connection = self.get_connection(rocket_conn_id)

    def get_conn(self):
        return f"{self.connection.conn_type}://{self.connection.login}@{self.connection.host}/{self.connection.schema}"


class Launch(BaseOperator):
    template_fields = ("where",)
    template_fields_renderers = {"where": "json"}
    operator_extra_links = (Page(),)

    def __init__(self, *, where: dict, conn_id: str = "greeting", **kwargs) -> None:
        super().__init__(**kwargs)
        self.where, self.conn_id = where, conn_id

    def execute(self, context: Context):
        self.xcom_push(context, key="where", value=self.where)
        return RocketHook(self.conn_id).get_conn()

    def on_kill(self) -> None:
        self.log.info("killed")


with DAG("two_own_timetable_and_hooks", timetable=EveryOther(), start_date=pendulum.datetime(2022, 1, 1), catchup=False) as dag:
    launch = Launch(task_id="launch", where={"to": ["{{ data_interval_start | ds }}", 1]}, on_success_callback=Tell(message="{{ ti.task_id }} went well"))

    @task
    def looked(where):
        context = get_current_context()
        return [where, (context["data_interval_end"] - context["data_interval_start"]).days]

    looked(launch.output) if False else launch >> looked("{{ ti.xcom_pull(task_ids='launch', key='where')['to'][0] }}")
