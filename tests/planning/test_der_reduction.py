"""Backward reduction against its definition, and against transport as a linear program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from roadvolt.planning.der.reduction import backward_reduction

seeds = st.integers(0, 2**32 - 1)


def cloud(seed: int, items: int, features: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Points, and weights that no two sets share: no step is a draw."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.1, 1, items)
    return rng.standard_normal((items, features)), weight / weight.sum()


def kantorovich(points: np.ndarray, weight: np.ndarray, kept: list[int]) -> float:
    """Sum over all points of weight times distance to the nearest kept, loop by loop."""
    return sum(
        weight[k] * min(float(np.linalg.norm(points[k] - points[j])) for j in kept)
        for k in range(len(points))
    )


def by_definition(points: np.ndarray, weight: np.ndarray, keep: int) -> list[int]:
    """Drops one at a time the point whose loss leaves the least distance."""
    kept = list(range(len(points)))
    while len(kept) > keep:
        left = {out: [j for j in kept if j != out] for out in kept}
        kept.remove(min(kept, key=lambda out: kantorovich(points, weight, left[out])))
    return kept


def transport(points: np.ndarray, weight: np.ndarray, kept: np.ndarray) -> float:
    """Least cost of moving all weight to the kept points, whatever they then hold."""
    cost = np.linalg.norm(points[:, None] - points[kept][None], axis=2)
    leaves = np.kron(np.eye(len(points)), np.ones(len(kept)))
    return float(linprog(cost.ravel(), A_eq=leaves, b_eq=weight).fun)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, items=st.integers(2, 9), features=st.integers(1, 4), data=st.data())
def test_every_step_is_the_one_of_the_definition(
    seed: int, items: int, features: int, data: st.DataObject
) -> None:
    keep = data.draw(st.integers(1, items))
    points, weight = cloud(seed, items, features)
    kept, _ = backward_reduction(points, keep, weight)
    assert kept.tolist() == by_definition(points, weight, keep)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, items=st.integers(2, 12), data=st.data())
def test_weight_goes_to_the_nearest_so_that_transport_costs_least(
    seed: int, items: int, data: st.DataObject
) -> None:
    keep = data.draw(st.integers(1, items))
    points, weight = cloud(seed, items)
    kept, held = backward_reduction(points, keep, weight)
    assert held.sum() == pytest.approx(1)
    nearest = [min(kept, key=lambda j: np.linalg.norm(points[k] - points[j])) for k in range(items)]
    assert held == pytest.approx([weight[np.array(nearest) == j].sum() for j in kept])
    least = transport(points, weight, kept)
    assert kantorovich(points, weight, kept.tolist()) == pytest.approx(least, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, items=st.integers(1, 30))
def test_keeping_all_changes_nothing(seed: int, items: int) -> None:
    points, weight = cloud(seed, items)
    kept, held = backward_reduction(points, items, weight)
    assert kept.tolist() == list(range(items))
    assert np.array_equal(held, weight)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, items=st.integers(3, 30), data=st.data())
def test_the_order_of_items_does_not_matter(seed: int, items: int, data: st.DataObject) -> None:
    keep = data.draw(st.integers(1, items))
    points, weight = cloud(seed, items)
    order = np.random.default_rng(seed + 1).permutation(items)
    kept, held = backward_reduction(points, keep, weight)
    again, again_held = backward_reduction(points[order], keep, weight[order])
    back = order[again]
    assert sorted(back) == kept.tolist()
    np.testing.assert_allclose(again_held[np.argsort(back)], held)


def test_items_weigh_the_same_unless_said_otherwise() -> None:
    """Two clusters on a line: 0, 1, 2 and 10, 11. Its middles remain, the first of a tie goes."""
    kept, held = backward_reduction(np.array([[0.0], [1.0], [2.0], [10.0], [11.0]]), 2)
    assert kept.tolist() == [1, 4]
    assert held == pytest.approx([0.6, 0.4])


def test_a_heavy_outlier_stays_and_a_light_one_goes() -> None:
    points = np.array([[0.0], [1.0], [20.0]])
    assert backward_reduction(points, 2, np.array([0.5, 0.4999, 1e-4]))[0].tolist() == [0, 1]
    assert backward_reduction(points, 2, np.array([0.5, 0.4, 0.1]))[0].tolist() == [0, 2]


def test_of_points_in_one_place_each_that_is_kept_has_its_own_weight() -> None:
    points = np.zeros((3, 2))
    kept, held = backward_reduction(points, 3)
    assert (kept.tolist(), held.tolist()) == ([0, 1, 2], [1 / 3] * 3)
    kept, held = backward_reduction(points, 1)
    assert held == pytest.approx([1.0])
