"""A group whose steps are only worth anything together is run again as a whole, and one customer at a time.

The first round writes a file that is too short; the check at its end fails, and the group begins anew.
"""

from datetime import timedelta

from orchestrator.sdk import dag, task, task_group


@dag(schedule=None, tags=["retries", "limits"], params={"customer": "acme"}, doc_md=__doc__)
def try_the_whole_again():
    @task_group(retries=2, retry_delay=timedelta(seconds=2))
    def deliver():
        @task
        def count(ti=None):
            """As many lines as rounds: the first has too few."""
            return ti.try_number

        @task(concurrency_key="warehouse of {{ params.customer }}", concurrency_limit=1)
        def load(lines):
            print(f"loading {lines} lines, and nobody else loads for this customer")
            return lines

        @task
        def check(lines):
            if lines < 2:
                raise ValueError(f"{lines} line is too short: once more, from the beginning")
            return f"{lines} lines are good"

        return check(load(count()))

    @task
    def tell(verdict):
        print(verdict)

    tell(deliver())


try_the_whole_again()
