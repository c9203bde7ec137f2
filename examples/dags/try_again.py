"""Retries and callbacks: a task that fails at first, and functions that are told about it."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.sdk import DAG, task


def sorry(context):
    """Called after each try that will be followed by another."""
    ti = context["ti"]
    print(f"{ti.task_id} failed in try {ti.try_number}: {context['exception']}. It will be tried again.")


def hurray(context):
    """Called when the task has succeeded."""
    print(f"{context['ti'].task_id} made it in try {context['ti'].try_number}.")


def all_done(context):
    """Called when the whole run has succeeded."""
    print(f"Run {context['run_id']} is through.")


with DAG(
    "try_again",
    schedule=None,
    on_success_callback=all_done,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=1),
        "on_retry_callback": sorry,
        "on_success_callback": hurray,
        # With a mail server set (ORCHESTRATOR_SMTP_URL) and "email": "you@example.org" here,
        # every failed try is also told by mail.
    },
    tags=["retries", "callbacks"],
):

    @task
    def call_a_shaky_service(ti) -> str:
        if ti.try_number < 3:
            raise ConnectionError("nobody picked up")
        return "Hello?"

    @task(execution_timeout=timedelta(seconds=30))
    def write_down(answer: str):
        print(f"They said: {answer}")

    write_down(call_a_shaky_service())
