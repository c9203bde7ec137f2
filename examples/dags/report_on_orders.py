"""A schedule on an asset: runs when collect_orders has made new orders, and sees what it said of them."""

from __future__ import annotations

from orchestrator.sdk import DAG, Asset, task

with DAG("report_on_orders", schedule=Asset("orders", "x-example://orders", group="shop"), tags=["assets"]):

    @task
    def report(*, triggering_asset_events) -> int:
        """Works by hand, too: then there are no events."""
        total = 0
        for asset, events in triggering_asset_events.items():
            for event in events:
                print(f"{asset.name}: {event.extra.get('rows')} rows from {event.source_dag_id} {event.source_run_id}")
                total += event.extra.get("total", 0)
        print(f"revenue: {total}")
        return total

    report()
