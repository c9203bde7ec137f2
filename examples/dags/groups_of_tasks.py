"""Task groups: folders of tasks that open and close in the graph, nested, and one made once per element."""

from __future__ import annotations

from orchestrator.sdk import DAG, EmptyOperator, TaskGroup, task, task_group

with DAG("groups_of_tasks", schedule=None, tags=["groups", "mapping"]):
    begin = EmptyOperator(task_id="begin")

    with TaskGroup("breakfast", tooltip="Everything that happens in the kitchen") as breakfast:

        @task
        def lay_the_table():
            print("Plates, cups, spoons.")

        with TaskGroup("hot_things"):

            @task
            def boil_eggs():
                print("Six minutes.")

            @task
            def brew_coffee():
                print("Four minutes.")

            boil_eggs() >> brew_coffee()

        lay_the_table()

    @task_group
    def guest(name: str):
        """The whole group runs once for each guest."""

        @task
        def invite(who: str) -> str:
            return f"Dear {who}, breakfast is ready."

        @task
        def send(text: str):
            print(text)

        send(invite(name))

    begin >> breakfast >> guest.expand(name=["Ada", "Grace", "Linus"])
