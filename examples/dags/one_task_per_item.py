"""Dynamic mapping: as many tasks as a list has elements, known only when the run gets there."""

from __future__ import annotations

from orchestrator.sdk import dag, task


@dag(schedule=None, tags=["mapping"])
def one_task_per_item():
    """`weigh` runs once for each parcel, all at the same time; `total` waits for all of them."""

    @task
    def parcels() -> list:
        return [
            {"to": "Lisbon", "kilos": 1.2},
            {"to": "Oslo", "kilos": 4.0},
            {"to": "Quito", "kilos": 0.8},
            {"to": "Seoul", "kilos": 2.5},
        ]

    @task(map_index_template="{{ parcel['to'] }}")
    def weigh(parcel: dict, price_per_kilo: float) -> float:
        price = round(parcel["kilos"] * price_per_kilo, 2)
        print(f"{parcel['to']}: {parcel['kilos']} kg, {price} to pay")
        return price

    @task
    def total(prices: list) -> float:
        return round(sum(prices), 2)

    total(weigh.partial(price_per_kilo=7.5).expand(parcel=parcels()))


one_task_per_item()
