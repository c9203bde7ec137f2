"""The many DAGs that are alike: families of one file each, a DAG for every country."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = '''"""{doc}"""

from datetime import datetime, timedelta

from orchestrator.sdk import DAG, BashOperator, EmptyOperator, Label, TaskGroup, task

for country in {countries}:
    with DAG(
        f"{name}_{{country}}",
        schedule={schedule!r},
        start_date=datetime(2024, 1, 1),
        catchup=False,
        tags=[{tag!r}, country],
        description={doc!r},
        default_args={{"owner": {owner!r}, "retries": {retries}, "retry_delay": timedelta(minutes=1)}},
    ):
'''
SHAPES = {
    "load": """
        extract = BashOperator(task_id="extract", bash_command="echo 4211 rows")
        with TaskGroup("checks") as checks:
            for name in ("schema", "not_null", "freshness"):
                BashOperator(task_id=name, bash_command="true")
        load = BashOperator(task_id="load", bash_command="true")
        extract >> checks >> load >> BashOperator(task_id="tell", bash_command="true")
""",
    "fan": """
        begin, report = EmptyOperator(task_id="begin"), BashOperator(task_id="report", bash_command="true")
        for part in ("web", "app", "shop", "partners", "phone"):
            begin >> BashOperator(task_id=f"count_{part}", bash_command="true") >> report
""",
    "branch": """
        look = BashOperator(task_id="look", bash_command="true")
        full, part = BashOperator(task_id="full", bash_command="true"), BashOperator(task_id="part", bash_command="true")
        done = EmptyOperator(task_id="done", trigger_rule="none_failed_min_one_success")

        @task.branch
        def choose() -> str:
            return "part"

        choice = choose()
        look >> choice
        choice >> Label("monthly") >> full >> done
        choice >> Label("daily") >> part >> done
""",
    "mapped": """

        @task
        def list_files() -> list:
            return [f"file-{number}" for number in range(5)]

        @task(map_index_template="{{ file }}")
        def convert(file: str):
            print(f"converted {file}")

        convert.expand(file=list_files()) >> BashOperator(task_id="archive", bash_command="true")
""",
    "chain": """
        last = None
        for name in ("prepare", "train", "evaluate", "register"):
            step = BashOperator(task_id=name, bash_command="true")
            if last is not None:
                last >> step
            last = step
""",
}
COUNTRIES = [
    *("ar", "at", "au", "be", "br", "ca", "ch", "cl", "cz", "de", "dk", "es", "fi", "fr", "gr", "hu", "ie", "in", "it"),
    *("jp", "kr", "mx", "nl", "no", "nz", "pl", "pt", "ro", "se", "sg", "tr", "uk", "us", "za"),
]


@dataclass(frozen=True, slots=True)
class Family:
    """Its file, what its DAGs do, and how often."""

    path: str
    doc: str
    owner: str
    schedule: str | None
    shape: str

    @property
    def name(self) -> str:
        folder, _, file = self.path.partition("/")
        return f"{folder}_{file.removesuffix('.py')}"


FAMILIES = (
    Family("finance/revenue.py", "Revenue of yesterday.", "finance", "0 5 * * *", "load"),
    Family("finance/invoices.py", "Invoices that are due.", "finance", "30 6 * * *", "branch"),
    Family("finance/fraud.py", "Payments that look odd.", "risk", "0 * * * *", "fan"),
    Family("finance/closing.py", "Closing of the week.", "finance", "0 7 * * 1", "chain"),
    Family("marketing/campaigns.py", "What the campaigns brought.", "marketing", "0 6 * * *", "fan"),
    Family("marketing/audiences.py", "Who gets which mail.", "marketing", "0 3 * * *", "mapped"),
    Family("marketing/attribution.py", "Which click led to which order.", "marketing", "0 8 * * *", "load"),
    Family("sales/forecast.py", "What will be sold.", "sales", "0 4 * * *", "chain"),
    Family("sales/baskets.py", "What is bought together.", "sales", "0 9 * * *", "load"),
    Family("sales/leads.py", "Leads from the partners.", "sales", "0 */2 * * *", "mapped"),
    Family("logistics/routes.py", "Routes of tomorrow.", "logistics", "0 20 * * *", "fan"),
    Family("logistics/stock.py", "Stock of every house.", "logistics", "0 * * * *", "load"),
    Family("logistics/customs.py", "Papers for customs.", "logistics", None, "branch"),
    Family("ml/recommend.py", "The model that recommends.", "ml", "0 2 * * 0", "chain"),
    Family("ml/features.py", "Features of every customer.", "ml", "0 1 * * *", "mapped"),
    Family("ml/drift.py", "Whether the models still fit.", "ml", "0 10 * * *", "fan"),
    Family("platform/backups.py", "Backups of everything.", "platform", "0 0 * * *", "load"),
    Family("platform/cleanup.py", "What nobody needs any more.", "platform", "30 0 * * *", "branch"),
    Family("platform/costs.py", "What it all costs.", "platform", "0 12 * * *", "load"),
    Family("quality/freshness.py", "Whether the tables are fresh.", "data-quality", "*/30 * * * *", "fan"),
    Family("quality/duplicates.py", "Rows that are there twice.", "data-quality", "0 11 * * *", "load"),
    Family("reporting/board.py", "Figures for the board.", "reporting", "0 7 * * *", "branch"),
    Family("reporting/shops.py", "Figures for the shops.", "reporting", "30 7 * * *", "mapped"),
    Family("reporting/support.py", "How support is doing.", "reporting", "0 18 * * *", "chain"),
)


def files(count: int, era: int) -> dict[str, str]:
    """Return path -> text of files that define ``count`` DAGs in all; some were edited between one era and the next."""
    found: dict[str, str] = {}
    for at, family in enumerate(FAMILIES):
        own = count // len(FAMILIES) + (at < count % len(FAMILIES))
        if own:
            found[family.path] = _text(family, own, edited=at % 3 == 0 and era > 1, again=at % 6 == 0 and era > 2)
    return found


def _text(family: Family, count: int, *, edited: bool, again: bool) -> str:
    countries = tuple(COUNTRIES[:count]) or ("",)
    countries += tuple(f"region{number}" for number in range(len(COUNTRIES), count))
    head = HEAD.format(
        doc=family.doc,
        name=family.name,
        countries=countries,
        schedule=family.schedule,
        tag=family.path.partition("/")[0],
        owner=family.owner,
        retries=2 if edited else 1,
    )
    more = '        BashOperator(task_id="audit", bash_command="true")\n' if again else ""
    return head + SHAPES[family.shape].lstrip("\n") + more
