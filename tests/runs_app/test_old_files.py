"""A file of Airflow 1 in the real engine, by real children of a worker slot: what only a server can answer it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.core.ids import opaque_id
from orchestrator.core.serde import dag_from_json
from orchestrator.runtime.client import ForkServer
from runs_app.models import XCom
from tests.support import factories

from .test_worker import run_of, slot

assert slot  # the fixture

SOURCE = """
from datetime import datetime
from airflow import DAG
from airflow.operators.python_operator import PythonOperator
from airflow.operators.subdag_operator import SubDagOperator

args = {"start_date": datetime(2020, 1, 1), "provide_context": True}
dag = DAG("d", default_args=args, schedule_interval=None)
inner = DAG("d.part", default_args=args, schedule_interval=None)

def push(**context):
    context["ti"].xcom_push("token", "abc")
    return "pushed"

def pull(**context):
    ti, run = context["ti"], context["dag_run"]
    states = {each.task_id: each.state for each in run.get_task_instances()}
    pulled = [ti.xcom_pull(key="token"), ti.xcom_pull(), ti.xcom_pull(key="nowhere"), ti.xcom_pull("push", dag_id="d.part")]
    return pulled + [states["part.push"], run.get_task_instance("broken").state, "/tasks/pull?try_number=1" in ti.log_url, str(ti.id)]

def fail(**context):
    raise ValueError("broken")

PythonOperator(task_id="push", python_callable=push, dag=inner)
part = SubDagOperator(task_id="part", subdag=inner, dag=dag)
broken = PythonOperator(task_id="broken", python_callable=fail, dag=dag)
last = PythonOperator(task_id="pull", python_callable=pull, trigger_rule="all_done", dag=dag)
part >> broken >> last
"""


def test_a_subdag_xcoms_of_any_task_and_the_states_of_others(slot: Any, tmp_path: Path):
    (tmp_path / "d.py").write_text(SOURCE)
    server = ForkServer()
    try:
        found = server.parse(str(tmp_path), "d.py", timeout=20, memory_bytes=1 << 30)
    finally:
        server.close()
    assert found.errors == [] and [each["dag_id"] for each in found.dags] == ["d"]
    factories.make_dag(spec=dag_from_json(found.dags[0]), source=SOURCE, file=factories.make_file("d.py"))
    run = run_of(slot)
    assert run.state == "success"
    found = XCom.objects.get(run=run, task_id="pull", key="return_value")
    its_id = opaque_id(found.task_instance_id)
    assert found.value == ["abc", "pushed", None, "pushed", "success", "failed", True, its_id]
