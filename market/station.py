"""A charging station, the links it may trade over, and the prices it meets, as data."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.units import PHASES, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Station:
    """A charging station with PV, a battery and chargers; nobody but its host sees this.

    Degradation of an hour costs ``degradation_per_kwh (P_ch eta_ch + P_dis / eta_dis)``; the day
    ends with at least ``e_start_kwh``. ``grid_limit_kw`` bounds what it buys from and sells to the
    grid. ``phases`` is "abc" (a third of its power each) or one phase.
    """

    id: str
    bus: str
    phases: str
    pv_kw: float  #: installed
    e_min_kwh: float
    e_max_kwh: float
    e_start_kwh: float
    battery_kw: float
    efficiency_charge: float
    efficiency_discharge: float
    degradation_per_kwh: float
    grid_limit_kw: float
    base_kw: FloatArray  #: [time] local demand besides charging vehicles, expected

    @property
    def phase_share(self) -> tuple[float, float, float]:
        """Share of its power on phases a, b, c: equal parts on the phases that it uses."""
        a, b, c = ((phase in self.phases) / len(self.phases) for phase in PHASES)
        return a, b, c

    def wear_cost(self, charge_kw: FloatArray, discharge_kw: FloatArray) -> FloatArray:
        """What degradation costs in every hour [time]."""
        through = charge_kw * self.efficiency_charge + discharge_kw / self.efficiency_discharge
        return self.degradation_per_kwh * through


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLink:
    """A pair of stations that may trade; the buyer also pays ``fee_per_kwh`` to the network."""

    id: str
    station_a: str
    station_b: str
    capacity_kw: float
    fee_per_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tariff:
    """What the grid takes and pays [time], and the price of demand that is not served."""

    buy_per_kwh: FloatArray
    sell_per_kwh: FloatArray
    unserved_per_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationDay:
    """One station's day as its own problem sees it. Axis: time.

    ``demand_kw`` is the expected demand (vehicles and base), ``margin_kw`` what the adequacy
    chance constraint adds, ``pv_kw`` the expected PV. The operator's limits bound the net
    withdrawal w = buy - sell + net peer purchase: ``withdrawal_min_kw`` <= w <=
    ``withdrawal_max_kw`` (infinite where there is none; 0 always lies between).
    """

    demand_kw: FloatArray
    margin_kw: FloatArray
    pv_kw: FloatArray
    withdrawal_min_kw: FloatArray
    withdrawal_max_kw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """What a set of stations does. Arrays [time, station] in kW, except ``soc_kwh`` (end of hour).

    buy - sell + trade + pv + discharge - charge + unserved = demand + margin. ``trade_kw`` is
    the net purchase from peers, ``withdrawal_kw`` = buy - sell + trade what the bus feels, and
    ``pv_kw`` is the PV used (the rest is curtailed).
    """

    buy_kw: FloatArray
    sell_kw: FloatArray
    pv_kw: FloatArray
    charge_kw: FloatArray
    discharge_kw: FloatArray
    soc_kwh: FloatArray
    unserved_kw: FloatArray
    trade_kw: FloatArray
    cost: FloatArray  #: [station] energy bought less sold, degradation, unserved; no trade payments

    @property
    def withdrawal_kw(self) -> FloatArray:
        """Net withdrawal at the station's bus [time, station], positive for consumption."""
        return self.buy_kw - self.sell_kw + self.trade_kw
