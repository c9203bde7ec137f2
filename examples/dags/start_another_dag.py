"""One DAG starts another, hands it values, and waits until it is done."""

from __future__ import annotations

from orchestrator.sdk import DAG, TriggerDagRunOperator, task

with DAG(
    "start_another_dag",
    schedule=None,
    tags=["other DAGs"],
    doc_md="Starts **choose_a_path**; that DAG must not be paused, or its run waits until it is unpaused.",
):

    @task
    def pick_the_weather() -> str:
        return "rainy"

    start = TriggerDagRunOperator(
        task_id="start_it",
        trigger_dag_id="choose_a_path",
        conf={"weather": pick_the_weather()},
        note="started by {{ dag.dag_id }}",
        wait_for_completion=True,
        poke_interval=2,
        deferrable=True,
    )

    @task
    def done(which: str):
        print(f"The run {which} is over.")

    done(start.output["trigger_run_id"])
