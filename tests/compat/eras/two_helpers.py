from datetime import datetime, timedelta

from airflow import DAG
from airflow.configuration import conf
from airflow.models import Connection, DagRun, Param, TaskInstance
from airflow.models.dag import DagContext
from airflow.operators.python import PythonOperator
from airflow.settings import TIMEZONE
from airflow.utils import timezone
from airflow.utils.dates import date_range, days_ago, round_time
from airflow.utils.helpers import chunks, merge_dicts
from airflow.utils.module_loading import import_string
from airflow.utils.process_utils import execute_in_subprocess
from airflow.utils.state import DagRunState, State
from airflow.utils.timeout import timeout
from airflow.utils.types import DagRunType


def helpers(run: DagRun = None, ti: TaskInstance = None, **context):
    with timeout(10):
        execute_in_subprocess(["echo", "from a process"])
    Connection(conn_id="x", uri="postgres://u:p@h:5432/db")
    return {
        "dates": [str(each.date()) for each in date_range(datetime(2022, 1, 1), num=2, delta=timedelta(days=1))],
        "cron": [each.hour for each in date_range(datetime(2022, 1, 1), datetime(2022, 1, 1, 12), delta="0 */6 * * *")],
        "round": str(round_time(datetime(2022, 1, 1, 6), timedelta(days=1))),
        "chunks": list(chunks([1, 2, 3], 2)),
        "merged": merge_dicts({"a": {"b": 1}}, {"a": {"c": 2}}),
        "words": [State.SUCCESS, DagRunState.FAILED, DagRunType.MANUAL, conf.get("core", "parallelism"), TIMEZONE.name],
        "aware": timezone.is_localized(timezone.utcnow()),
        "loaded": import_string("airflow.operators.bash.BashOperator").__name__,
        "id": DagRun.generate_run_id(DagRunType.SCHEDULED, timezone.datetime(2022, 1, 1)),
    }


with DAG("two_helpers", start_date=days_ago(1), schedule="@daily", params={"x": Param(1, type="integer")}) as dag:
    assert DagContext.get_current_dag() is dag
    PythonOperator(task_id="helpers", python_callable=helpers)
