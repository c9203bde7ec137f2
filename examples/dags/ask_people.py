"""Ask people, and go on with what they say; nothing waits in a slot meanwhile.

Trigger it, then look under "Required actions".
"""

from datetime import timedelta

from orchestrator.sdk import DAG, ApprovalOperator, HITLBranchOperator, HITLEntryOperator, Param, task

with DAG(dag_id="ask_people", tags=["people"], doc_md=__doc__):
    order = HITLEntryOperator(
        task_id="order",
        subject="What shall be ordered?",
        params={
            "item": Param("paper", type="string", enum=["paper", "pens", "coffee"], title="Item"),
            "amount": Param(2, type="integer", minimum=1, maximum=20, title="How many", description="1 to 20"),
        },
    )

    approve = ApprovalOperator(
        task_id="approve",
        subject="Order {{ ti.xcom_pull(task_ids='order')['params_input']['amount'] }} "
        "times {{ ti.xcom_pull(task_ids='order')['params_input']['item'] }}?",
        body="Nobody needs to say **no**: after an hour that is the answer.",
        defaults="Reject",
        response_timeout=timedelta(hours=1),
    )

    deliver = HITLBranchOperator(
        task_id="how",
        subject="How shall it come?",
        options=["by mail", "by bike"],
        options_mapping={"by mail": "mail", "by bike": "bike"},
        defaults=["by mail"],
        response_timeout=timedelta(minutes=10),
    )

    @task
    def mail():
        print("It comes by mail")

    @task
    def bike():
        print("It comes by bike")

    order >> approve >> deliver >> [mail(), bike()]
