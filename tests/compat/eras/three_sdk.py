import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    Asset,
    Label,
    Param,
    TaskGroup,
    Variable,
    dag,
    task,
)

out = Asset(name="three_out", uri="file:///three_out")


@dag(
    schedule="0 3 * * *",
    start_date=pendulum.datetime(2025, 1, 1, tz="America/New_York"),
    tags=["three"],
    params={"n": Param(2, type="integer", minimum=1)},
)
def three_sdk():
    @task(outlets=[out])
    def make(params=None, *, logical_date=None):
        return {"n": params["n"], "date": str(logical_date.date())}

    @task.bash
    def shell(value):
        return f"echo n is {value['n']}"

    @task.short_circuit
    def go_on(text):
        return text == "n is 2"

    @task(task_display_name="The end")
    def end(**context):
        return [
            context["ti"].xcom_pull(task_ids="make")["n"],
            context["data_interval_start"] == context["data_interval_end"],
            Variable.get("nowhere", default="d"),
        ]

    value = make()
    gate = go_on(shell(value))
    with TaskGroup("rest") as rest:
        EmptyOperator(task_id="a") >> Label("then") >> EmptyOperator(task_id="b")
    gate >> rest >> end()


three_sdk()
