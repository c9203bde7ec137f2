from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.datetime import BranchDateTimeOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import ShortCircuitOperator
from airflow.operators.weekday import BranchDayOfWeekOperator
from airflow.sensors.date_time import DateTimeSensorAsync
from airflow.utils.weekday import WeekDay

with DAG(
    "two_short_circuit_and_deferrable", start_date=datetime(2022, 1, 1), schedule=timedelta(days=1), catchup=False
) as dag:
    later = DateTimeSensorAsync(task_id="later", target_time="{{ execution_date.subtract(days=1) }}")
    weekday = BranchDayOfWeekOperator(
        task_id="weekday",
        week_day={WeekDay.FRIDAY},
        follow_task_ids_if_true="friday",
        follow_task_ids_if_false="other",
        use_task_execution_day=True,
    )
    when = BranchDateTimeOperator(
        task_id="when",
        target_lower=datetime(2000, 1, 1),
        target_upper=datetime(2100, 1, 1),
        follow_task_ids_if_true=["now"],
        follow_task_ids_if_false=["then"],
    )
    gate = ShortCircuitOperator(task_id="gate", python_callable=lambda: False, ignore_downstream_trigger_rules=False)
    end = EmptyOperator(task_id="end", trigger_rule="none_failed_min_one_success")
    later >> weekday >> [EmptyOperator(task_id="friday"), EmptyOperator(task_id="other")] >> end
    later >> when >> [EmptyOperator(task_id="now"), EmptyOperator(task_id="then")]
    gate >> EmptyOperator(task_id="skipped") >> end
