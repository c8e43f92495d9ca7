"""What fixed plans cost on given days: the cheapest operation of every day, exactly.

A day is first operated on the copperplate, batteries of one size as one. Where what its PV and
batteries then do, shared among the sites in proportion to their sizes, keeps all limits of the
feeder, no operation of the feeder is cheaper. Only the other days are operated bus by bus.

    autonomy = 1 - (imported + unserved energy) / load
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import InfeasibleError
from ...core.linear_family import LinearFamily
from ...core.solve import LinearProgram
from ...core.units import BoolArray, FloatArray, IntArray, frozen
from .case import DerCase
from .first_stage import FirstStage, in_groups, site_by_site
from .operation import Weather, bus_by_bus, copperplate
from .recourse import Recourse
from .solution import DerPlan

#: By how much a limit may be missed: kW, or per unit of squared voltage times 1e3.
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operated:
    """Days of operation, all [day]; what cannot be operated is NaN."""

    cost: FloatArray  #: of operation, investment not included
    imported_kwh: FloatArray
    unserved_kwh: FloatArray
    load_kwh: FloatArray
    nodal: BoolArray  #: operated bus by bus: the copperplate's operation would break a limit

    @property
    def infeasible(self) -> int:
        """Days on which the load cannot be served."""
        return int(np.isnan(self.cost).sum())

    @property
    def autonomy(self) -> float:
        """Of the days that can be operated, together."""
        there = ~np.isnan(self.cost)
        missing = (self.imported_kwh + self.unserved_kwh)[there].sum()
        return float(1 - missing / self.load_kwh[there].sum())


def operate_days(case: DerCase, plan: DerPlan, pv: FloatArray, load_kw: FloatArray) -> Operated:
    """Each day by itself.

    Args:
        case: prices, rules and the feeder.
        plan: what stands.
        pv: [day, time] kW per kW.
        load_kw: [day, bus, time].
    """
    fates = np.concatenate([load_kw.reshape(len(load_kw), -1), pv], axis=1)
    return _operated(case, plan, Weather(), fates, load_kw)


def operate_in_a_row(case: DerCase, plan: DerPlan, pv: FloatArray, load_kw: FloatArray) -> Operated:
    """The same days as one horizon: what batteries hold is carried over midnight.

    Batteries begin at their starting charge and end with it once, after the last day.
    """
    weather = Weather(pv=pv.ravel(), load_kw=np.concatenate(list(load_kw), axis=1))
    fates = np.zeros((1, case.deviations.load_mean_kw.size + case.hours))
    assert weather.load_kw is not None
    return _operated(case, plan, weather, fates, weather.load_kw[None])


def scenarios_in_a_row(case: DerCase, plan: DerPlan) -> Operated:
    """The representative days one after another (216 h in the paper)."""
    return operate_in_a_row(case, plan, case.scenarios.pv, case.scenarios.load_kw)


def other_days(case: DerCase) -> IntArray:
    """Days of the year that are no scenario: no model has seen them."""
    return np.setdiff1d(np.arange(len(case.year.pv)), case.scenarios.days)


def out_of_sample(case: DerCase, plan: DerPlan) -> Operated:
    """The days of ``other_days``, in their order."""
    days = other_days(case)
    return operate_days(case, plan, case.year.pv[days], case.year.load_kw[days])


def _operated(
    case: DerCase, plan: DerPlan, weather: Weather, fates: FloatArray, load_kw: FloatArray
) -> Operated:
    """``fates`` [day, parameter]: what ``weather`` leaves to nature; ``load_kw`` [day, bus, t]."""
    groups = _Groups(case, plan)
    simple = _Family(copperplate(case, groups.first, weather), groups.x)
    answer = simple.solve(fates)
    sites = site_by_site(case)
    nodal = _Family(bus_by_bus(case, sites, weather), plan.columns(case, sites))
    drawn = load_kw - groups.injected(simple.recourse, answer.y)
    # What the copperplate cannot serve the feeder cannot either.
    beyond = np.isfinite(answer.cost) & ~_within_limits(case, nodal.recourse, drawn)
    if beyond.any():
        answer = _merged(answer, nodal.solve(fates[beyond]), beyond)
    return Operated(
        cost=frozen(answer.cost),
        imported_kwh=frozen(answer.imported_kwh),
        unserved_kwh=frozen(answer.unserved_kwh),
        load_kwh=frozen(load_kw.sum(axis=(1, 2))),
        nodal=frozen(beyond, np.bool_),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Answer:
    """Of every day; NaN where there is none."""

    cost: FloatArray
    imported_kwh: FloatArray
    unserved_kwh: FloatArray
    y: FloatArray  #: [day, column]


class _Family:
    """A recourse at one plan, to be solved for many fates."""

    def __init__(self, recourse: Recourse, x: FloatArray) -> None:
        self.recourse, self._x = recourse, x

    def solve(self, fates: FloatArray) -> _Answer:
        """The cheapest operation at each of ``fates`` [day, parameter]."""
        one = self.recourse
        fixed = one.fixed + one.by_plan @ self._x
        sides = fixed + (one.nature_at(self._x) @ fates.T).T
        family = LinearFamily(_program(one, sides[0]), "operation of a day")
        y, cost = np.full((len(sides), len(one.cost)), np.nan), np.full(len(sides), np.nan)
        for day, side in enumerate(sides):
            try:
                cost[day], y[day] = family.solve(np.where(one.equal, side, -np.inf), side)
            except InfeasibleError:
                continue
        unserved = one.others.get("unserved", np.zeros(0, np.int64)).ravel()
        return _Answer(
            cost=cost,
            imported_kwh=y[:, one.imported].sum(axis=1),
            unserved_kwh=y[:, unserved].sum(axis=1),
            y=y,
        )


def _program(one: Recourse, side: FloatArray) -> LinearProgram:
    return LinearProgram(
        cost=one.cost,
        matrix=one.matrix.tocsc(),
        row_lower=np.where(one.equal, side, -np.inf),
        row_upper=side,
        col_lower=one.lower,
        col_upper=one.upper,
    )


def _merged(before: _Answer, after: _Answer, where: BoolArray) -> _Answer:
    """The days ``where`` replaced by those of ``after``."""
    found = {}
    for name in ("cost", "imported_kwh", "unserved_kwh"):
        found[name] = getattr(before, name).copy()
        found[name][where] = getattr(after, name)
    return replace(before, **found)


class _Groups:
    """Batteries that may be operated as one: of one size, or so small that none is ever too weak.

    A battery that may pass its whole energy in an hour is never held back by its power, and such
    batteries share any operation in proportion to their capacities.
    """

    def __init__(self, case: DerCase, plan: DerPlan) -> None:
        self._plan, rules = plan, case.rules
        inside = (rules.soc_max - rules.soc_min) * plan.battery_kwh
        strong = rules.battery_kw * rules.efficiency_charge >= inside
        self._size = np.where(strong, 0.0, plan.battery_kwh.round(6))
        self._sizes = np.unique(self._size[plan.battery_built])
        if not len(self._sizes):
            self._sizes = np.zeros(1)
        self.first: FirstStage = in_groups(case, len(self._sizes))
        self.x = np.zeros(self.first.count)
        self.x[self.first.pv_built] = plan.pv_built.sum()
        self.x[self.first.pv_kw] = plan.pv_kw.sum()
        for group, members in enumerate(self._members()):
            self.x[self.first.battery_built[group]] = members.sum()
            self.x[self.first.battery_kwh[group]] = plan.battery_kwh[members].sum()

    def injected(self, recourse: Recourse, y: FloatArray) -> FloatArray:
        """What devices (and load not served) relieve the feeder of [day, bus, time]."""
        used = {name: y[:, columns] for name, columns in recourse.others.items()}
        found = _share(self._plan.pv_kw)[:, None] * used["pv"]
        for group, members in enumerate(self._members()):
            share = _share(np.where(members, self._plan.battery_kwh, 0.0))
            net = used["discharge"][:, group] - used["charge"][:, group]
            found = found + share[:, None] * net[:, None, :]
        return np.asarray(found + used.get("unserved", 0.0))

    def _members(self) -> list[BoolArray]:
        return [self._plan.battery_built & (self._size == size) for size in self._sizes]


def _share(size: FloatArray) -> FloatArray:
    return np.asarray(size / max(size.sum(), 1e-12))


def _within_limits(case: DerCase, nodal: Recourse, drawn_kw: FloatArray) -> BoolArray:
    """Whether the flows that net loads [day, bus, time] make keep all limits [day]."""
    network = case.network
    flow, voltage = nodal.others["flow"], nodal.others["voltage"]
    q_kvar = np.tile(case.load_q_kvar, drawn_kw.shape[2] // case.hours)
    p_kw = network.carries @ drawn_kw
    drop = network.shared_r_pu @ drawn_kw + network.shared_x_pu @ q_kvar
    squared = 1 - 2 * drop / network.s_base_kva
    inside = [
        (values >= nodal.lower[columns] - slack) & (values <= nodal.upper[columns] + slack)
        for values, columns, slack in (
            (p_kw, flow, _TOLERANCE),
            (squared, voltage, 1e-3 * _TOLERANCE),
        )
    ]
    return np.asarray((inside[0] & inside[1]).all(axis=(1, 2)))
