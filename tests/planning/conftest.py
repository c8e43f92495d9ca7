"""The 84-bus case with the plan published for it; tiny cases of every kind of planning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from power_grid_model import (
    CalculationMethod,
    ComponentType,
    DatasetType,
    LoadGenType,
    PowerGridModel,
    initialize_array,
)
from threadpoolctl import threadpool_limits

from roadvolt.core.units import FloatArray, frozen
from roadvolt.planning.dc_storage.case import DcStorageCase, Modules, StorageRules
from roadvolt.planning.dc_storage.case import Links as DcLinks
from roadvolt.planning.dc_storage.case import Scenarios as DcScenarios
from roadvolt.planning.der.budget_set import BudgetSet
from roadvolt.planning.der.case import DerCase, DerRules, Deviations, Scenarios, Year
from roadvolt.planning.der.extensive import solve_extensive
from roadvolt.planning.der.first_stage import FirstStage
from roadvolt.planning.der.recourse import Recourse, operate
from roadvolt.planning.dispatch.case import (
    Batteries,
    DeferrableLoads,
    Direction,
    DispatchCase,
    DispatchRules,
    Generators,
    Requirement,
    SoftOpenPoints,
)
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.plan import Plan, Sop
from roadvolt.planning.radial import HEAD, RadialNetwork
from roadvolt.sims.planfile.load import load_fdn_case

# Wang et al., Multi-resource dynamic coordinated planning of flexible distribution network, Nature
# Communications 15, 2024, Table 1: capacity in MVA by bus, stages I to IV.
PUBLISHED_SOPS = (
    (),
    ({"7": 0.16, "72": 0.04},),
    ({"7": 0.81, "72": 0.64, "83": 0.79},),
    ({"7": 0.81, "64": 3.34, "72": 1.06, "83": 1.76}, {"29": 0.96, "39": 0.97}),
)
PUBLISHED_EVCS = (
    {"49": 1.65},
    {"28": 2.00, "49": 2.00, "68": 1.96},
    {"28": 2.00, "49": 2.00, "68": 2.00, "72": 1.60, "83": 1.27},
    {"28": 2.00, "49": 2.00, "68": 2.00, "72": 2.00, "82": 1.48, "83": 2.00},
)
# fmt: off
PUBLISHED_PV = (
    {"10": 2.87, "24": 0.45, "39": 0.79, "40": 0.04, "55": 0.79, "64": 0.31},
    {"10": 3.00, "24": 1.63, "29": 1.92, "39": 1.81, "40": 0.04, "55": 2.54, "60": 0.15,
     "63": 0.70, "64": 0.55, "76": 0.23},
    {"10": 3.00, "11": 3.00, "24": 2.78, "29": 3.00, "39": 2.81, "40": 0.04, "55": 3.00,
     "60": 1.52, "63": 0.74, "64": 0.58, "76": 2.88},
    {"10": 3.00, "11": 3.00, "24": 3.00, "29": 3.00, "39": 3.00, "40": 2.72, "55": 3.00,
     "60": 3.00, "63": 3.00, "64": 3.00, "76": 3.00},
)
# fmt: on


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Many small matrix products: a second thread costs more than it brings."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def tpc84() -> FdnCase:
    """The case with its default distributions."""
    return load_fdn_case("tpc84")


@pytest.fixture(scope="session")
def published_plan(tpc84: FdnCase) -> Plan:
    """Table 1 of the paper, every converter used up to its rating."""
    name = tpc84.network.buses
    evcs = [[1e3 * row.get(name[s.bus], 0) for s in tpc84.evcs_sites] for row in PUBLISHED_EVCS]
    pv = [[1e3 * row.get(name[s.bus], 0) for s in tpc84.pv_sites] for row in PUBLISHED_PV]
    sops = tuple(
        tuple(published_sop(tpc84, slot, sop) for slot, sop in enumerate(row))
        for row in PUBLISHED_SOPS
    )
    return Plan(
        sops=sops,
        evcs_kva=frozen(evcs),
        evcs_rated_kw=frozen(evcs),
        pv_kva=frozen(pv),
        pv_rated_kw=frozen(tpc84.rules.pv_power_factor * np.array(pv)),
    )


def published_sop(case: FdnCase, slot: int, mva: dict[str, float]) -> Sop:
    """One entry of the table; line lengths are not in it."""
    return Sop(
        slot=slot,
        buses=tuple(case.network.index(bus) for bus in mva),
        kva=tuple(1e3 * capacity for capacity in mva.values()),
        line_km=0.0,
    )


@pytest.fixture(scope="session")
def tiny_der() -> Callable[..., DerCase]:
    """Two buses behind each other and three hours: small enough to try every fate.

    ``tiny_der(seed)`` draws the loads, ``tiny_der(seed, battery_kw=20.0)`` also changes rules.
    """
    return _tiny_der


@pytest.fixture(scope="session")
def tight_der() -> Callable[..., DerCase]:
    """``tiny_der`` on a weak feeder, where PV at the far end raises voltages too much."""
    return _tight_der


def _tight_der(seed: int, **rules: Any) -> DerCase:
    case = _tiny_der(seed, **{"size_max": 400.0, **rules})
    weak = replace(
        case.network,
        r_ohm=frozen(150 * case.network.r_ohm),
        x_ohm=frozen(150 * case.network.x_ohm),
    )
    limits = {"s_max_kva": frozen([300.0, 150.0]), "v_min_pu": 0.8, "v_max_pu": 1.0}
    return replace(case, network=weak, pv_sites=frozen([1], np.int64), **limits)


def _tiny_der(seed: int, **rules: Any) -> DerCase:
    draw = np.random.default_rng(seed).uniform
    load, up, down = (draw(*ends, (2, 3)).round() for ends in ((20, 100), (5, 30), (5, 20)))
    pv = np.array([0.0, 0.7, 0.4])
    scenario_pv, scenario_load = (
        np.multiply.outer(factors, values)
        for factors, values in (((0.6, 1.4), pv), ((0.9, 1.1), load))
    )
    return DerCase(
        name="tiny", title="Two buses", currency="EUR", digest="",
        network=_two_branches(load.mean(axis=1)),
        s_max_kva=frozen([4000.0, 4000.0]), v_min_pu=0.9, v_max_pu=1.1,
        load_q_kvar=frozen(np.full((2, 3), 10.0)), price_per_kwh=frozen([0.06, 0.15, 0.45]),
        pv_sites=frozen([0, 1], np.int64), battery_sites=frozen([0, 1], np.int64),
        rules=replace(_TINY_RULES, **rules),
        scenarios=Scenarios(
            weight=frozen([0.5, 0.5]), pv=frozen(scenario_pv), load_kw=frozen(scenario_load),
            days=frozen([0, 1], np.int64),
        ),
        deviations=Deviations(
            load_mean_kw=frozen(load), load_up_kw=frozen(up), load_down_kw=frozen(down),
            pv_mean=frozen(pv), pv_up=frozen(0.2 * pv), pv_down=frozen(0.5 * pv),
        ),
        year=Year(pv=frozen(scenario_pv), load_kw=frozen(scenario_load)),
    )  # fmt: skip


_TINY_RULES = DerRules(
    pv_per_kw=0.05, pv_site=0.3, battery_per_kwh=0.08, battery_site=0.2,
    pv_per_kwh_used=0.001, battery_per_kwh_out=0.002, size_min=5.0, size_max=200.0,
    pv_sites_max=2, battery_sites_max=2, battery_kw=60.0,
    soc_min=0.1, soc_max=1.0, soc_start=0.5, efficiency_charge=0.95, efficiency_discharge=0.95,
)  # fmt: skip


def _two_branches(load_p_kw: FloatArray) -> RadialNetwork:
    """The first two branches of Baran and Wu's 33-bus feeder (1989), 12.66 kV."""
    return RadialNetwork(
        vn_kv=12.66, s_base_kva=1e4, buses=("2", "3"), zones=("A", "A"), heads={"A": "1"},
        parent=frozen([HEAD, 0], np.int64),
        r_ohm=frozen([0.0922, 0.4930]), x_ohm=frozen([0.0470, 0.2511]),
        length_km=frozen(np.ones(2)),
        load_p_kw=frozen(load_p_kw), load_q_kvar=frozen(np.full(2, 10.0)),
        x_km=frozen(np.zeros(2)), y_km=frozen(np.zeros(2)), ties=(),
    )  # fmt: skip


@pytest.fixture(scope="session")
def cheapest_by_enumeration() -> Callable[..., float]:
    """``cheapest_by_enumeration(first, recourses, uncertainty, guesses)``: see below."""
    return _cheapest_by_enumeration


def _cheapest_by_enumeration(
    first: FirstStage,
    recourses: Sequence[Recourse],
    uncertainty: BudgetSet,
    guesses: Sequence[FloatArray] = (),
) -> float:
    """The adaptive optimum by trying every vertex on every plan: slow, and beyond doubt.

    A plan against the fates gathered so far (``guesses`` to begin with) costs at most the optimum;
    where no vertex at all costs more than it has seen, it is the optimum.
    """
    every = list({u.round(9).tobytes(): u for u in uncertainty.vertices()}.values())
    some = [every[k] for k in np.random.default_rng(0).permutation(len(every))[:60]]
    fates = [uncertainty.mean, *guesses]
    while True:
        plan = solve_extensive(first, recourses, fates, "plan against fates", gap=1e-9)
        for pool in (some, every):
            costs = [operate(recourses, plan.x, u).cost for u in pool]
            if max(costs) > plan.eta + 1e-7:
                fates.append(pool[int(np.argmax(costs))])
                break
        else:
            return plan.objective


@pytest.fixture(scope="session")
def small_day() -> Callable[..., DispatchCase]:
    """Two feeders of three buses and six hours with one of everything, and requirements.

    ``small_day(seed)`` draws loads, prices and schedules; ``small_day(seed, v_min_pu=0.97)`` also
    changes rules.
    """
    return _small_day


def _small_day(seed: int, **rules: Any) -> DispatchCase:
    draw = np.random.default_rng(seed).uniform
    steps = 6
    mill, sun = draw(20, 60), np.array([0.0, 0.3, 0.8, 1.0, 0.5, 0.0]) * draw(300, 900)
    need = draw(200, 700, 2)
    # fmt: off
    return DispatchCase(
        name="small", title="Two feeders", currency="EUR", digest="", files={},
        network=_drawn_feeders(seed), hours=1.0,
        load_p_kw=frozen(draw(50, 500, (steps, 6))), load_q_kvar=frozen(draw(20, 200, (steps, 6))),
        price_per_kwh=frozen(draw(0.05, 1.0, steps)),
        generators=Generators(
            names=("PV", "mill"), buses=frozen([2, 3], np.int64), kva=frozen([1000.0, 80.0]),
            p_kw=frozen(np.stack([sun, np.full(steps, mill)], axis=1)),
            curtailable=frozen([True, False], np.bool_),
        ),
        sops=SoftOpenPoints(
            names=("AB",), owner=frozen([0, 0], np.int64), buses=frozen([2, 5], np.int64),
            kva=frozen([400.0, 300.0]), p_max_kw=frozen([350.0, 300.0]),
            q_max_kvar=frozen([400.0, 250.0]), loss=frozen([0.02, 0.03]),
        ),
        batteries=Batteries(
            names=("ESS",), buses=frozen([4], np.int64), kva=frozen([300.0]),
            p_max_kw=frozen([280.0]), q_max_kvar=frozen([300.0]), kwh=frozen([900.0]),
            soc_min=frozen([0.1]), soc_max=frozen([0.9]), soc_start=frozen([0.5]),
            loss=frozen([0.03]),
        ),
        deferrable=DeferrableLoads(
            names=("fleet", "oven"), buses=frozen([1, 5], np.int64),
            p_max_kw=frozen(np.array([[0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]).T * [300.0, 250.0]),
            energy_min_kwh=frozen(np.array([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0.3, 1]]).T * need),
            energy_max_kwh=frozen(np.array([[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]]).T * need),
            q_per_p=frozen([0.0, 0.4]),
        ),
        requirements=(
            Requirement(
                name="early", feeder=None, direction=Direction.LESS, kw=draw(20, 300),
                first=1, last=2,
            ),
            Requirement(
                name="more", feeder="A", direction=Direction.MORE, kw=draw(20, 200),
                first=3, last=3,
            ),
        ),
        rules=replace(_SMALL_RULES, **rules),
    )
    # fmt: on


_SMALL_RULES = DispatchRules(
    v_min_pu=0.95,
    v_max_pu=1.05,
    i_max_a=150.0,
    polygon_sides=12,
    shortfall_per_kwh=4.0,
    curtailment_per_kwh=0.05,
    reactive_per_kvarh=0.001,
)


def _drawn_feeders(seed: int) -> RadialNetwork:
    draw = np.random.default_rng(seed + 1000).uniform
    return RadialNetwork(
        vn_kv=10.0,
        s_base_kva=1000.0,
        buses=("1", "2", "3", "4", "5", "6"),
        zones=("A", "A", "A", "B", "B", "B"),
        heads={"A": "101", "B": "102"},
        parent=frozen([HEAD, 0, 0, HEAD, 3, 4], np.int64),
        r_ohm=frozen(draw(0.1, 0.8, 6)),
        x_ohm=frozen(draw(0.1, 0.8, 6)),
        length_km=frozen(np.ones(6)),
        load_p_kw=frozen(np.ones(6)),
        load_q_kvar=frozen(np.zeros(6)),
        x_km=frozen(np.arange(6)),
        y_km=frozen(np.zeros(6)),
        ties=(),
    )


@pytest.fixture(scope="session")
def newton_flow() -> Callable[
    [RadialNetwork, FloatArray, FloatArray], tuple[FloatArray, FloatArray]
]:
    """Voltage [bus] in pu and current [branch] in A of one sample, by power-grid-model."""
    return _newton_flow


def _newton_flow(
    network: RadialNetwork, p_kw: FloatArray, q_kvar: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """All heads are one ideal source."""
    count = len(network.buses)
    node = initialize_array(DatasetType.input, ComponentType.node, count + 1)
    node["id"] = range(count + 1)
    node["u_rated"] = network.vn_kv * 1e3
    line = initialize_array(DatasetType.input, ComponentType.line, count)
    line["id"] = range(100, 100 + count)
    line["from_node"] = np.where(network.parent == HEAD, count, network.parent)
    line["to_node"] = range(count)
    line["from_status"] = line["to_status"] = 1
    line["r1"], line["x1"] = network.r_ohm, network.x_ohm
    line["c1"] = line["tan1"] = 0.0
    load = initialize_array(DatasetType.input, ComponentType.sym_load, count)
    load["id"] = range(200, 200 + count)
    load["node"] = range(count)
    load["status"] = 1
    load["type"] = LoadGenType.const_power
    load["p_specified"], load["q_specified"] = p_kw * 1e3, q_kvar * 1e3
    source = initialize_array(DatasetType.input, ComponentType.source, 1)
    source["id"], source["node"], source["status"], source["u_ref"] = 300, count, 1, 1.0
    source["sk"] = 1e18
    model = PowerGridModel(
        {
            ComponentType.node: node,
            ComponentType.line: line,
            ComponentType.sym_load: load,
            ComponentType.source: source,
        }
    )
    result = model.calculate_power_flow(
        calculation_method=CalculationMethod.newton_raphson, error_tolerance=1e-10
    )
    voltage = np.asarray(result[ComponentType.node]["u_pu"][:count])
    return voltage, np.asarray(result[ComponentType.line]["i_to"])


@pytest.fixture(scope="session")
def tiny_dc() -> Callable[..., DcStorageCase]:
    """Two feeders with a port at the end of each, a battery between them, two days of four hours.

    ``tiny_dc(load=1.5, return_min=0.2)`` scales loads and changes rules; ``modules={...}`` prices.
    """
    return _tiny_dc


def _tiny_dc(load: float = 1.0, modules: Any = None, **rules: Any) -> DcStorageCase:
    profile = np.array([[0.5, 0.7, 1.0, 0.8], [0.4, 0.6, 0.9, 1.0]])
    sun = np.array([[0.0, 1.0, 0.6, 0.0], [0.0, 0.5, 0.3, 0.0]])
    nominal = np.array([300.0, 900.0, 100.0, 200.0])
    kw = load * profile[..., None] * nominal
    return DcStorageCase(
        name="tiny-dc", title="Two feeders", currency="EUR", digest="", files={},
        network=_two_feeders(nominal), hours=6.0,
        links=DcLinks(
            names=("link",), vn_dc_kv=frozen([20.0]),
            battery_modules_max=frozen([2], np.int64), port_buses=frozen([1, 3], np.int64),
            port_link=frozen([0, 0], np.int64), port_modules_max=frozen([4, 4], np.int64),
        ),
        modules=replace(_TINY_MODULES, **(modules or {})),
        scenarios=DcScenarios(
            names=("high, sunny", "high, dull"), boundaries=("high", "high"),
            weight=frozen([0.6, 0.4]), price_per_kwh=frozen([[0.1, 0.1, 0.5, 0.3]] * 2),
            load_p_kw=frozen(kw), load_q_kvar=frozen(0.4 * kw),
            res_buses=frozen([3], np.int64), res_kw=frozen(900 * sun[..., None]),
        ),
        rules=replace(_TINY_STORAGE_RULES, **rules),
    )  # fmt: skip


def _two_feeders(load_p_kw: FloatArray) -> RadialNetwork:
    return RadialNetwork(
        vn_kv=10.0, s_base_kva=1e3, buses=("a1", "a2", "b1", "b2"), zones=("A", "A", "B", "B"),
        heads={"A": "a0", "B": "b0"}, parent=frozen([HEAD, 0, HEAD, 2], np.int64),
        r_ohm=frozen([1.5, 2.0, 1.0, 2.5]), x_ohm=frozen([2.0, 2.0, 1.0, 2.0]),
        length_km=frozen(np.ones(4)), load_p_kw=frozen(load_p_kw),
        load_q_kvar=frozen(0.4 * load_p_kw), x_km=frozen(np.zeros(4)), y_km=frozen(np.zeros(4)),
        ties=(),
    )  # fmt: skip


_TINY_MODULES = Modules(
    converter_kva=150.0, battery_kw=100.0, battery_kwh=400.0, converter_loss=0.02,
    battery_loss=0.03, soc_min=0.1, soc_max=0.9, soc_start=None, converter_price=4e3,
    battery_price=1.2e5, port_price=5e3, battery_site_price=1e4, converter_upkeep=0.01,
    battery_upkeep=0.02, converter_years=20.0, battery_years=12.0,
)  # fmt: skip

_TINY_STORAGE_RULES = StorageRules(
    discount_rate=0.06, return_min=0.0, carbon_price_per_kg=0.05, carbon_grid_kg_per_kwh=0.5,
    carbon_res_kg_per_kwh=0.03, confidence=0.95, load_error=0.05, res_error=0.1,
    error_correlation=0.3, v_min_pu=0.94, v_max_pu=1.06, i_max_a=150.0, import_max_kw=1e4,
    export_max_kw=1e4, import_max_kvar=1e4, loss_penalty_per_kwh=0.001, evenness_price=20.0,
)  # fmt: skip
