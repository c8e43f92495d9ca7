"""Many stations' days as arrays, the form in which they are cleared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.errors import CaseError, Problem
from ..core.units import FloatArray, frozen
from .station import Station, StationDay, Tariff


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationBlock:
    """Stations side by side. Axes are *station-major*, [station, time], unlike in messages.

    A station's hours lie side by side in memory: the clearing works through one station at a
    time. ``need_kw`` is demand plus margin, and ``tariff`` is common to all.
    """

    ids: tuple[str, ...]
    tariff: Tariff
    need_kw: FloatArray  #: [station, time]
    pv_kw: FloatArray  #: [station, time] expected
    e_min_kwh: FloatArray  #: [station], and so for all that follow
    e_max_kwh: FloatArray
    e_start_kwh: FloatArray
    battery_kw: FloatArray
    efficiency_charge: FloatArray
    efficiency_discharge: FloatArray
    degradation_per_kwh: FloatArray
    grid_limit_kw: FloatArray
    withdrawal_min_kw: FloatArray  #: [station, time], -inf where there is no limit
    withdrawal_max_kw: FloatArray  #: [station, time], +inf where there is no limit

    @property
    def unserved_max_kw(self) -> FloatArray:
        """At most what is needed can go unserved [station, time]."""
        return np.maximum(self.need_kw, 0.0)

    @property
    def e_floor_kwh(self) -> FloatArray:
        """Least energy at the end of each hour [station, time]: the day ends as it began."""
        floor = np.repeat(self.e_min_kwh[:, None], self.need_kw.shape[1], axis=1)
        floor[:, -1] = np.maximum(self.e_min_kwh, self.e_start_kwh)
        return floor

    @property
    def charge_per_kwh(self) -> FloatArray:
        """Degradation per kWh that enters the battery's terminals [station]."""
        return self.degradation_per_kwh * self.efficiency_charge

    @property
    def discharge_per_kwh(self) -> FloatArray:
        """Degradation per kWh that leaves the battery's terminals [station]."""
        return self.degradation_per_kwh / self.efficiency_discharge


def build_block(
    stations: Sequence[Station], days: Sequence[StationDay], tariff: Tariff
) -> StationBlock:
    """Lines stations and their days up as arrays.

    Raises:
        CaseError: 0 <= selling price <= buying price <= price of unserved demand does not hold
            (free money has no optimum worth finding), a battery cannot start, or a withdrawal
            limit excludes 0.
    """

    def per_station(read: Callable[[Station], float]) -> FloatArray:
        return frozen([read(station) for station in stations])

    block = StationBlock(
        ids=tuple(station.id for station in stations),
        tariff=tariff,
        need_kw=frozen([day.demand_kw + day.margin_kw for day in days]),
        pv_kw=frozen([day.pv_kw for day in days]),
        e_min_kwh=per_station(lambda s: s.e_min_kwh),
        e_max_kwh=per_station(lambda s: s.e_max_kwh),
        e_start_kwh=per_station(lambda s: s.e_start_kwh),
        battery_kw=per_station(lambda s: s.battery_kw),
        efficiency_charge=per_station(lambda s: s.efficiency_charge),
        efficiency_discharge=per_station(lambda s: s.efficiency_discharge),
        degradation_per_kwh=per_station(lambda s: s.degradation_per_kwh),
        grid_limit_kw=per_station(lambda s: s.grid_limit_kw),
        withdrawal_min_kw=frozen([day.withdrawal_min_kw for day in days]),
        withdrawal_max_kw=frozen([day.withdrawal_max_kw for day in days]),
    )
    problems = _tariff_problems(tariff) + _battery_problems(block) + _limit_problems(block)
    if problems:
        raise CaseError("market", tuple(problems))
    return block


def with_limits(block: StationBlock, lower_kw: FloatArray, upper_kw: FloatArray) -> StationBlock:
    """The same block under other withdrawal limits, given [time, station] as the operator does.

    Raises:
        CaseError: a limit excludes 0.
    """
    limited = replace(
        block, withdrawal_min_kw=frozen(lower_kw.T), withdrawal_max_kw=frozen(upper_kw.T)
    )
    problems = _limit_problems(limited)
    if problems:
        raise CaseError("market", tuple(problems))
    return limited


def _tariff_problems(tariff: Tariff) -> list[Problem]:
    ladder = (
        (np.zeros_like(tariff.sell_per_kwh), tariff.sell_per_kwh, "selling earns less than 0"),
        (tariff.sell_per_kwh, tariff.buy_per_kwh, "buying costs less than selling earns"),
        (
            tariff.buy_per_kwh,
            np.full_like(tariff.buy_per_kwh, tariff.unserved_per_kwh),
            "buying costs more than leaving demand unserved",
        ),
    )
    return [
        Problem(f"tariff, hour {hour}", fault, "order the prices: 0 <= sell <= buy <= unserved")
        for below, above, fault in ladder
        for hour in np.flatnonzero(below > above)
    ]


def _battery_problems(block: StationBlock) -> list[Problem]:
    wrong = (block.e_start_kwh < block.e_min_kwh) | (block.e_start_kwh > block.e_max_kwh)
    remedy = "give e_min_kwh <= e_start_kwh <= e_max_kwh"
    return [
        Problem(f"station '{block.ids[k]}'", "the battery starts outside its bounds", remedy)
        for k in np.flatnonzero(wrong)
    ]


def _limit_problems(block: StationBlock) -> list[Problem]:
    wrong = (block.withdrawal_min_kw > 0) | (block.withdrawal_max_kw < 0)
    remedy = "give withdrawal_min_kw <= 0 <= withdrawal_max_kw"
    return [
        Problem(f"station '{block.ids[k]}', hour {t}", "a withdrawal limit excludes 0", remedy)
        for k, t in np.argwhere(wrong)
    ]
