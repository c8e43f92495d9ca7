"""The fast program against the source's own statement of it, through other software."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.core.bounded_quadratic import BoundedPoint, solve_bounded
from roadvolt.core.errors import InfeasibleError
from roadvolt.planning.dispatch import limits, promises
from roadvolt.planning.dispatch.case import DispatchCase
from roadvolt.planning.dispatch.disc import drawn_by, exact_disc
from roadvolt.planning.dispatch.flow import Anchor, Drawn, anchored_at, exact_flow, not_anchored
from roadvolt.planning.dispatch.program import Draft
from roadvolt.planning.dispatch.promises import Promise, keep_promises
from roadvolt.planning.dispatch.settle import idle
from roadvolt.planning.dispatch.solve import solve_dispatch
from roadvolt.planning.dispatch.statement import stated_dispatch, subtree

SmallDay = Callable[..., DispatchCase]


@pytest.fixture(autouse=True, scope="module")
def _no_margins() -> Iterator[None]:
    """The statement has none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MARGIN_PU", 0.0)
        patch.setattr(limits, "MARGIN_CURRENT", 0.0)
        patch.setattr(promises, "MARGIN_KW", 0.0)
        yield


def fast(
    case: DispatchCase, anchor: Anchor, made: tuple[Promise, ...] = (), plan: Drawn | None = None
) -> tuple[BoundedPoint, float]:
    """The point, and what it costs."""
    draft = Draft(case, anchor)
    for rows in draft.limits():
        draft.keep(rows)
    if made:
        assert plan is not None
        keep_promises(draft, made, plan)
    program, cones = draft.build()
    point = solve_bounded(program, "test", cones=cones, tolerance=1e-8)
    return point, point.objective + draft.constant()


def anchored(case: DispatchCase) -> Anchor:
    drawn = idle(case)
    return anchored_at(case.network, drawn, exact_flow(case.network, drawn))


def asked(case: DispatchCase) -> tuple[Promise, ...]:
    """Requirements against a plan that is made up."""
    import_kw = np.stack([case.load_p_kw[:, :3].sum(axis=1), case.load_p_kw[:, 3:].sum(axis=1)], 1)
    return promises.promises(case, import_kw)


@pytest.mark.parametrize("seed", range(6))
def test_the_plan_costs_what_highs_says_of_the_statement(small_day: SmallDay, seed: int) -> None:
    case = small_day(seed)
    anchor = anchored(case) if seed % 2 else not_anchored(case.network, idle(case))
    stated = stated_dispatch(case, anchor, solver="HIGHS")
    assert fast(case, anchor)[1] == pytest.approx(stated.cost, rel=2e-6)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_with_requirements_the_program_is_the_statement(small_day: SmallDay, seed: int) -> None:
    case = small_day(seed)
    anchor, made, plan = anchored(case), asked(case), idle(case)
    try:
        stated = stated_dispatch(case, anchor, made, plan)
    except InfeasibleError:
        with pytest.raises(InfeasibleError):
            fast(case, anchor, made, plan)
        return
    assert fast(case, anchor, made, plan)[1] == pytest.approx(stated.cost, rel=5e-6)


@pytest.mark.parametrize("seed", [3, 4])
def test_discs_cost_what_their_statement_costs(small_day: SmallDay, seed: int) -> None:
    case = replace(small_day(seed), requirements=())
    found = solve_dispatch(case)
    drawn = drawn_by(case, found.setpoints)
    anchor = anchored_at(case.network, drawn, exact_flow(case.network, drawn))
    stated = stated_dispatch(case, anchor, discs=True)
    assert exact_disc(case, found) == pytest.approx(stated.cost, rel=5e-6)


@pytest.mark.parametrize("rules", [{"v_min_pu": 0.985}, {"i_max_a": 60.0}])
def test_limits_that_bind_cost_the_same_in_both(
    small_day: SmallDay, rules: dict[str, float]
) -> None:
    loose, case = small_day(5), small_day(5, **rules)
    anchor = anchored(case)
    costs = [fast(one, anchor)[1] for one in (loose, case)]
    assert costs[1] > costs[0] * (1 + 1e-5)
    assert costs[1] == pytest.approx(stated_dispatch(case, anchor, solver="HIGHS").cost, rel=5e-6)


@pytest.mark.parametrize("seed", [7, 8])
def test_polygons_cost_less_with_more_sides_and_never_less_than_discs(
    small_day: SmallDay, seed: int
) -> None:
    case = small_day(seed)
    anchor = anchored(case)
    costs = [fast(small_day(seed, polygon_sides=k), anchor)[1] for k in (4, 8, 16, 32, 64)]
    disc = stated_dispatch(case, anchor, discs=True).cost
    assert all(np.diff(costs) < 1e-8 * disc)  # each polygon contains the one before
    assert costs[-1] < costs[0] * (1 - 1e-5)
    assert disc * (1 - 1e-8) < costs[-1] < disc * (1 + 1e-5)


def test_subtrees_are_what_branches_carry(small_day: SmallDay) -> None:
    network = small_day(0).network
    np.testing.assert_array_equal(subtree(network), network.carries)


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_however_loosely_the_program_was_solved(small_day: SmallDay, seed: int) -> None:
    case = small_day(seed)
    anchor = anchored(case)
    draft = Draft(case, anchor)
    for rows in draft.limits():
        draft.keep(rows)
    program, cones = draft.build()
    optimum = stated_dispatch(case, anchor, solver="HIGHS").cost
    for tolerance in (1e-1, 1e-2, 1e-4, 1e-7):
        bound = solve_bounded(program, "test", cones=cones, tolerance=tolerance).bound
        assert bound + draft.constant() <= optimum * (1 + 1e-9)
    assert bound + draft.constant() == pytest.approx(optimum, rel=1e-6)
