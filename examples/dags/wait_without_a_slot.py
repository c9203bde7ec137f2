"""Deferrable tasks: while they wait, no worker is busy with them; the triggerer waits for many at once."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.sdk import DAG, TimeDeltaSensor, WaitSensor, task

with DAG(
    "wait_without_a_slot",
    schedule=None,
    tags=["sensors", "deferrable"],
    doc_md="Watch **wait_*** turn violet: they are *deferred*, and take no slot until their moment has come.",
):

    @task
    def say_goodbye():
        print("That was a nice break.")

    waits = [
        TimeDeltaSensor(task_id="wait_3_seconds", delta=timedelta(seconds=3), deferrable=True),
        WaitSensor(task_id="wait_5_seconds", time_to_wait=timedelta(seconds=5), deferrable=True),
    ]
    waits >> say_goodbye()
