"""Turns the checked tables of a planning case into what planning reads."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from ...planning.fdn.case import CurrentBase, Factor, Factors, Rules, Site, SopSign, Stage
from ...planning.radial import RadialNetwork
from ...uncertainty.mixture import Mixture
from ..casefile.checks import Tables
from .settings import PlanSettings

T = TypeVar("T")


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
