"""Mapping inside of mapping: each shop has orders, known when its branch gets there, and no shop waits for another."""

from __future__ import annotations

from orchestrator.sdk import dag, task, task_group


@dag(schedule=None, tags=["mapping"])
def orders_of_each_shop():
    """`pack` and `post` run once for each order of each shop; `close` waits for the orders of its own shop."""

    @task
    def shops() -> list:
        return ["Lisbon", "Oslo", "Quito"]

    @task(map_index_template="{{ shop }}")
    def orders(shop: str) -> list:
        return {"Lisbon": ["lamp", "desk"], "Oslo": ["chair", "sofa", "shelf"]}.get(shop, [])

    @task(map_index_template="{{ order }}")
    def pack(order: str) -> str:
        print("packed", order)
        return f"box with {order}"

    @task
    def post(box: str) -> int:
        print("posted", box)
        return len(box)

    @task(trigger_rule="none_failed", map_index_template="{{ shop }}")
    def close(shop: str) -> str:
        return f"{shop} is done"

    @task
    def report(done: list) -> None:
        print("\n".join(done))

    @task_group
    def each_order(order: str):
        return post(pack(order=order))

    @task_group
    def each_shop(shop: str):
        done = close(shop=shop)
        each_order.expand(order=orders(shop=shop)) >> done
        return done

    report(each_shop.expand(shop=shops()))


orders_of_each_shop()
