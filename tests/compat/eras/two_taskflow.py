from datetime import datetime

from airflow.decorators import dag, task, task_group
from airflow.operators.python import get_current_context


@dag(
    schedule_interval="@hourly",
    start_date=datetime(2022, 1, 1),
    catchup=False,
    tags=["etl"],
    default_args={"retries": 0},
    max_active_runs=1,
)
def two_taskflow(factor: int = 3):
    """# ETL"""

    @task
    def extract() -> dict:
        return {"a": 1, "b": 2}

    @task(multiple_outputs=True)
    def split(data: dict):
        return {"small": min(data.values()), "large": max(data.values())}

    @task_group
    def load(small, large):
        @task(task_id="sum")
        def add(x, y, factor):
            return (x + y) * int(factor)

        return add(small, large, factor)

    @task.branch
    def decide(total):
        return "good" if total > 5 else "bad"

    @task
    def good(ds=None, ti=None):
        context = get_current_context()
        return [ds == context["ds"], ti.task_id]

    @task
    def bad():
        return "bad"

    parts = split(extract())
    total = load(parts["small"], parts["large"])
    decide(total) >> [good(), bad()]


two_taskflow_dag = two_taskflow()
