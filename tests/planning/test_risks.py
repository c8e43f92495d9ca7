"""Frequencies, their intervals and the revised operating cost, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.draws import FactorDraws
from roadvolt.planning.fdn.operating_cost import operating_cost
from roadvolt.planning.fdn.propagation import StageState
from roadvolt.planning.fdn.risks import risks_of, wilson

SAMPLES = 4


@pytest.fixture
def calm(tpc84: FdnCase) -> StageState:
    """Everything within limits; 100 kW lost on lines and 10 kW in converters on average."""
    shape = (SAMPLES, len(tpc84.network.buses))
    return StageState(
        v_pu=np.ones(shape),
        i_pu=np.ones(shape),
        i_max_pu=np.full(shape[1], tpc84.i_max_pu),
        network_loss_kw=np.array([70.0, 90.0, 110.0, 130.0]),
        sop_loss_kw=np.array([0.0, 0.0, 20.0, 20.0]),
        terminals=np.empty(0, dtype=np.int64),
        p_kw=np.zeros((SAMPLES, 0)),
        q_kvar=np.zeros((SAMPLES, 0)),
    )


@pytest.fixture
def draws(tpc84: FdnCase) -> FactorDraws:
    """The same load factor at all buses, another in each sample."""
    buses = len(tpc84.network.buses)
    factor = np.array([0.5, 0.6, 0.7, 0.8])[:, None]
    none = np.zeros((SAMPLES, 0))
    return FactorDraws(load=np.repeat(factor, buses, axis=1), ev=none, pv=none, normals=none)


@pytest.mark.parametrize(("count", "total"), [(0, 50), (3, 50), (1000, 20000), (50, 50)])
def test_intervals_are_wilsons(count: int, total: int) -> None:
    expected = binomtest(count, total).proportion_ci(0.95, method="wilson")
    low, high = wilson(count / total, total)
    assert float(low) == pytest.approx(expected.low, abs=1e-12)
    assert float(high) == pytest.approx(expected.high, abs=1e-12)


def test_risks_count_samples_beyond_a_limit_and_not_at_it(tpc84: FdnCase, calm: StageState) -> None:
    v_pu, i_pu = calm.v_pu.copy(), calm.i_pu.copy()
    v_pu[:, 5] = [0.95, 0.9499, 1.05, 1.0501]
    v_pu[:2, 6] = 0.9
    i_pu[:3, 7] = tpc84.i_max_pu * np.array([1.0, 1.001, 2.0])
    risks = risks_of(tpc84, [calm, replace(calm, v_pu=v_pu, i_pu=i_pu)])
    assert not np.hstack([risks.under_voltage, risks.over_voltage, risks.overload])[0].any()
    assert risks.under_voltage[1, [5, 6]].tolist() == [0.25, 0.5]
    assert risks.over_voltage[1, [5, 6]].tolist() == [0.25, 0.0]
    assert risks.overload[1, 7] == 0.5
    assert risks.by_stage.tolist() == [0.0, 0.5]
    assert (risks.worst, risks.scenarios) == (0.5, SAMPLES)


def test_losses_cost_the_stages_price_in_every_hour_of_a_year(
    tpc84: FdnCase, calm: StageState, draws: FactorDraws
) -> None:
    cost = operating_cost(tpc84, [calm] * 4, draws)
    np.testing.assert_allclose(cost.network_loss, 8760 * 100 * np.array([0.35, 0.30, 0.25, 0.20]))
    np.testing.assert_allclose(cost.sop_loss, 0.1 * cost.network_loss)
    np.testing.assert_allclose(cost.total, 1.1 * cost.network_loss)


def test_load_counts_where_voltage_is_beyond_its_limits(
    tpc84: FdnCase, calm: StageState, draws: FactorDraws
) -> None:
    bus = tpc84.network.index("5")
    v_pu = calm.v_pu.copy()
    v_pu[[1, 3], bus] = 0.94, 1.06
    cost = operating_cost(tpc84, [calm, replace(calm, v_pu=v_pu), calm, calm], draws)
    at_risk_kw = tpc84.load_p_kw[1, bus] * (0.6 + 0.8) / SAMPLES
    np.testing.assert_allclose(cost.voltage, [0, 8760 * 0.30 * at_risk_kw, 0, 0])
    assert at_risk_kw > 0


def test_load_counts_once_for_every_overloaded_branch_above_it(
    tpc84: FdnCase, calm: StageState, draws: FactorDraws
) -> None:
    network = tpc84.network
    upper, lower = network.index("7"), network.index("9")
    i_pu = calm.i_pu.copy()
    i_pu[0, [upper, lower]] = 9.0
    i_pu[2, upper] = 9.0
    cost = operating_cost(tpc84, [calm, calm, replace(calm, i_pu=i_pu), calm], draws)
    below = [tpc84.load_p_kw[2, network.downstream(branch)].sum() for branch in (upper, lower)]
    assert below[0] > below[1] > 0
    hourly = (0.5 * sum(below) + 0.7 * below[0]) / SAMPLES
    np.testing.assert_allclose(cost.overload, [0, 0, 8760 * 0.25 * hourly, 0])
