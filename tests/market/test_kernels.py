"""Compiled kernels, NumPy kernels and a plain dense restatement give the same iterates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.market import kernels_numpy
from roadvolt.market.block import build_block
from roadvolt.market.partition import split_market
from roadvolt.market.scale import to_scale, to_sums
from roadvolt.market.shard import advance, build_problem, start


def lone_shard(market, compiled):
    """The whole market as one shard."""
    block = build_block(market.stations, market.days, market.tariff)
    links = split_market([s.id for s in market.stations], market.links).parts[0]
    scale = to_scale([to_sums(block, links.degree)])
    return build_problem(block, links, scale, compiled=compiled)


def alone(market, station: int):
    """The same market without the links of one station."""
    name = market.stations[station].id
    links = [k for k in market.links if name not in (k.station_a, k.station_b)]
    return market._replace(links=links)


def equal_efficiency(market):
    """The same market with one battery type, so that all stations share one matrix."""
    same = {"efficiency_charge": 0.9, "efficiency_discharge": 0.92}
    return market._replace(stations=[replace(s, **same) for s in market.stations])


def test_compiled_and_numpy_kernels_give_the_same_iterates(make_market):
    free, limited = make_market(7, degree=4), make_market(7, degree=4, limit_kw=60.0)
    for market in (free, limited, equal_efficiency(limited), alone(limited, 2)):
        states = []
        for compiled in (False, True):
            problem = lone_shard(market, compiled)
            states.append(advance(problem, start(problem), (), 60))
        numpy_state, compiled_state = states
        size = np.abs(numpy_state.plan).max()
        for name in ("plan", "copy_a", "copy_b"):
            difference = getattr(numpy_state, name) - getattr(compiled_state, name)
            assert np.abs(difference).max() < 1e-10 * size, name
        for name in ("balance_dual", "energy_dual"):
            difference = getattr(numpy_state, name) - getattr(compiled_state, name)
            assert np.abs(difference).max() < 1e-10, name
        assert numpy_state.primal_square_kw2 == pytest.approx(compiled_state.primal_square_kw2)
        assert numpy_state.dual_square_kw2 == pytest.approx(compiled_state.dual_square_kw2)


def test_projection_lands_on_the_balance_and_storage_rows(make_market):
    # An unrelaxed step from w ends at w + (x - z), where x must meet every row exactly.
    market = alone(make_market(6, degree=4), 3)
    problem = lone_shard(market, False)
    tables = problem.tables._replace(relaxation=1.0)
    rng = np.random.default_rng(0)
    plan = rng.normal(0, 100, (4, 6, 24))
    copy_a, copy_b = rng.normal(0, 50, (2, len(market.links), 24))
    near = kernels_numpy.nearest_plan(tables, plan)
    trade = kernels_numpy.inner_trade_kw(tables, copy_a, copy_b)
    before = [plan.copy(), copy_a.copy(), copy_b.copy()]
    duals = np.empty((6, 24)), np.empty((6, 24))
    kernels_numpy.run(tables, plan, copy_a, copy_b, np.zeros((6, 24)), *duals, 1)
    supply, charge, discharge, energy = plan - before[0] + near
    at_a, at_b = copy_a - before[1] + trade, copy_b - before[2] - trade
    received = np.zeros((6, 24))
    for link, (a, b) in enumerate(zip(tables.link_a, tables.link_b, strict=True)):
        received[a] += at_a[link]
        received[b] += at_b[link]
    gain, drain = tables.gain[:, None], tables.drain[:, None]
    start_kwh = np.array([[s.e_start_kwh] for s in market.stations])
    change = np.diff(energy, axis=1, prepend=start_kwh)
    assert supply - charge + discharge + received == pytest.approx(problem.block.need_kw, abs=1e-8)
    assert change == pytest.approx(gain * charge - drain * discharge, abs=1e-8)


def test_steps_in_one_call_or_in_many_are_the_same_bits(make_market):
    for compiled in (False, True):
        problem = lone_shard(make_market(6, degree=4, limit_kw=80.0), compiled)
        at_once = advance(problem, start(problem), (), 12)
        in_parts = start(problem)
        for steps in (5, 1, 6):
            in_parts = advance(problem, in_parts, (), steps)
        assert np.array_equal(at_once.plan, in_parts.plan)
        assert np.array_equal(at_once.copy_a, in_parts.copy_a)


def test_advance_leaves_the_state_it_was_given_untouched(make_market):
    problem = lone_shard(make_market(4), False)
    state = start(problem)
    before = {name: array.copy() for name, array in state.to_arrays().items()}
    moved = advance(problem, state, (), 3)
    assert all(np.array_equal(before[k], v) for k, v in state.to_arrays().items())
    assert not moved.plan.flags.writeable
    assert not np.array_equal(moved.plan, state.plan)
