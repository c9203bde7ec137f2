from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator

with DAG(
    "two_templates",
    start_date=datetime(2022, 1, 1),
    schedule="0 0 * * *",
    catchup=False,
    render_template_as_native_obj=True,
    params={"limit": 5, "names": ["a", "b"]},
    user_defined_macros={"double": lambda value: value * 2},
) as dag:

    def show(limit, names, start, conf, **kwargs):
        return [type(limit).__name__, names, start, conf.get("core", "default_timezone"), kwargs["test_mode"]]

    PythonOperator(
        task_id="show",
        python_callable=show,
        op_kwargs={
            "limit": "{{ double(params.limit) }}",
            "names": "{{ params.names }}",
            "start": "{{ data_interval_start | ds }}",
        },
    ) >> BashOperator(
        task_id="shell",
        bash_command="echo $NAME $HOME_OF",
        env={
            "NAME": "{{ dag_run.conf.get('name', 'none') }}",
            "HOME_OF": "{{ task_instance.xcom_pull(task_ids='show')[0] }}",
        },
    )
