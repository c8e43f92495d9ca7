"""Network rows and their margins against what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.grid.lindist3flow import build_linear_model, squared_voltages
from roadvolt.grid.network_limits import RowKind, build_network_limits, limit_miss, limit_name
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.grid.risk_margins import source_loads
from roadvolt.grid.unbalance import pvur
from roadvolt.uncertainty.margins import RiskTreatment


def excess_by_kind(limits, p, q):
    excess = limits.by_p @ p + limits.by_q @ q - limits.limit
    kinds = np.array(limits.kind)
    return {kind: excess[kinds == kind].max() for kind in RowKind}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 6))
def test_rows_hold_where_the_quantities_they_stand_for_do(feeder4, seed, scale):
    model = build_linear_model(feeder4)
    limits = build_network_limits(feeder4, model)
    p, q = np.random.default_rng(seed).normal(0, 150 * scale, (2, len(model.node_bus)))
    excess = excess_by_kind(limits, p, q)
    vm_pu = np.sqrt(squared_voltages(model, p, q))
    assert (excess[RowKind.VOLTAGE_HIGH] > 0) == (vm_pu.max() > 1.1)
    assert (excess[RowKind.VOLTAGE_LOW] > 0) == (vm_pu.min() < 0.9)
    rate = np.nanmax(pvur(model.to_buses(vm_pu)))
    unbalanced = max(excess[RowKind.UNBALANCE_HIGH], excess[RowKind.UNBALANCE_LOW]) > 0
    assert unbalanced == (rate > 0.03) or 0.0297 < rate < 0.0306  # the mean square for the mean
    rating = np.array([line.s_max_kva for line in feeder4.lines])[model.flow_line]
    loading = (np.hypot(model.path @ p, model.path @ q) / rating).max()
    assert (excess[RowKind.FLOW] > 0) == (loading > 1) or np.cos(np.pi / 12) < loading < 1


def test_a_polygon_gives_nothing_away_at_unity_power_factor(feeder4):
    model = build_linear_model(feeder4)
    limits = build_network_limits(feeder4, model)
    k = feeder4.buses.index("k")
    p = np.zeros(len(model.node_bus))
    p[model.node_of[k, 1]] = 500.0  # line mk's rating
    assert excess_by_kind(limits, p, 0 * p)[RowKind.FLOW] == pytest.approx(0, abs=1e-9)
    assert excess_by_kind(limits, -p, 0 * p)[RowKind.FLOW] == pytest.approx(0, abs=1e-9)
    over = limits.by_p @ (1.1 * p) - limits.limit
    row = int(np.argmax(over))
    assert limit_name(feeder4, limits, row, 14) == "line mk phase b 14:00"
    miss = limit_miss(feeder4, limits, row, 14, over[row])
    assert (miss.excess, miss.unit) == (pytest.approx(50), "kVA")


@pytest.mark.parametrize("treatment", list(RiskTreatment))
def test_margins_by_one_scalar_are_those_of_the_full_covariance_and_box(
    treatment, feeder4, day, moments_of
):
    hours = day(slice(6, 8))
    moments = moments_of(feeder4, hours)
    model = build_opf(feeder4, hours, moments, OpfOptions(treatment=treatment))
    margins, limits = model.margins, model.limits
    by_p, by_q = source_loads(feeder4, model.linear)
    alpha = np.random.default_rng(3).random((2, 2))
    factor = {"sp": 1.6448536, "dro": np.sqrt(19), "ro": np.nan}[treatment]
    devices = [feeder4.buses.index(bus) for bus in ("m", "k")]
    for t in range(2):
        moved = by_p.copy()
        for k, bus in enumerate(devices):
            moved[model.linear.node_of[bus]] -= alpha[t, k] / 3 * by_p.sum(axis=0)
        answer = limits.by_p @ moved + limits.by_q @ by_q
        variance = np.einsum("ri,ij,rj->r", answer, moments.covariance[t], answer)
        box = np.abs(answer) @ moments.support_kw[t]
        expected = np.where(margins.by_norm[t], factor * np.sqrt(variance), box)
        rows = np.arange(len(limits.limit))
        found = margins.values(np.full(len(rows), t), rows, margins.reaction @ alpha[t])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert margins.by_norm.any() == (treatment != RiskTreatment.RO)
