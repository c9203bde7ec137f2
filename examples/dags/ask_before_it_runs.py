"""Params: a form in front of the run, checked against a JSON schema before anything starts."""

from __future__ import annotations

from orchestrator.sdk import Param, dag, task


@dag(
    schedule=None,
    tags=["params"],
    params={
        "name": Param("Sam", type="string", minLength=1, maxLength=40, title="Whose birthday is it?"),
        "age": Param(7, type="integer", minimum=1, maximum=120, title="How many candles?"),
        "flavour": Param("lemon", type="string", enum=["lemon", "chocolate", "carrot"], title="Which cake?"),
        "guests": Param(["Ada", "Grace"], type="array", items={"type": "string"}, title="Who comes?"),
        "day": Param("2026-05-01", type="string", format="date", title="When?"),
        "note": Param(None, type=["null", "string"], description="Anything else we should know"),
    },
)
def ask_before_it_runs():
    """Trigger it: the form comes from the params below, with their limits."""

    @task
    def bake(params: dict) -> str:
        return f"A {params['flavour']} cake with {params['age']} candles for {params['name']}"

    @task
    def invite(cake: str, params: dict):
        for guest in params["guests"]:
            print(f"{guest}, come on {params['day']}! There is: {cake}. {params['note'] or ''}")

    invite(bake())


ask_before_it_runs()
