from airflow import DAG
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator
from airflow.operators.subdag_operator import SubDagOperator
from airflow.utils.dates import days_ago

args = {"owner": "airflow", "start_date": days_ago(1)}


def measure(name, **context):
    return name + "@" + context["ds"]


def check(**context):
    ti = context["ti"]
    return [ti.xcom_pull(task_ids="measure-b"), ti.xcom_pull(dag_id="one_subdag.section", task_ids="measure-a")]


def section(parent, child, args):
    inner = DAG("%s.%s" % (parent, child), default_args=args, schedule_interval="@daily")
    tasks = [
        PythonOperator(
            task_id="measure-%s" % each, python_callable=measure, op_args=[each], provide_context=True, dag=inner
        )
        for each in "ab"
    ]
    last = PythonOperator(task_id="check", python_callable=check, provide_context=True, dag=inner)
    tasks >> last
    return inner


dag = DAG("one_subdag", default_args=args, schedule_interval="@once")
start = DummyOperator(task_id="start", dag=dag)
inner = section("one_subdag", "section", args)
part = SubDagOperator(task_id="section", subdag=inner, default_args=args, dag=dag)
end = DummyOperator(task_id="end", dag=dag)
start >> part >> end
