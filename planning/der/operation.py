"""A day's operation of a feeder with PV and batteries, bus by bus or on a copperplate.

Bus by bus, for all hours t, branch i ends at bus i (lossless linear DistFlow):

    pv + discharge - charge (+ unserved) + p_i - sum of p_k of branches k that leave i = load
    v_i = v_upstream - 2 (r_i p_i + x_i q_i),    v_min^2 <= v <= v_max^2,  v of the head 1
    polygon of s_max around (p_i, q_i): as q is certain, an interval of p_i
    0 <= pv <= profile * kW built,    charge + discharge <= power of a battery * battery built
    soc_t = soc_(t-1) + eta charge - discharge / eta,  within its shares of the capacity
    min  sum of price * import + operating costs of PV used and energy discharged

On the copperplate there is one balance for all buses: a lower bound for any network, and exact
where no limit of the network is in the way.

Source: García-Muñoz and Duran-Mateluna, Adaptive robust optimization models for DER planning
(arXiv 2503.17839), (5) and Appendix A, with an end-of-day state of charge added. Charging and
discharging at once is never of use: what may be curtailed has no negative price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.devices.battery import energy_balance, split_flows, stay_charged
from ...core.devices.rows import Term
from ...core.units import BoolArray, FloatArray, IntArray
from ..radial import HEAD
from .case import DerCase
from .device_rows import DeviceRows, of_plan
from .first_stage import FirstStage
from .recourse import Recourse, RecourseWriter


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weather:
    """What is known of a day: PV and load where they are given, None where nature decides."""

    pv: FloatArray | None = None  #: [time]
    load_kw: FloatArray | None = None  #: [bus, time]
    weight: float = 1.0

    def hours(self, case: DerCase) -> int:
        """Time steps; a multiple of the day's."""
        return case.hours if self.pv is None else len(self.pv)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """Rows sum over buses of weight (production - demand) <= bound at an hour, all [row]."""

    weight: FloatArray  #: [row, bus]
    bound: FloatArray
    hour: IntArray
    importing: BoolArray  #: demand pushes against it, not production


def copperplate(
    case: DerCase, first: FirstStage, weather: Weather, limits: Limits | None = None
) -> Recourse:
    """The operation with one balance; for ``all_as_one`` or, with any limits, ``site_by_site``.

    With the limits of the feeder that can be reached it costs what it costs ``bus_by_bus``.
    """
    day = _Day(case, first, weather)
    devices = day.devices(len(first.pv_kw), len(first.battery_kwh))
    imported = day.imported()
    terms: list[Term] = [(imported, 1.0), (devices.pv.T, 1.0)]
    terms += [(devices.discharge.T, 1.0), (devices.charge.T, -1.0)]
    others = devices.columns
    unserved = None if case.rules.unserved_per_kwh is None else day.unserved()
    if unserved is not None:
        others["unserved"] = unserved
        terms.append((unserved.T, 1.0))
    nature = [] if weather.load_kw is not None else [(day.load_parameters().T, 1.0)]
    known = np.zeros(day.hours) if weather.load_kw is None else weather.load_kw.sum(axis=0)
    day.writer.rows(terms, known, equal=True, nature=nature)
    if limits is not None:
        day.limit(limits, devices, unserved)
    return day.writer.build(weather.weight, imported, **others)


def bus_by_bus(case: DerCase, first: FirstStage, weather: Weather) -> Recourse:
    """The operation with the feeder's limits; for ``site_by_site``."""
    day, network, rules = _Day(case, first, weather), case.network, case.rules
    writer, count, parent = day.writer, len(case.network.buses), case.network.parent
    devices = day.devices(len(case.pv_sites), len(case.battery_sites))
    imported = day.imported()
    q_kvar = network.carries @ day.over_days(case.load_q_kvar)
    least, most = flow_limits(case, q_kvar)
    p = writer.columns(count, day.hours, lower=least, upper=most)
    v = writer.columns(count, day.hours, lower=case.v_min_pu**2, upper=case.v_max_pu**2)
    at_head = parent == HEAD
    writer.rows([(imported, 1.0), (p[at_head].T, -1.0)], np.zeros(day.hours), equal=True)
    onward = np.equal.outer(np.arange(count), parent).astype(float)
    terms: list[Term] = [(p, 1.0), (_all(p), -onward[:, None, :])]
    for sites, columns, sign in (
        (case.pv_sites, devices.pv, 1.0),
        (case.battery_sites, devices.discharge, 1.0),
        (case.battery_sites, devices.charge, -1.0),
    ):
        place = np.equal.outer(np.arange(count), sites).astype(float)
        terms.append((_all(columns), sign * place[:, None, :]))
    others = devices.columns
    if rules.unserved_per_kwh is not None:
        others["unserved"] = day.unserved()
        terms.append((others["unserved"], 1.0))
    nature = [] if weather.load_kw is not None else [(day.load_parameters(), 1.0)]
    known = np.zeros(p.shape) if weather.load_kw is None else weather.load_kw
    writer.rows(terms, known, equal=True, nature=nature)
    kva = network.s_base_kva
    r, x = 2 * network.r_pu[:, None] / kva, 2 * network.x_pu[:, None] / kva
    drop: list[Term] = [(v, 1.0), (p, r), (v[parent], -1.0 * ~at_head[:, None])]
    writer.rows(drop, at_head[:, None] - x * q_kvar, equal=True)
    return writer.build(weather.weight, imported, flow=p, voltage=v, **others)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Devices:
    """Columns [site, time]."""

    pv: IntArray
    charge: IntArray
    discharge: IntArray

    @property
    def columns(self) -> dict[str, IntArray]:
        """By name."""
        return {"pv": self.pv, "charge": self.charge, "discharge": self.discharge}


class _Day:
    """What both forms have in common."""

    def __init__(self, case: DerCase, first: FirstStage, weather: Weather) -> None:
        self._case, self._first, self._weather = case, first, weather
        self.hours = weather.hours(case)
        parameters = case.deviations.load_mean_kw.size + case.hours
        self.writer = RecourseWriter(first.count, parameters)

    def over_days(self, values: FloatArray) -> FloatArray:
        """A day's values [..., time] for as many days as there are."""
        return np.tile(values, self.hours // self._case.hours)

    def imported(self) -> IntArray:
        """Power from upstream [time], which is never sold."""
        most, price = self._case.rules.import_max_kw, self.over_days(self._case.price_per_kwh)
        return self.writer.columns(self.hours, upper=most, cost=price)

    def load_parameters(self) -> IntArray:
        """Which u are loads [bus, time]."""
        shape = self._case.deviations.load_mean_kw.shape
        return np.arange(shape[0] * shape[1]).reshape(shape)

    def unserved(self) -> IntArray:
        """Load that is not served [bus, time], at most the load."""
        case, weather = self._case, self._weather
        shape = (len(case.network.buses), self.hours)
        columns = self.writer.columns(*shape, cost=case.rules.unserved_per_kwh)
        known = np.zeros(shape) if weather.load_kw is None else weather.load_kw
        nature = [] if weather.load_kw is not None else [(self.load_parameters(), 1.0)]
        self.writer.rows([(columns, 1.0)], known, nature=nature)
        return columns

    def devices(self, pv_sites: int, battery_sites: int) -> _Devices:
        """PV and batteries, with what their capacities allow."""
        return _Devices(pv=self._photovoltaics(pv_sites), **self._batteries(battery_sites))

    def limit(self, limits: Limits, devices: _Devices, unserved: IntArray | None) -> None:
        """Rows of limits of the feeder."""
        case, hour, weight = self._case, limits.hour, limits.weight
        terms: list[Term] = [
            (columns[:, hour].T, sign * weight[:, sites])
            for sites, columns, sign in (
                (case.pv_sites, devices.pv, 1.0),
                (case.battery_sites, devices.discharge, 1.0),
                (case.battery_sites, devices.charge, -1.0),
            )
        ]
        if unserved is not None:
            terms.append((unserved[:, hour].T, weight))
        load_kw = self._weather.load_kw
        if load_kw is None:
            demand = [(self.load_parameters()[:, hour].T, weight)]
            self.writer.rows(terms, limits.bound, nature=demand)
        else:
            self.writer.rows(terms, limits.bound + (weight * load_kw[:, hour].T).sum(axis=1))

    def _photovoltaics(self, sites: int) -> IntArray:
        case, weather = self._case, self._weather
        used = self.writer.columns(sites, self.hours, cost=case.rules.pv_per_kwh_used)
        built = np.broadcast_to(self._first.pv_kw[:, None], used.shape)
        none = np.zeros(used.shape)
        if weather.pv is not None:
            self.writer.rows([(used, 1.0)], none, plan=[(built, weather.pv)])
        else:
            profile = case.deviations.load_mean_kw.size + np.arange(self.hours)
            self.writer.rows([(used, 1.0)], none, products=[(profile, built, 1.0)])
        return used

    def _batteries(self, sites: int) -> dict[str, IntArray]:
        rules, writer, first = self._case.rules, self.writer, self._first
        shape = (sites, self.hours)
        charge = writer.columns(*shape)
        discharge = writer.columns(*shape, cost=rules.battery_per_kwh_out)
        soc_kwh = writer.columns(*shape)
        least = np.full(self.hours, rules.soc_min)
        if rules.terminal_soc:
            least[-1] = rules.soc_start
        rows, kwh = DeviceRows(writer), of_plan(first.battery_kwh)
        efficiencies = (rules.efficiency_charge, rules.efficiency_discharge)
        flows = split_flows(charge.T, discharge.T, *efficiencies)
        energy_balance(rows, soc_kwh.T, flows, (kwh, rules.soc_start))
        stay_charged(rows, soc_kwh.T, (kwh, 1.0), least[:, None], rules.soc_max)
        built = np.broadcast_to(first.battery_built[:, None], shape)
        both: list[Term] = [(charge, 1.0), (discharge, 1.0)]
        writer.rows(both, np.zeros(shape), plan=[(built, rules.battery_kw)])
        return {"charge": charge, "discharge": discharge}


def _all(columns: IntArray) -> IntArray:
    """[site, time] as [1, time, site], to be summed over sites in rows [bus, time]."""
    return columns.T[None]


def flow_limits(case: DerCase, q_kvar: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The interval of p [branch, time] within the polygon of s_max, for certain q."""
    angle = 2 * np.pi * np.arange(case.rules.polygon_sides) / case.rules.polygon_sides
    least, most = np.full(q_kvar.shape, -np.inf), np.full(q_kvar.shape, np.inf)
    for cos, sin in zip(np.cos(angle), np.sin(angle), strict=True):
        if abs(cos) < 1e-9:
            continue
        edge = (case.s_max_kva[:, None] - sin * q_kvar) / cos
        if cos > 0:
            most = np.minimum(most, edge)
        else:
            least = np.maximum(least, edge)
    return least, most
