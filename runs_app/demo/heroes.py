"""The DAG files that stand out: the wide and long ones, and one for each thing that pages show."""

from __future__ import annotations

from .sizes import GRID, LAKE, LOG, MAPPED, Sizes

ERAS = 3
"""So often the files were edited: each time some of them become another version."""

WAREHOUSE = '''"""Every night: load what the shops sold, build the marts, publish them."""

from datetime import datetime, timedelta

from orchestrator.sdk import DAG, EmptyOperator, Label, TaskGroup, task

SOURCES = {sources}
MARTS = {marts}

with DAG(
    "{dag_id}",
    schedule="0 2 * * *",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=2,
    tags=["warehouse", "nightly"],
    default_args={{"owner": "data-platform", "retries": {retries}, "retry_delay": timedelta(minutes=2)}},
    doc_md="# Warehouse\\n\\nLoads **every shop**, then builds the marts that the morning reports read.",
):

    @task
    def list_partitions() -> list:
        return [f"p{{number:02}}" for number in range(8)]

    @task(map_index_template="{{{{ partition }}}}")
    def load_partition(partition: str):
        print(f"loading {{partition}}")

    @task.branch
    def full_or_increment() -> str:
        return "increment"

    @task
    def step(name: str):
        print(f"{{name}} done")

    begin, merged = EmptyOperator(task_id="begin"), EmptyOperator(task_id="merged", trigger_rule="none_failed_min_one_success")
    with TaskGroup("load", tooltip="One group a source") as load:
        for source in SOURCES:
            with TaskGroup(source):
                extract, clean = step.override(task_id="extract")(source), step.override(task_id="clean")(source)
                with TaskGroup("checks") as checks:
                    step.override(task_id="not_null")(source)
                    step.override(task_id="unique")(source)
                extract >> clean >> checks >> step.override(task_id="stage")(source)
    partitions = load_partition.expand(partition=list_partitions())
    choice = full_or_increment()
    full, increment = step.override(task_id="full_refresh")("full"), step.override(task_id="increment")("increment")
    begin >> [load, partitions.operator] >> choice
    choice >> Label("first of the month") >> full >> merged
    choice >> Label("any other day") >> increment >> merged
    with TaskGroup("marts") as marts:
        for mart in MARTS:
            step.override(task_id=f"build_{{mart}}")(mart) >> step.override(task_id=f"test_{{mart}}")(mart)
    publish = step.override(task_id="publish")("publish")
    merged >> marts >> publish
    publish >> step.override(task_id="tell_everybody", trigger_rule="none_failed")("tell")
'''

LAKE_FILE = '''"""The whole lake: every table of every domain, from raw to served."""

from datetime import datetime, timedelta

from orchestrator.sdk import DAG, BashOperator, EmptyOperator, TaskGroup

DOMAINS = {domains}
TABLES = {tables}
MORE = {more}

with DAG(
    "{dag_id}",
    schedule="0 1 * * *",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    tags=["lake", "large"],
    default_args={{"owner": "data-platform", "retries": 1, "retry_delay": timedelta(minutes=1)}},
):
    begin = EmptyOperator(task_id="begin")
    for domain in DOMAINS:
        with TaskGroup(domain):
            with TaskGroup("raw") as raw:
                for number in range(TABLES):
                    BashOperator(task_id=f"copy_{{number:02}}", bash_command="true")
            with TaskGroup("refined") as refined:
                for number in range(TABLES):
                    BashOperator(task_id=f"clean_{{number:02}}", bash_command="true")
            serve = BashOperator(task_id="serve", bash_command="true")
            begin >> raw
            for number in range(TABLES):
                raw.children[f"{{domain}}.raw.copy_{{number:02}}"] >> refined.children[f"{{domain}}.refined.clean_{{number:02}}"] >> serve
    for number in range(MORE):
        begin >> BashOperator(task_id=f"statistics_{{number:02}}", bash_command="true")
'''

OTHERS = {
    "media/thumbnails.py": f'''"""A thumbnail of every picture: one run of very many mapped tasks."""

from orchestrator.sdk import dag, task


@dag("{MAPPED}", schedule=None, tags=["media", "mapped"], default_args={{"owner": "media", "retries": 1}})
def thumbnails():
    @task
    def list_pictures() -> list:
        return [f"picture-{{number:05}}.jpg" for number in range(1000)]

    @task(map_index_template="{{{{ picture }}}}")
    def resize(picture: str):
        print(f"resized {{picture}}")

    @task(trigger_rule="all_done")
    def index():
        print("indexed")

    resize.expand(picture=list_pictures()) >> index()


thumbnails()
''',
    "finance/export_ledger.py": f'''"""Writes out the whole ledger, and says so line by line."""

from orchestrator.sdk import DAG, task

with DAG("{LOG}", schedule=None, tags=["finance", "long log"], default_args={{"owner": "finance"}}):

    @task
    def export():
        for row in range(100):
            print(f"row {{row}} written")

    export()
''',
    "legal/contract_review.py": '''"""Contracts that somebody has to look at."""

from datetime import timedelta

from orchestrator.sdk import DAG, ApprovalOperator, HITLEntryOperator, HITLOperator, Param, task

with DAG("contract_review", schedule=None, tags=["legal", "people"], default_args={"owner": "legal"}):

    @task
    def fetch_contract():
        print("contract fetched")

    @task
    def sign():
        print("signed")

    approve = ApprovalOperator(
        task_id="approve",
        subject="Sign the contract with {{ params.get('partner', 'Northwind') }}?",
        body="Read **clause 7** first: it renews itself.",
        response_timeout=timedelta(days=30),
    )
    choose = HITLOperator(task_id="choose_archive", subject="Which archive?", options=["cold", "warm", "none"])
    amount = HITLEntryOperator(
        task_id="enter_amount", subject="What is the amount?", params={"amount": Param(1000, type="integer", minimum=1)}
    )
    fetch_contract() >> [approve, amount] >> sign() >> choose
''',
    "sales/assets.py": '''"""Orders and prices come in; the report follows when both are new."""

from orchestrator.sdk import DAG, Asset, task

orders, prices = Asset("orders", "s3://sales/orders"), Asset("prices", "s3://sales/prices", group="reference")
report_of_orders = Asset("order_report", "s3://reports/orders")

with DAG("orders_ingest", schedule="0 * * * *", catchup=False, tags=["sales", "assets"], default_args={"owner": "sales"}):

    @task(outlets=[orders])
    def ingest():
        print("4211 orders")

    ingest()

with DAG("prices_ingest", schedule="0 */6 * * *", catchup=False, tags=["sales", "assets"], default_args={"owner": "sales"}):

    @task(outlets=[prices])
    def ingest():
        print("312 prices")

    ingest()

with DAG("order_report", schedule=[orders, prices], tags=["sales", "assets"], default_args={"owner": "reporting"}):

    @task(inlets=[orders, prices], outlets=[report_of_orders])
    def write_report():
        print("report written")

    write_report()

with DAG("order_alerts", schedule=(orders | prices), tags=["sales", "assets"], default_args={"owner": "reporting"}):

    @task(inlets=[orders])
    def compare():
        print("nothing unusual")

    compare()
''',
    "platform/cluster_jobs.py": '''"""A cluster for an hour: what is made is taken away again, even when a job fails."""

from datetime import datetime, timedelta

from orchestrator.sdk import DAG, AsyncCallback, DeadlineAlert, DeadlineReference, SmtpNotifier, setup, task, teardown

with DAG(
    "cluster_jobs",
    schedule="0 4 * * *",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    tags=["platform", "setup and teardown"],
    default_args={"owner": "platform"},
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=10),
        callback=AsyncCallback(SmtpNotifier, kwargs={"to": "platform@example.org"}),
        name="before the day begins",
    ),
):

    @setup
    def make_cluster():
        print("cluster is up")

    @task
    def train():
        print("trained")

    @task
    def score():
        print("scored")

    @teardown
    def delete_cluster():
        print("cluster is gone")

    up, down = make_cluster(), delete_cluster()
    up >> train() >> score() >> down
    up >> down
''',
}

BROKEN = {
    "finance/currency_rates.py": "from orchestrator.sdk import DAG\n\nimport forex_client  # airflow plugin of old\n",
    "marketing/newsletter.py": 'from orchestrator.sdk import DAG\n\nwith DAG("newsletter", schedule="@daily"\n    pass\n',
    "ml/churn_model.py": "from orchestrator.sdk import DAG\n\nTHRESHOLDS = {}\nwith DAG('churn_model', schedule=THRESHOLDS['daily']):\n    pass\n",
}
SHOPS = [
    *("berlin", "bogota", "cairo", "delhi", "dublin", "hanoi", "lagos", "lima", "lisbon", "madrid", "nairobi", "oslo"),
    *("paris", "prague", "quito", "riga", "rome", "seoul"),
]
SUBJECTS = [
    *("orders", "returns", "customers", "products", "prices", "stock", "visits", "campaigns", "suppliers", "refunds"),
    *("loyalty", "delivery", "baskets", "taxes"),
]


def files(sizes: Sizes, era: int) -> dict[str, str]:
    """Return path -> text of the files as they were in this era (1 is the oldest, ``ERAS`` is now)."""
    return {"warehouse/nightly.py": _warehouse(sizes, era), "lake/refresh.py": _lake(sizes), **OTHERS, **BROKEN}


def _warehouse(sizes: Sizes, era: int) -> str:
    rest = sizes.grid_tasks - 9  # what is neither of a source nor of a mart
    marts = next(count for count in range(rest // 7, rest) if count and (rest - 2 * count) % 5 == 0)
    sources = (rest - 2 * marts) // 5
    earlier = ERAS - era  # fewer shops and marts, and one try only, in the beginning
    return WAREHOUSE.format(
        dag_id=GRID,
        sources=_names(SHOPS, max(1, sources - earlier)),
        marts=_names(SUBJECTS, max(1, marts - 2 * earlier)),
        retries=1 if era == 1 else 2,
    )


def _lake(sizes: Sizes) -> str:
    domains = max(1, min(20, sizes.lake_tasks // 20))
    tables = max(1, ((sizes.lake_tasks - 1) // domains - 1) // 2)
    more = max(0, sizes.lake_tasks - 1 - domains * (2 * tables + 1))
    return LAKE_FILE.format(dag_id=LAKE, domains=_names(SUBJECTS + SHOPS, domains), tables=tables, more=more)


def _names(known: list[str], count: int) -> list[str]:
    return [known[at] if at < len(known) else f"{known[at % len(known)]}_{at // len(known) + 1}" for at in range(count)]
