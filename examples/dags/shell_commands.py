"""Commands of the shell. What a user may enter goes into the environment, never into the command's text."""

from __future__ import annotations

from orchestrator.sdk import DAG, BashOperator, Param, task

with DAG(
    "shell_commands",
    schedule=None,
    params={"words": Param("the quick brown fox", type="string", maxLength=200)},
    tags=["bash"],
):
    count = BashOperator(
        task_id="count_words",
        # The last line that a command prints is what the task returns.
        bash_command='echo "Counting: $WORDS"; echo "$WORDS" | wc -w | tr -d " "',
        env={"WORDS": "{{ params.words }}"},
        append_env=True,
    )

    @task.bash(env={"COUNT": "{{ ti.xcom_pull('count_words') }}"}, append_env=True)
    def draw_a_line() -> str:
        return 'for i in $(seq 1 "$COUNT"); do printf "="; done; echo'

    skipped = BashOperator(
        task_id="nothing_to_do",
        bash_command="echo 'exit code 99 says: skip me'; exit 99",
    )

    count >> draw_a_line()
