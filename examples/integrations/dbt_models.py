"""A dbt project as a task group: one task per model, in the order of their references, each tested before others use it.

Needs dbt-core with an adapter (here dbt-duckdb), best in an environment of its own: the param ``dbt`` names the program.
"""

import re
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, TaskGroup

PROJECT = Path(__file__).parent / "dbt_shop"
NEEDED = ["dbt_project.yml", "profiles.yml", "seeds/raw_orders.csv", "models/schema.yml"]
SOURCES = {path.stem: path.read_text() for path in sorted(PROJECT.glob("models/*.sql"))}
KEPT = [(PROJECT / name).read_text() for name in NEEDED]  # what is opened here belongs to the DAG's version
REFERENCE = re.compile(r"ref\('(\w+)'\)")


def dbt(task_id: str, words: str) -> BashOperator:
    return BashOperator(
        task_id=task_id,
        bash_command="{{ params.dbt }} " + words,
        cwd=str(PROJECT),
        append_env=True,
        env={
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_LOG_PATH": "{{ params.place }}/logs",
            "DBT_TARGET_PATH": "{{ params.place }}/target",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "SHOP_DATABASE": "{{ params.place }}/shop.duckdb",
        },
    )


with DAG(
    "dbt_models",
    tags=["dbt"],
    max_active_tasks=1,  # DuckDB lets one process write
    params={
        "dbt": Param("dbt", type="string", description="The program"),
        "place": Param("/tmp", type="string", description="Folder for the database, and what dbt writes"),
    },
) as dag:
    seed = dbt("seed", "seed")
    with TaskGroup("models") as group:
        made = {name: dbt(name, f"build --select {name}") for name in SOURCES}
    for name, source in SOURCES.items():
        for other in REFERENCE.findall(source):
            made.get(other, seed) >> made[name]
