import pendulum
from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

with DAG(
    dag_id="two_mapping", schedule=None, start_date=pendulum.datetime(2023, 1, 1, tz="UTC"), max_active_tasks=4
) as dag:

    @task
    def numbers():
        return [1, 2, 3]

    @task
    def square(x, power):
        return x**power

    @task(trigger_rule="all_done")
    def total(values):
        return sum(values)

    squares = square.partial(power=2).expand(x=numbers())
    total(squares)
    shells = BashOperator.partial(task_id="shells").expand(bash_command=["echo a", "echo b"])
    with TaskGroup("work", tooltip="the work") as work:
        EmptyOperator(task_id="one") >> EmptyOperator(task_id="two")
    shells >> work
