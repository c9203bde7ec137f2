"""A schedule of seven mornings that are long over: with ``catchup`` each of them gets its run, two at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.sdk import DAG, EventsTimetable, task

with DAG(
    "catch_up_a_week",
    # Usually this is a cron expression such as "0 6 * * *"; dates that are written down end by themselves.
    schedule=EventsTimetable([datetime(2026, 1, day, 6, tzinfo=UTC) for day in range(5, 12)]),
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=True,
    max_active_runs=2,
    tags=["schedule", "catchup"],
    doc_md="Unpause it: seven runs, Monday to Sunday, and then never again.",
):

    @task
    def which_day(logical_date=None, ds=None) -> str:
        print(f"This run is for {logical_date:%A}, {ds}.")
        return ds

    # depends_on_past: a day waits for the same task of the day before.
    @task(depends_on_past=True)
    def turn_the_page(day: str):
        print(f"{day} is in the book.")

    turn_the_page(which_day())
