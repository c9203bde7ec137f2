"""Map indexes of mappings inside of mappings: paths as numbers, and back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.branches import BASE, MOST_LEVELS, children, index_of, label, name, path_of, ranges, whole_range

digits = st.integers(0, BASE - 1)
depths = st.integers(1, MOST_LEVELS)


@given(depths.flatmap(lambda depth: st.tuples(st.just(depth), st.lists(digits, max_size=depth))))
def test_a_path_comes_back_from_its_index(case: tuple[int, list[int]]):
    depth, path = case[0], tuple(case[1])
    index = index_of(path, depth)
    assert path_of(index, depth) == path
    assert (index >= 0) == (len(path) == depth) and -(2**63) <= index < 2**63


@pytest.mark.parametrize(
    ("path", "depth", "index"),
    [
        ((), 0, -1),
        ((), 1, -1),
        ((70_000,), 1, 70_000),
        ((), 2, -1),
        ((0,), 2, -2),
        ((2,), 2, -4),
        ((2, 7), 2, 20_007),
        ((0, 0), 3, -10_002),
        ((1, 0, 3), 3, 100_000_003),
    ],
)
def test_indexes_are_what_they_are_since_they_are_stored(path: tuple[int, ...], depth: int, index: int):
    assert index_of(path, depth) == index


@given(depths, st.data())
def test_indexes_sort_as_paths_do(depth: int, data: st.DataObject):
    paths = data.draw(st.lists(st.tuples(*[digits] * depth), min_size=2))
    assert [path_of(index, depth) for index in sorted(index_of(path, depth) for path in paths)] == sorted(paths)


@given(depths.flatmap(lambda depth: st.tuples(st.just(depth), *[st.lists(st.integers(0, 2), max_size=depth)] * 2)))
def test_ranges_hold_what_is_inside_of_a_branch_or_comes_before_it_and_nothing_else(
    case: tuple[int, list[int], list[int]],
):
    depth, branch, other = case[0], tuple(case[1]), tuple(case[2])
    index, shorter = index_of(other, depth), min(len(branch), len(other))
    belongs = branch[:shorter] == other[:shorter] and (len(other) >= len(branch) or len(other) < depth)
    assert any(first <= index <= last for first, last in ranges(branch, depth)) == belongs


@given(depths, st.data())
def test_children_are_one_level_below(depth: int, data: st.DataObject):
    path = tuple(data.draw(st.lists(digits, max_size=depth - 1)))
    count = data.draw(st.integers(1, 5))
    assert [path_of(index, depth) for index in children(path, count, depth)] == [(*path, at) for at in range(count)]


def test_whole_ranges_of_neighbours_touch():
    spans = [whole_range((at,), 3) for at in range(4)]
    assert all(one[1] + 1 == other[0] for one, other in pairwise(spans))


def test_people_read_paths():
    assert [label(3, 1), label(20_007, 2), label(-4, 2), label(-1, 2)] == ["3", "2 › 7", "2", ""]
    assert [name("t", -1, 0), name("t", 3, 1), name("t", 20_007, 2), name("t", -4, 2)] == [
        "t",
        "t[3]",
        "t[2][7]",
        "t[2]",
    ]
