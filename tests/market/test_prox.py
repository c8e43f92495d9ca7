"""The closed forms of one station hour and one link, against a quadratic program."""

from __future__ import annotations

from types import SimpleNamespace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.market import kernels_numpy
from roadvolt.market.splitting import BorderTables, agreed_trade_kw

POWER = st.floats(-150, 300)
SIZE = st.floats(0, 100)
LIMIT = st.sampled_from([0.0, 5.0, 40.0, 1e30])


@st.composite
def station_hours(draw: st.DrawFn) -> SimpleNamespace:
    """One station with one hour, prices in kW (over rho), and a point to come near to."""
    sell, buy, unserved = sorted(draw(st.floats(0, 120)) for _ in range(3))
    return SimpleNamespace(
        plan=np.array([[[draw(POWER)]] for _ in range(4)]),
        need_kw=draw(SIZE),
        pv_kw=draw(SIZE),
        battery_kw=draw(st.floats(1, 60)),
        grid_limit_kw=draw(st.floats(1, 200)),
        sell_kw=sell,
        buy_kw=buy,
        unserved_kw=unserved,
        limit_min_kw=-draw(LIMIT),
        limit_max_kw=draw(LIMIT),
    )


def nearest(case: SimpleNamespace) -> np.ndarray:
    """[g, charge, discharge] by the code under test."""
    arrays = {
        name: np.array([[value]]) if name in ("need_kw", "pv_kw") else np.array([value])
        for name, value in vars(case).items()
        if name not in ("plan", "unserved_kw")
    }
    arrays |= {f"limit_{side}_kw": arrays[f"limit_{side}_kw"][None] for side in ("min", "max")}
    energy = {"e_min_kwh": np.zeros(1), "e_last_kwh": np.zeros(1), "e_max_kwh": np.ones(1)}
    tables = SimpleNamespace(
        **arrays, **energy, unserved_kw=case.unserved_kw, limit_row=np.zeros(1, dtype=int)
    )
    return kernels_numpy.nearest_plan(tables, case.plan)[:3, 0, 0]


def nearest_by_solver(case: SimpleNamespace) -> tuple[np.ndarray, float]:
    """The same by an interior-point solver, and the multiplier of the limits."""
    names = ("buy", "sell", "pv", "unserved", "charge", "discharge")
    x = dict(zip(names, (cp.Variable(nonneg=True) for _ in names), strict=True))
    supply = x["buy"] - x["sell"] + x["pv"] + x["unserved"]
    withdrawal = case.need_kw + x["charge"] - x["discharge"] - x["pv"] - x["unserved"]
    most = (
        (x["buy"], case.grid_limit_kw),
        (x["sell"], case.grid_limit_kw),
        (x["pv"], case.pv_kw),
        (x["unserved"], case.need_kw),
        (x["charge"], case.battery_kw),
        (x["discharge"], case.battery_kw),
    )
    limits = [withdrawal <= min(case.limit_max_kw, 1e4), withdrawal >= max(case.limit_min_kw, -1e4)]
    point = cp.hstack([supply, x["charge"], x["discharge"]])
    cost = case.buy_kw * x["buy"] - case.sell_kw * x["sell"] + case.unserved_kw * x["unserved"]
    distance = cp.sum_squares(point - case.plan[:3, 0, 0]) / 2
    bounds = [variable <= bound for variable, bound in most]
    problem = cp.Problem(cp.Minimize(cost + distance), [*bounds, *limits])
    problem.solve(cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return np.asarray(point.value), float(limits[0].dual_value + limits[1].dual_value)


@settings(max_examples=60)
@given(station_hours())
def test_nearest_plan_is_the_optimum_of_the_quadratic_program_with_and_without_limits(case):
    expected, _ = nearest_by_solver(case)
    # A gap of 1e-9 of up to 1e5 kW^2, 1-strongly convex: at most sqrt(2e-4) kW off.
    assert nearest(case) == pytest.approx(expected, abs=0.015)


def test_a_limit_that_bites_at_a_change_of_merit_order_is_met_exactly():
    # Demand 100 kW, limit 40 kW: the grid supply's pieces tie with unserved demand at the root,
    # where g + discharge - charge is not what the balance of a single piece would give.
    case = SimpleNamespace(
        plan=np.array([120.0, 0.0, 0.0, 0.0]).reshape(4, 1, 1),
        need_kw=100.0,
        pv_kw=0.0,
        battery_kw=1.0,
        grid_limit_kw=200.0,
        sell_kw=5.0,
        buy_kw=10.0,
        unserved_kw=30.0,
        limit_min_kw=-1e30,
        limit_max_kw=40.0,
    )
    expected, multiplier = nearest_by_solver(case)
    assert multiplier == pytest.approx(30.0 - 10.0, abs=1e-3)
    assert nearest(case) == pytest.approx(expected, abs=2e-3)


@given(
    st.floats(-300, 300),
    st.floats(-300, 300),
    st.floats(0.1, 5),
    st.floats(0.1, 5),
    st.floats(0, 50),
    st.floats(0, 200),
)
def test_agreed_trade_minimises_fee_plus_distance_to_both_bids(a, b, rho_a, rho_b, fee, most):
    border = BorderTables(
        near=np.zeros(1, dtype=np.int64),
        sign=np.ones(1),
        weight_a=np.array([rho_a / (rho_a + rho_b)]),
        weight_b=np.array([rho_b / (rho_a + rho_b)]),
        fee_kw=np.array([fee / (rho_a + rho_b)]),
        capacity_kw=np.array([most]),
    )
    trade = agreed_trade_kw(border, np.array([[a]]), np.array([[b]]))[0, 0]

    def cost(z: np.ndarray | float) -> np.ndarray | float:
        return fee * np.abs(z) + rho_a / 2 * (z - a) ** 2 + rho_b / 2 * (z + b) ** 2

    others = np.clip(trade + np.array([-1e-3, 1e-3, -1.0, 1.0]), -most, most)
    assert abs(trade) <= most
    assert np.all(cost(trade) <= cost(others) + 1e-9 * (1 + np.abs(cost(others))))
