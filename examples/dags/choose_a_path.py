"""Branching: a task that decides which of the tasks behind it run."""

from __future__ import annotations

from orchestrator.sdk import DAG, Label, Param, task

with DAG(
    "choose_a_path",
    schedule=None,
    params={
        "weather": Param("sunny", type="string", enum=["sunny", "rainy", "windy"], description="What is it like out?")
    },
    tags=["branching"],
    doc_md="Run it with another **weather** and see which task is skipped.",
):

    @task
    def look_outside(params: dict) -> str:
        print(f"It is {params['weather']}.")
        return params["weather"]

    @task.branch
    def decide(weather: str) -> str:
        return "go_for_a_walk" if weather == "sunny" else "stay_in"

    @task
    def go_for_a_walk():
        print("Sun cream on, off we go.")

    @task
    def stay_in():
        print("Tea, and a book.")

    # Runs whichever branch was taken: nothing above it failed, and one of them ran.
    @task(trigger_rule="none_failed_min_one_success")
    def write_diary():
        print("Dear diary, it was a good day.")

    choice = decide(look_outside())
    walk, stay, diary = go_for_a_walk(), stay_in(), write_diary()
    choice >> Label("sunny") >> walk >> diary
    choice >> Label("anything else") >> stay >> diary
