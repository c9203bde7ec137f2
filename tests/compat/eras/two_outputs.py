import pendulum
from airflow import DAG
from airflow.decorators import task, task_group
from airflow.models import Variable
from airflow.models.baseoperator import cross_downstream
from airflow.models.param import Param
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import BranchPythonOperator, PythonOperator
from airflow.utils.task_group import TaskGroup

LIMIT = int(Variable.get("two_limit", default_var=2))

with DAG(
    dag_id="two_outputs",
    start_date=pendulum.today("UTC").add(days=-2),
    schedule="@daily",
    params={"who": Param("me", type=["null", "string"], enum=["me", "you", None]), "n": Param(3, type="integer", minimum=1)},
    on_success_callback=[lambda context: print("DAG DONE", context["dag_run"].run_id[:8], context["reason"])],
    tags=["a", "b"],
    owner_links={"me": "https://example.org"},
    default_args={"owner": "me", "retries": 0},
) as dag:
    made = PythonOperator(task_id="made", python_callable=lambda: {"k": [1, 2], "n": 5})
    used = PythonOperator(task_id="used", python_callable=lambda a, b, **kw: [a["n"], b, kw["params"]["who"]], op_kwargs={"a": made.output, "b": made.output["k"]} if LIMIT < 0 else {"a": made.output, "b": LIMIT})
    shell = BashOperator(task_id="shell", bash_command=f"echo {made.output}")

    with TaskGroup("outer") as outer:
        with TaskGroup("flat", prefix_group_id=False):
            EmptyOperator(task_id="flat_one")
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "outer.left")
        choose >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]

    @task.python(task_id="renamed", trigger_rule="none_failed")
    def original(x):
        return x

    @task.sensor(poke_interval=1, timeout=10, mode="poke")
    def ready():
        return True

    @task_group(group_id="by_name", default_args={"owner": "group"})
    def group():
        original.override(task_id="again")("again")

    cross_downstream([used, shell], [outer, ready()])
    outer >> original("x") >> group()
