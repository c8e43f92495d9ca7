"""Costs of a plan against Table 2 of the paper, from the capacities of its Table 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.costs import Component, capital_recovery, costs_of
from roadvolt.planning.fdn.operating_cost import OperatingCost
from roadvolt.planning.fdn.plan import Plan, Sop, Storage
from roadvolt.sims.planfile.load import load_fdn_case

#: Wang et al. 2024, Table 1, MVA by bus and stage.
EVCS = {
    "28": (0, 2, 2, 2),
    "49": (1.65, 2, 2, 2),
    "68": (0, 1.96, 2, 2),
    "72": (0, 0, 1.60, 2),
    "82": (0, 0, 0, 1.48),
    "83": (0, 0, 1.27, 2),
}
PV = {
    "10": (2.87, 3, 3, 3),
    "11": (0, 0, 3, 3),
    "24": (0.45, 1.63, 2.78, 3),
    "29": (0, 1.92, 3, 3),
    "39": (0.79, 1.81, 2.81, 3),
    "40": (0.04, 0.04, 0.04, 2.72),
    "55": (0.79, 2.54, 3, 3),
    "60": (0, 0.15, 1.52, 3),
    "63": (0, 0.70, 0.74, 3),
    "64": (0.31, 0.55, 0.58, 3),
    "76": (0, 0.23, 2.88, 3),
}
SOPS = (
    {},
    {("7", "72"): (160, 40)},
    {("7", "72", "83"): (810, 640, 790)},
    {("7", "64", "72", "83"): (810, 3340, 1060, 1760), ("29", "39"): (960, 970)},
)
#: Table 2, present value, 1e6 CNY.
TABLE_2 = {
    Component.SOP_SITE: (0.00, 2.17, 0.00, 1.20),
    Component.SOP_CONVERTER: (0.00, 0.07, 0.31, 0.32),
    Component.EVCS_SITE: (3.00, 4.35, 3.08, 1.20),
    Component.EVCS_CONVERTER: (1.32, 1.61, 0.45, 0.13),
    Component.PV_CONVERTER: (4.20, 2.73, 1.66, 0.45),
}


@pytest.fixture(scope="module")
def case() -> FdnCase:
    return load_fdn_case("tpc84")


def paper_plan(case: FdnCase) -> Plan:
    def capacities(sites: object, table: dict[str, tuple[float, ...]]) -> np.ndarray:
        buses = [case.network.buses[site.bus] for site in sites]  # type: ignore[attr-defined]
        return 1e3 * np.array([table[bus] for bus in buses]).T

    evcs, pv = capacities(case.evcs_sites, EVCS), capacities(case.pv_sites, PV)
    sops = tuple(
        tuple(
            Sop(slot=k, buses=tuple(map(case.network.index, buses)), kva=kva, line_km=0.0)
            for k, (buses, kva) in enumerate(stage.items())
        )
        for stage in SOPS
    )
    return Plan(sops=sops, evcs_kva=evcs, evcs_rated_kw=evcs, pv_kva=pv, pv_rated_kw=0.95 * pv)


NOTHING = OperatingCost(
    network_loss=np.zeros(4), sop_loss=np.zeros(4), overload=np.zeros(4), voltage=np.zeros(4)
)


def test_the_paper_s_capacities_cost_what_its_table_2_says(case: FdnCase) -> None:
    found = costs_of(case, paper_plan(case), NOTHING).present_value
    for component, published in TABLE_2.items():
        # Table 1 rounds capacities to 10 kVA and Table 2 costs to 10,000 CNY.
        assert found[component] / 1e6 == pytest.approx(published, abs=0.0101), component


def test_a_stage_pays_for_what_it_adds_only(case: FdnCase) -> None:
    overnight = costs_of(case, paper_plan(case), NOTHING).overnight
    added = np.diff([0.0, 0.0, 200.0, 2240.0, 8900.0])
    prices = [stage.converter_per_kva for stage in case.stages]
    assert overnight[Component.SOP_CONVERTER] == pytest.approx(added * prices)


def test_an_investment_is_worth_its_annuities(case: FdnCase) -> None:
    costs = costs_of(case, paper_plan(case), NOTHING)
    d, years = case.rules.discount_rate, np.arange(1, case.rules.payback_years + 1)
    for component in TABLE_2:
        paid = costs.annualised[component][:, None] * (1 + d) ** -years.astype(float)
        assert paid.sum(axis=1) == pytest.approx(costs.overnight[component])
    assert capital_recovery(case) == pytest.approx(0.26379748)  # 10 %, five years


def test_operation_is_paid_every_year_and_discounted_from_the_first_day(case: FdnCase) -> None:
    yearly = replace(NOTHING, network_loss=np.full(4, 4.0), sop_loss=np.full(4, 3.0))
    costs = costs_of(case, paper_plan(case), yearly)
    by_hand = [sum(7.0 / 1.1 ** (5 * u + y) for y in range(1, 6)) for u in range(4)]
    assert costs.present_value[Component.LOSS] == pytest.approx(by_hand)
    assert costs.overnight[Component.LOSS] == pytest.approx(np.full(4, 35.0))
    assert costs.operation == pytest.approx(sum(by_hand))
    assert costs.total == pytest.approx(costs.investment + costs.operation)


def test_larger_lines_cost_three_times_a_new_one_and_the_transformer_what_it_gains(
    case: FdnCase,
) -> None:
    plan = replace(paper_plan(case), reinforced=((), ("A", "I"), ("A", "I"), ("A", "I")))
    found = costs_of(case, plan, NOTHING).overnight
    zones = np.array(case.network.zones)
    km = case.network.length_km[np.isin(zones, ["A", "I"])].sum()
    assert found[Component.LARGER_LINE] == pytest.approx([0, 3 * 1.2e5 * km, 0, 0])
    # 11.4 kV x 400 A = 4.56 MVA a feeder, half of it more, 400 CNY/kVA.
    assert found[Component.LARGER_TRANSFORMER] == pytest.approx([0, 2 * 2280 * 400, 0, 0])


def test_storage_pays_for_site_converter_and_battery(case: FdnCase) -> None:
    one = Storage(bus=7, kva=100.0, kwh=125.0)
    plan = replace(paper_plan(case), storages=((), (), (one,), (one,)))
    found = costs_of(case, plan, NOTHING).overnight
    assert found[Component.STORAGE_SITE] == pytest.approx([0, 0, 4e6, 0])
    assert found[Component.STORAGE_CONVERTER] == pytest.approx([0, 0, 100 * 400, 0])
    assert found[Component.STORAGE_BATTERY] == pytest.approx([0, 0, 125 * 500, 0])
