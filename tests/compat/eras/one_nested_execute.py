from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash_operator import BashOperator
from airflow.operators.python_operator import BranchPythonOperator, PythonOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.utils.dates import days_ago

default_args = {"owner": "airflow", "start_date": days_ago(3), "depends_on_past": True, "wait_for_downstream": True}


def run_inside(**context):
    inner = BashOperator(task_id="inner", bash_command="echo inside", dag=context["dag"])
    return inner.execute(context)


def remember(**context):
    Variable.set("one_seen", {"ds": context["ds"]}, serialize_json=True)
    found = Variable.get("one_seen", deserialize_json=True)
    return [found["ds"] == context["ds"], Variable.get("one_never", default_var=None)]


with DAG("one_nested_execute", default_args=default_args, schedule_interval="@daily", catchup=False) as dag:
    inside = PythonOperator(task_id="inside", python_callable=run_inside, provide_context=True)
    seen = PythonOperator(task_id="seen", python_callable=remember, provide_context=True)
    ways = BranchPythonOperator(task_id="ways", python_callable=lambda **kw: ["a", "b"], provide_context=True)
    a, b, c = (DummyOperator(task_id=each) for each in "abc")
    join = DummyOperator(task_id="join", trigger_rule="one_success")
    inside >> seen >> ways
    for each in (a, b, c):
        each.set_upstream(ways)
        each.set_downstream(join)
