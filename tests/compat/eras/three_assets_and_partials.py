import pendulum
from airflow.sdk import DAG, Asset, AssetAlias, BaseOperator, Metadata, ObjectStoragePath, PokeReturnValue, XComArg, asset, chain, cross_downstream, dag, task, task_group
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.timetables.trigger import CronTriggerTimetable, MultipleCronTriggerTimetable

raw = Asset("s3://bucket/raw")
alias = AssetAlias("some")


@asset(uri="s3://bucket/clean", schedule=raw)
def three_clean(self):
    return "clean"


with DAG("three_assets_and_partials", schedule=MultipleCronTriggerTimetable("0 1 * * *", "0 13 * * *", timezone="UTC"), start_date=pendulum.datetime(2025, 1, 1, tz="UTC"), max_consecutive_failed_dag_runs=3, fail_fast=False):

    @task(outlets=[raw])
    def note(*, outlet_events):
        outlet_events[raw].extra = {"rows": 3}
        yield Metadata(raw, {"more": 1})

    @task
    def pairs():
        return [{"a": 1, "b": 2}, {"a": 3, "b": 4}]

    @task(map_index_template="{{ task.op_kwargs['a'] }}")
    def add(a, b):
        return a + b

    @task
    def zipped(values):
        return list(values)

    @task.sensor(poke_interval=1)
    def look() -> PokeReturnValue:
        return PokeReturnValue(is_done=True, xcom_value="seen")

    sums = add.expand_kwargs(pairs())
    doubled = sums.map(lambda value: value * 2)

    @task
    def total(values):
        return sum(values)

    many = BashOperator.partial(task_id="many", do_xcom_push=True).expand(env=[{"X": "1"}, {"X": "2"}], bash_command=["echo $X", "exit 99"])
    total.override(task_id="total")(sums)
    total.override(task_id="doubled")(zipped.override(task_id="list")(sums)) << note()
    total.override(task_id="of_map").expand(values=[[1, 2], [3]]) << look()
    add.override(task_id="cross").partial(a=10).expand(b=sums.zip(doubled).map(lambda pair: pair[0]))
