"""Modules, not classes, are imported; arrows from the DAG; macros of all kinds."""
import functools

import airflow
from airflow import models
from airflow.operators import BashOperator as OldBash
from airflow.operators import bash_operator, dummy_operator, python_operator
from airflow.utils.log.logging_mixin import LoggingMixin
from datetime import datetime, timedelta

dag = models.DAG("one_modules", default_args={"start_date": datetime(2016, 1, 1), "owner": "x"}, schedule_interval=timedelta(1), params={"table": "t", "n": 1})
dag.doc_md = __doc__


class Work(object):
    def __call__(self, *args, **kwargs):
        LoggingMixin().log.info("called")
        return sorted(set(kwargs) & {"ds", "execution_date", "next_execution_date", "prev_execution_date", "macros", "var", "conf", "tomorrow_ds_nodash", "ti", "dag_run", "params", "test_mode", "latest_date"})

    def method(self, ds, n=None, **kwargs):
        return (ds, n)


COMMAND = "echo {{ (execution_date - macros.timedelta(days=1)).strftime('%Y-%m') }} {{ params.table }}{{ params.n + 1 }} {{ ts_nodash_with_tz[:8] }} {{ dag_run.conf.get('x', 'none') if dag_run else '' }} {{ macros.datetime(2020, 1, 1).year }} {{ task_instance_key_str }} {{ macros.uuid.UUID(int=1).version }}"
first = dummy_operator.DummyOperator(task_id="first")
macros = bash_operator.BashOperator(task_id="macros", bash_command=COMMAND, dag=dag)
called = python_operator.PythonOperator(task_id="called", python_callable=Work(), provide_context=True, dag=dag)
method = python_operator.PythonOperator(task_id="method", python_callable=functools.partial(Work().method, n=5), provide_context=True, dag=dag)
old = OldBash(task_id="old", bash_command="echo {{ ti.xcom_pull(task_ids=['macros', 'method']) | length }}", dag=dag, trigger_rule="dummy")
dag >> first
first >> macros >> [called, method] >> old

if __name__ == "__main__":
    dag.cli()
