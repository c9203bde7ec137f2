"""A hundred lives of the engine, each decided by its seed.

``SIMULATION_SEEDS=2000`` makes as many; ``SIMULATION_SEED=17`` plays that one again.
"""

from __future__ import annotations

import os

import pytest

from dags_app.models import Dag
from runs_app import invariants
from runs_app.models import ControlState, DagRun, Process, TaskInstance
from tests.simulation.dags import undisturbed
from tests.simulation.world import World

ONE = os.environ.get("SIMULATION_SEED")
SEEDS = [int(ONE)] if ONE else range(int(os.environ.get("SIMULATION_SEEDS", "100")))
BATCH = 20
pytestmark = pytest.mark.django_db(transaction=True)


def simulate(seed: int) -> World:
    world = World(seed)
    with world.outside():
        world.set_out()
        world.run()
        judge(world)
    return world


def judge(world: World) -> None:
    told = f"seed {world.seed} (again: SIMULATION_SEED={world.seed} pytest tests/simulation)\n{world.report()}"
    twice = {key: count for key, count in world.accepted.ends.items() if count > 1}
    assert not twice, f"results accepted twice: {twice}\n{told}"
    broken = invariants.check(world.now)
    assert not broken, f"{broken}\n{told}"
    for run in DagRun.objects.filter(dag_id__in=world.plans):
        wanted = undisturbed(world.plans[run.dag_id].spec, world.plans[run.dag_id]) if not world.cleared else None
        if wanted is None:
            continue
        rows = TaskInstance.objects.filter(run=run).values_list("task_id", "map_index", "state")
        found = {(task_id, index): state for task_id, index, state in rows} | {("", -1): run.state}
        assert found == wanted, (
            f"{run} ended otherwise than undisturbed: {set(wanted.items()) ^ set(found.items())}\n{told}"
        )


def forget() -> None:
    for model in (DagRun, Process, Dag, ControlState):
        model._default_manager.all().delete()


@pytest.mark.parametrize("first", range(SEEDS[0], SEEDS[0] + len(SEEDS), BATCH))
def test_whatever_happens_every_run_ends_as_it_would_have(first: int, emptied: None):
    for seed in range(first, min(first + BATCH, SEEDS[0] + len(SEEDS))):
        simulate(seed)
        forget()


def test_the_same_seed_is_the_same_life(emptied: None):
    first = simulate(3).report()
    forget()
    assert simulate(3).report() == first


def test_the_seeds_hold_what_they_are_there_for(emptied: None):
    """Deaths before, within and after commits, lost messages, late results: all of them happen."""
    faults: set[str] = set()
    late = 0
    for seed in range(12):
        world = simulate(seed)
        faults |= world.faults.keys()
        late += world.accepted.late
        forget()
    wanted = {"kill", "freeze", "flush", "beat", "invitation lost", "finish died", "claim died", "control died"}
    assert wanted <= faults
    assert late
