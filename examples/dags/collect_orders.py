"""An asset: what a task makes, so that other DAGs can run when it has changed (see report_on_orders)."""

from __future__ import annotations

import random

from orchestrator.sdk import DAG, Asset, Metadata, task

orders = Asset("orders", "x-example://orders", group="shop")

with DAG("collect_orders", schedule=None, tags=["assets"]):

    @task(outlets=[orders])
    def collect():
        rows = [{"item": item, "price": random.randint(2, 9)} for item in ("tea", "coffee", "cake")]
        print(f"collected {len(rows)} orders")
        # What is said of the asset goes with its event to whoever runs because of it.
        yield Metadata(orders, {"rows": len(rows), "total": sum(row["price"] for row in rows)})
        return rows

    collect()
