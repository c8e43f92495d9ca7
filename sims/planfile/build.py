"""Turns the checked tables of a planning case into what planning reads."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from ...core.units import frozen
from ...planning.fdn.case import CurrentBase, Factor, Factors, Rules, Site, SopSign, Stage
from ...planning.radial import HEAD, RadialNetwork, Tie
from ...uncertainty.mixture import Mixture
from ..casefile.checks import Tables
from .settings import PlanSettings

#: Power base of the per-unit system inside planning models.
S_BASE_KVA = 1000.0

T = TypeVar("T")


def build_network(settings: PlanSettings, tables: Tables) -> RadialNetwork:
    """The feeders; buses in the order of ``buses.csv``, each with the line that ends there."""
    buses, ending = list(tables["buses"]), {row.to_bus: row for row in tables["lines"]}
    lines = [ending[row.bus] for row in buses]
    position = {row.bus: k for k, row in enumerate(buses)}
    heads = {row.feeder: row.head_bus for row in tables["feeders"]}
    return RadialNetwork(
        vn_kv=settings.network.vn_kv,
        s_base_kva=S_BASE_KVA,
        buses=tuple(position),
        zones=tuple(_zone(bus, ending, heads) for bus in position),
        heads=heads,
        head_xy_km={row.feeder: (row.x_km, row.y_km) for row in tables["feeders"]},
        parent=frozen([position.get(line.from_bus, HEAD) for line in lines], "int64"),
        r_ohm=frozen([line.r_ohm for line in lines]),
        x_ohm=frozen([line.x_ohm for line in lines]),
        length_km=frozen([line.length_km for line in lines]),
        load_p_kw=frozen([bus.p_kw for bus in buses]),
        load_q_kvar=frozen([bus.q_kvar for bus in buses]),
        x_km=frozen([bus.x_km for bus in buses]),
        y_km=frozen([bus.y_km for bus in buses]),
        ties=tuple(_tie(row, position) for row in tables["ties"]),
    )


def _zone(bus: str, ending: dict[str, Any], heads: dict[str, str]) -> str:
    while bus in ending:
        bus = ending[bus].from_bus
    return next(feeder for feeder, head in heads.items() if head == bus)


def _tie(row: Any, position: dict[str, int]) -> Tie:
    return Tie(
        from_bus=position[row.from_bus],
        to_bus=position[row.to_bus],
        r_ohm=row.r_ohm,
        x_ohm=row.x_ohm,
    )


def build_stages(tables: Tables) -> tuple[Stage, ...]:
    """Prices and growth, stage by stage."""
    return tuple(
        Stage(
            converter_per_kva=row.converter_per_kva,
            site=row.site_price,
            line_per_km=row.line_per_km,
            electricity_per_kwh=row.electricity_per_kwh,
            battery_per_kwh=row.battery_per_kwh,
            transformer_per_kva=row.transformer_per_kva,
            load_growth_per_year=row.load_growth_per_year,
            pv_penetration=row.pv_penetration_share,
            ev_penetration=row.ev_penetration_share,
        )
        for row in tables["stages"]
    )


def build_sites(network: RadialNetwork, tables: Tables, builds: str) -> tuple[Site, ...]:
    """Where charging stations (evcs) or PV (pv) may be built, in the order of ``sites.csv``."""
    return tuple(
        Site(bus=network.index(row.bus), max_kva=row.max_kva)
        for row in tables["sites"]
        if row.builds == builds
    )


def build_factors(settings: PlanSettings, tables: Tables) -> Factors:
    """The random factors of the set that the case asks for."""
    chosen = settings.uncertainty.factor_set
    factors = {row.power: row for row in tables["factors"] if row.factor_set == chosen}
    parts: dict[str, list[Any]] = {power: [] for power in factors}
    for row in tables["mixtures"]:
        if row.factor_set == chosen:
            parts[row.power].append(row)
    made = {power: _factor(row, parts[power]) for power, row in factors.items()}
    return Factors(load=made["load"], ev=made["ev"], pv=made["pv"])


def _factor(row: Any, parts: list[Any]) -> Factor:
    return Factor(
        mixture=Mixture(
            weights=tuple(part.weight for part in parts),
            means=tuple(part.mean for part in parts),
            sds=tuple(part.sd for part in parts),
        ),
        correlation=row.correlation,
        low=_or(row.low, -math.inf),
        high=_or(row.high, math.inf),
    )


def _or(value: T | None, absent: T) -> T:
    return absent if value is None else value


def build_rules(settings: PlanSettings) -> Rules:
    """Limits and technical constants; investments are paid back within their stage."""
    network, money, sops = settings.network, settings.money, settings.sops
    return Rules(
        years_per_stage=money.years_per_stage,
        discount_rate=money.discount_rate,
        payback_years=money.years_per_stage,
        sop_loss=sops.loss_share,
        sop_max_kva=sops.max_kva,
        sop_max_terminals=sops.max_terminals,
        module_kva=settings.converters.module_kva,
        v_min_pu=network.v_min_pu,
        v_max_pu=network.v_max_pu,
        i_max_a=network.i_max_a,
        current_base=CurrentBase(network.current_base),
        sop_sign=SopSign(sops.sign),
        pv_power_factor=settings.converters.pv_power_factor,
    )
