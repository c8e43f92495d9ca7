"""The planned network of one stage as a three-phase feeder, with its soft open points on schedule.

All feeders hang on one source bus, as they do on one substation voltage in the plan. Lines keep
their impedance as that of each phase, uncoupled: for balanced power the two networks are the same.
The operator of an episode does not dispatch soft open points. Each terminal injects what the
recourse of the plan gives it in that hour, at the loads, charging and PV expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.units import FloatArray, frozen
from ...planning.fdn.case import FdnCase
from ...planning.fdn.draws import FactorDraws
from ...planning.fdn.plan import Plan
from ...planning.fdn.propagation import stage_state
from ...planning.fdn.recourse import Recourse
from ...planning.fdn.reinforcement import network_at, ratings_pu
from ...planning.radial import HEAD

SOURCE_BUS = "substation"
Row = dict[str, Any]

_PAIRS = ("aa", "ab", "ac", "bb", "bc", "cc")
_BATTERY_RANGE, _BATTERY_START = (0.1, 0.9), 0.5  #: of its energy; the paper's Case III


def bus_rows(case: FdnCase) -> Iterator[Row]:
    """The source, between the heads of all feeders, then every bus."""
    network = case.network
    heads = np.array(list(network.head_xy_km.values()) or [(0.0, 0.0)]).mean(axis=0)
    yield {"bus": SOURCE_BUS, "x": heads[0], "y": heads[1]}
    for bus, x, y in zip(network.buses, network.x_km, network.y_km, strict=True):
        yield {"bus": bus, "x": x, "y": y}


def line_rows(case: FdnCase, plan: Plan, stage: int) -> Iterator[Row]:
    """Every branch; what is reinforced is larger.

    The rating in ampere is one of each phase, whatever the planning study takes it for.
    """
    network = network_at(case, plan, stage)
    larger = ratings_pu(case, plan)[stage] / case.i_max_pu
    rating_kva = larger * network.vn_kv * case.rules.i_max_a / np.sqrt(3)
    for k, bus in enumerate(network.buses):
        up = int(network.parent[k])
        from_bus = SOURCE_BUS if up == HEAD else network.buses[up]
        own = {"aa", "bb", "cc"}
        yield {
            "line": f"{from_bus}-{bus}",
            "from_bus": from_bus,
            "to_bus": bus,
            "phases": "abc",
            **{f"r_{pair}_ohm": network.r_ohm[k] if pair in own else 0.0 for pair in _PAIRS},
            **{f"x_{pair}_ohm": network.x_ohm[k] if pair in own else 0.0 for pair in _PAIRS},
            "s_max_kva_per_phase": rating_kva[k],
        }


def load_rows(case: FdnCase, stage: int) -> Iterator[Row]:
    """Rated loads of the stage, a third on each phase."""
    for bus, p_kw, q_kvar in zip(
        case.network.buses, case.load_p_kw[stage], case.load_q_kvar[stage], strict=True
    ):
        if p_kw or q_kvar:
            yield {"bus": bus, "p_kw": p_kw, "q_kvar": q_kvar} | dict.fromkeys(
                ("share_a", "share_b", "share_c"), 1 / 3
            )


def battery_rows(case: FdnCase, plan: Plan, stage: int, costs: Row) -> Iterator[Row]:
    """Planned storages; ``costs`` are wear and reserve prices, which planning does not know."""
    low, high = _BATTERY_RANGE
    for k, one in enumerate(plan.storages[stage] if plan.storages else (), start=1):
        yield {
            "battery": f"ESS{k}",
            "bus": case.network.buses[one.bus],
            "e_min_kwh": low * one.kwh,
            "e_max_kwh": high * one.kwh,
            "e_start_kwh": _BATTERY_START * one.kwh,
            "p_charge_max_kw": one.kva,
            "p_discharge_max_kw": one.kva,
            **costs,
        }


def injection_rows(
    case: FdnCase, plan: Plan, stage: int, factors: dict[str, FloatArray]
) -> Iterator[Row]:
    """What the terminals of soft open points inject, hour by hour.

    Args:
        case, plan, stage: what stands.
        factors: expected factor on load, ev and pv [time].
    """
    ends = [
        (f"SOP{sop.slot + 1}-{case.network.buses[bus]}", bus)
        for sop in plan.sops[stage]
        for bus in sop.buses
    ]
    if not ends:
        return
    p_kw, q_kvar = _scheduled(case, plan, stage, factors)
    for k, (name, bus) in enumerate(ends):
        for hour in range(len(p_kw)):
            yield {
                "injection": name,
                "bus": case.network.buses[bus],
                "hour": hour,
                "p_kw": p_kw[hour, k],
                "q_kvar": q_kvar[hour, k],
            }


def _scheduled(
    case: FdnCase, plan: Plan, stage: int, factors: dict[str, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """The plan's recourse with every hour as a sample: (p_kw, q_kvar) [time, terminal]."""
    sizes = {"load": len(case.network.buses), "ev": len(case.evcs_sites), "pv": len(case.pv_sites)}
    wide = {kind: frozen(np.repeat(factors[kind][:, None], n, axis=1)) for kind, n in sizes.items()}
    none = frozen(np.zeros((len(factors["load"]), 0)))
    hours = FactorDraws(load=wide["load"], ev=wide["ev"], pv=wide["pv"], normals=none)
    state = stage_state(case, plan, stage, hours, Recourse.VIOLATION_AWARE)
    return state.p_kw, state.q_kvar
