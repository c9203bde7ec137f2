"""Sensors: tasks that wait until something is so, here for a file and for a moment."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from orchestrator.sdk import DAG, FileSensor, PokeReturnValue, TimeDeltaSensor, get_current_context, task


def letter_of_this_run() -> Path:
    run_id = get_current_context()["run_id"]
    safe = "".join(each if each.isalnum() else "-" for each in run_id)
    return Path(tempfile.gettempdir()) / f"letter-{safe}.txt"


with DAG("wait_for_something", schedule=None, tags=["sensors"]):

    @task
    def post_a_letter() -> str:
        path = letter_of_this_run()
        path.write_text("Greetings from the other task.\n")
        return str(path)

    # Looks every second, at most half a minute, and gives its slot back in between.
    @task.sensor(poke_interval=1, timeout=30, mode="reschedule")
    def letter_has_words(path: str) -> PokeReturnValue:
        text = Path(path).read_text() if Path(path).exists() else ""
        return PokeReturnValue(is_done=bool(text.split()), xcom_value=len(text.split()))

    @task
    def read_it(path: str, words: int):
        print(f"{words} words: {Path(path).read_text()}")
        Path(path).unlink()

    letter = post_a_letter()
    arrived = FileSensor(task_id="letter_is_there", filepath=letter, poke_interval=1, timeout=30)
    a_moment = TimeDeltaSensor(task_id="a_moment_later", delta=timedelta(seconds=2), poke_interval=1, timeout=60)
    words = letter_has_words(letter)
    [arrived, a_moment] >> words
    read_it(letter, words)
