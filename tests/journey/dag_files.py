"""The DAG files of the flows: small, quick, and each with what one flow needs."""

TAKINGS = """
from airflow.sdk import DAG, task

with DAG("takings", default_args={"email": "team@example.org"}) as dag:
    @task
    def read():
        return {"total": 12}

    @task
    def add_up(found):
        print("adding up", found)
        return found["sum"]

    @task
    def publish(total):
        print("published", total)

    publish(add_up(read()))
"""

ORDER = """
from airflow.sdk import DAG, Param, task

params = {
    "region": Param("north", enum=["north", "south"], values_display={"south": "The South"}),
    "amount": Param(3, type="integer", minimum=1, maximum=9),
    "weight": Param(None, type=["null", "number"]),
    "day": Param("2026-01-01", type="string", format="date"),
    "at": Param("2026-01-01T00:00:00+00:00", type="string", format="date-time"),
    "hour": Param("10:00:00", type="string", format="time"),
    "wait": Param("PT1H", type="string", format="duration"),
    "express": Param(False, type="boolean"),
    "shops": Param(["a"], type="array", examples=["a", "b", "c"]),
    "lines": Param(["x"], type="array", items={"type": "string"}),
    "numbers": Param([1], type="array", items={"type": "number"}),
    "options": Param({"a": 1}, type="object"),
    "either": Param("x", type=["string", "integer"]),
    "remark": Param("", type="string", format="multiline", section="More"),
    "token": Param("s", type="string", format="password", section="More"),
    "name": Param("Ada", type="string", minLength=2, maxLength=9, examples=["Ada", "Bo"], section="More"),
    "kind": Param("order", const="order"),
}

with DAG("order", params=params) as dag:
    @task
    def place(params=None):
        print("placed", params["amount"], "for", params["region"])
        return params

    place()
"""

ASK = """
from orchestrator.sdk import DAG, ApprovalOperator, Param, task

with DAG("ask") as dag:
    ask = ApprovalOperator(
        task_id="approve",
        subject="Release it?",
        params={"reason": Param("", type="string", minLength=3)},
    )

    @task
    def release():
        print("released")

    ask >> release()
"""

NIGHTLY = """
from datetime import datetime
from airflow.sdk import DAG, task

with DAG("nightly", schedule="@daily", start_date=datetime(2026, 3, 1), catchup=False) as dag:
    @task
    def count(dag_run=None):
        rows = dag_run.conf.get("rows", 10)
        print("counted", rows)
        return rows

    count()
"""

FILES = {"takings.py": TAKINGS, "order.py": ORDER, "ask.py": ASK, "nightly.py": NIGHTLY}
