"""The order of grid and graph: what reading the list again and again, taking what is free, comes to."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.order import children_in_order, listed
from orchestrator.operators.empty import EmptyOperator
from orchestrator.sdk import DAG, TaskGroup


def grouped(arrows: list[tuple[str, str]], tasks: list[str]) -> DAG:
    """A DAG of tasks named as in ``g.h.a``, where the dots are groups."""
    with DAG("d", auto_register=False) as dag:
        groups: dict[str, TaskGroup] = {}
        made = {}
        for name in tasks:
            *around, label = name.split(".")
            parent = None
            for depth in range(len(around)):
                path = ".".join(around[: depth + 1])
                if path not in groups:
                    groups[path] = TaskGroup(around[depth], parent_group=parent)
                parent = groups[path]
            made[name] = EmptyOperator(task_id=label, task_group=parent or dag.task_group)
        for above, below in arrows:
            made[above] >> made[below]
    return dag


def names(dag: DAG) -> list[str]:
    return [name for _, (_, name) in listed(dag.to_spec())]


def test_what_waits_comes_behind_and_the_rest_by_name():
    dag = grouped([("b", "a"), ("d", "c"), ("d", "a")], ["c", "b", "a", "d"])
    assert names(dag) == ["b", "d", "a", "c"]


def test_a_group_waits_for_what_its_first_tasks_wait_for_only():
    dag = grouped([("z", "g.a"), ("g.a", "g.b"), ("y", "g.b"), ("g.a", "y")], ["g.a", "g.b", "z", "y"])
    assert names(dag) == ["z", "g", "g.a", "g.b", "y"]


def test_groups_that_wait_for_each_other_are_still_listed():
    dag = grouped([("g.a", "h.a"), ("h.b", "g.b")], ["h.a", "h.b", "g.a", "g.b"])
    assert names(dag) == ["h", "h.a", "h.b", "g", "g.a", "g.b"]


def test_a_long_chain_against_its_names_is_listed_at_once():
    tasks = [f"t{number:05}" for number in range(5000)]
    dag = grouped([(below, above) for above, below in itertools.pairwise(tasks)], tasks)
    assert names(dag) == tasks[::-1]


LABELS = [f"{prefix}{letter}" for prefix in ("", "g.", "h.", "g.i.") for letter in "abc"]
PAIRS = [(above, below) for at, above in enumerate(LABELS) for below in LABELS[at + 1 :]]


@given(st.permutations(LABELS), st.lists(st.sampled_from(PAIRS), max_size=14))
def test_it_is_what_reading_again_and_again_comes_to(order, pairs):
    place = {name: at for at, name in enumerate(order)}
    arrows = [(a, b) if place[a] < place[b] else (b, a) for a, b in pairs]
    spec = grouped(arrows, LABELS).to_spec()
    for parent, found in children_in_order(spec).items():
        read = reading(spec, parent)
        assert [name for _, name in found][: len(read)] == read
        assert sorted(found) == sorted(spec.children if parent is None else spec.groups[parent].children)


def reading(spec, parent):
    """Read the children by name over and over; stop where nothing more is free."""
    left = sorted(name for _, name in (spec.children if parent is None else spec.groups[parent].children))
    taken: list[str] = []
    while left:
        before = len(taken)
        for name in list(left):
            if not (waits(spec, name) & {each for each in left if each != name}):
                left.remove(name)
                taken.append(name)
        if len(taken) == before:
            break
    return taken


def waits(spec, name):
    """The tasks, and the groups around them, that a task or the first tasks of a group wait for."""
    inside = {task for task in spec.tasks if task == name or task.startswith(f"{name}.")}
    first = [task for task in inside if not set(spec.tasks[task].upstream) & inside]
    above = {other for task in first for other in spec.tasks[task].upstream}
    return above | {other[:at] for other in above for at, letter in enumerate(other) if letter == "."}
