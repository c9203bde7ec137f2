"""A small real pipeline: a quarter's orders from a file to a database and a report with a chart.

extract -> validate -> aggregate (once for each region) -> load into SQLite -> report -> mail

The report and the database are written below the folder named by the variable ``sales_report_folder``, else
by ``ORCHESTRATOR_TASK_OUTPUT`` in the workers' environment, else below the system's folder for temporary files.
The mail goes to the variable ``sales_report_to``, if a mail server is set.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from orchestrator.sdk import DAG, EmailOperator, Variable, task

DATA = Path(__file__).parent / "data/sales.csv"


def output_folder() -> Path:
    import os
    import tempfile

    default = os.environ.get("ORCHESTRATOR_TASK_OUTPUT") or tempfile.gettempdir()
    folder = Path(Variable.get("sales_report_folder", default=default)) / "sales_report"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


with DAG(
    "sales_report",
    schedule="0 7 * * 1",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 1},
    tags=["pipeline", "mapping"],
    doc_md=__doc__,
):

    @task
    def extract() -> list:
        """Read the file as it is; every value is still text."""
        import csv

        with DATA.open(newline="") as file:
            rows = list(csv.DictReader(file))
        print(f"{len(rows)} orders in {DATA.name}")
        return rows

    @task
    def validate(rows: list) -> list:
        """Keep what makes sense, say what does not, and stop if too much is wrong."""
        from datetime import date

        good, bad = [], []
        for row in rows:
            try:
                order = {
                    "order_id": int(row["order_id"]),
                    "date": date.fromisoformat(row["date"]).isoformat(),
                    "region": row["region"] or None,
                    "product": row["product"],
                    "quantity": int(row["quantity"]),
                    "unit_price": float(row["unit_price"]),
                }
                if order["region"] is None or order["quantity"] <= 0:
                    raise ValueError("no region" if order["region"] is None else "nothing was ordered")
                good.append(order)
            except ValueError as error:
                bad.append(row["order_id"])
                print(f"order {row['order_id']} is left out: {error}")
        if len(bad) > len(rows) / 20:
            raise ValueError(f"{len(bad)} of {len(rows)} orders are wrong: is this the right file?")
        return good

    @task
    def regions(orders: list) -> list:
        return sorted({order["region"] for order in orders})

    @task(map_index_template="{{ region }}")
    def aggregate(region: str, orders: list) -> dict:
        """Sum up one region by month and by product."""
        months: dict = {}
        products: dict = {}
        for order in orders:
            if order["region"] == region:
                value = order["quantity"] * order["unit_price"]
                months[order["date"][:7]] = months.get(order["date"][:7], 0) + value
                products[order["product"]] = products.get(order["product"], 0) + value
        best = max(products, key=products.get)
        print(f"{region}: {sum(months.values()):.2f}, mostly {best}")
        return {"region": region, "months": {name: round(months[name], 2) for name in sorted(months)}, "best": best}

    @task
    def load(summaries: list) -> str:
        """Write one row a region and month; running again replaces them."""
        import sqlite3
        from contextlib import closing

        path = output_folder() / "sales.db"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS revenue (region TEXT, month TEXT, value REAL, PRIMARY KEY (region, month))"
            )
            database.executemany(
                "INSERT INTO revenue VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                [(each["region"], month, value) for each in summaries for month, value in each["months"].items()],
            )
        return str(path)

    @task
    def report(path: str, summaries: list) -> str:
        """Draw the revenue of each region and month as bars, from what the database holds now."""
        import sqlite3
        from contextlib import closing
        from html import escape

        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT region, month, value FROM revenue ORDER BY region, month").fetchall()
        most = max(value for _, _, value in rows)
        bars = []
        for place, (region, month, value) in enumerate(rows):
            y, width = 24 * place, round(400 * value / most)
            bars.append(
                f'<text x="0" y="{y + 14}">{escape(region)} {escape(month)}</text>'
                f'<rect x="130" y="{y + 2}" width="{width}" height="16" fill="#3b7ea1"/>'
                f'<text x="{140 + width}" y="{y + 14}">{value:,.0f}</text>'
            )
        best = "".join(f"<li>{escape(each['region'])}: {escape(each['best'])}</li>" for each in summaries)
        page = (
            "<!doctype html><meta charset='utf-8'><title>Sales report</title>"
            "<body style='font: 14px sans-serif; margin: 2em'><h1>Revenue by region and month</h1>"
            f'<svg width="640" height="{24 * len(rows)}" font-size="13">{"".join(bars)}</svg>'
            f"<h2>Best product</h2><ul>{best}</ul>"
        )
        target = output_folder() / "report.html"
        target.write_text(page, encoding="utf-8")
        print(f"The report is in {target}")
        return str(target)

    @task.short_circuit
    def somebody_to_tell() -> bool:
        """Go on only if there is a mail server, and somebody who wants the mail."""
        from orchestrator.operators.email import find_server

        return find_server() is not None and bool(Variable.get("sales_report_to", default=""))

    mail = EmailOperator(
        task_id="mail",
        to="{{ var.value.get('sales_report_to', '') }}",
        subject="Sales report of {{ run_id }}",
        html_content="<p>The new sales report is attached.</p>",
        files=["{{ ti.xcom_pull('report') }}"],
    )

    orders = validate(extract())
    summaries = aggregate.partial(orders=orders).expand(region=regions(orders))
    report(load(summaries), summaries) >> somebody_to_tell() >> mail
