"""Costs of a plan against Table 2 of the paper, from the capacities of its Table 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.costs import Component, capital_recovery, costs_of
from roadvolt.planning.fdn.operating_cost import OperatingCost
from roadvolt.planning.fdn.plan import Plan, Storage

#: Table 2, present value, 1e6 CNY.
TABLE_2 = {
    Component.SOP_SITE: (0.00, 2.17, 0.00, 1.20),
    Component.SOP_CONVERTER: (0.00, 0.07, 0.31, 0.32),
    Component.EVCS_SITE: (3.00, 4.35, 3.08, 1.20),
    Component.EVCS_CONVERTER: (1.32, 1.61, 0.45, 0.13),
    Component.PV_CONVERTER: (4.20, 2.73, 1.66, 0.45),
}


NOTHING = OperatingCost(
    network_loss=np.zeros(4), sop_loss=np.zeros(4), overload=np.zeros(4), voltage=np.zeros(4)
)


def test_the_paper_s_capacities_cost_what_its_table_2_says(
    tpc84: FdnCase, published_plan: Plan
) -> None:
    found = costs_of(tpc84, published_plan, NOTHING).present_value
    for component, published in TABLE_2.items():
        # Table 1 rounds capacities to 10 kVA and Table 2 costs to 10,000 CNY.
        assert found[component] / 1e6 == pytest.approx(published, abs=0.0101), component


def test_a_stage_pays_for_what_it_adds_only(tpc84: FdnCase, published_plan: Plan) -> None:
    overnight = costs_of(tpc84, published_plan, NOTHING).overnight
    added = np.diff([0.0, 0.0, 200.0, 2240.0, 8900.0])
    prices = [stage.converter_per_kva for stage in tpc84.stages]
    assert overnight[Component.SOP_CONVERTER] == pytest.approx(added * prices)


def test_an_investment_is_worth_its_annuities(tpc84: FdnCase, published_plan: Plan) -> None:
    costs = costs_of(tpc84, published_plan, NOTHING)
    d, years = tpc84.rules.discount_rate, np.arange(1, tpc84.rules.payback_years + 1)
    for component in TABLE_2:
        paid = costs.annualised[component][:, None] * (1 + d) ** -years.astype(float)
        assert paid.sum(axis=1) == pytest.approx(costs.overnight[component])
    assert capital_recovery(tpc84) == pytest.approx(0.26379748)  # 10 %, five years


def test_operation_is_paid_every_year_and_discounted_from_the_first_day(
    tpc84: FdnCase, published_plan: Plan
) -> None:
    yearly = replace(NOTHING, network_loss=np.full(4, 4.0), sop_loss=np.full(4, 3.0))
    costs = costs_of(tpc84, published_plan, yearly)
    by_hand = [sum(7.0 / 1.1 ** (5 * u + y) for y in range(1, 6)) for u in range(4)]
    assert costs.present_value[Component.LOSS] == pytest.approx(by_hand)
    assert costs.overnight[Component.LOSS] == pytest.approx(np.full(4, 35.0))
    assert costs.operation == pytest.approx(sum(by_hand))
    assert costs.total == pytest.approx(costs.investment + costs.operation)


def test_larger_lines_cost_three_times_a_new_one_and_the_transformer_what_it_gains(
    tpc84: FdnCase, published_plan: Plan
) -> None:
    plan = replace(published_plan, reinforced=((), ("A", "I"), ("A", "I"), ("A", "I")))
    found = costs_of(tpc84, plan, NOTHING).overnight
    zones = np.array(tpc84.network.zones)
    km = tpc84.network.length_km[np.isin(zones, ["A", "I"])].sum()
    assert found[Component.LARGER_LINE] == pytest.approx([0, 3 * 1.2e5 * km, 0, 0])
    # 11.4 kV x 400 A = 4.56 MVA a feeder, half of it more, 400 CNY/kVA.
    assert found[Component.LARGER_TRANSFORMER] == pytest.approx([0, 2 * 2280 * 400, 0, 0])


def test_storage_pays_for_site_converter_and_battery(tpc84: FdnCase, published_plan: Plan) -> None:
    one = Storage(bus=7, kva=100.0, kwh=125.0)
    plan = replace(published_plan, storages=((), (), (one,), (one,)))
    found = costs_of(tpc84, plan, NOTHING).overnight
    assert found[Component.STORAGE_SITE] == pytest.approx([0, 0, 4e6, 0])
    assert found[Component.STORAGE_CONVERTER] == pytest.approx([0, 0, 100 * 400, 0])
    assert found[Component.STORAGE_BATTERY] == pytest.approx([0, 0, 125 * 500, 0])
