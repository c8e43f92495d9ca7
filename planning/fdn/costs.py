"""What a plan costs, by stage and component: (8) and (19), in the three ways people ask for.

``overnight`` is what the stage pays for what it builds, in its own money (operation: all its years
added up). ``annualised`` is what one year of the stage bears: (7c) times overnight, or a year's
operation. ``present_value`` is what today's purse must hold: discounted to the first day of
the first stage, as in the paper's Table 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ...core.units import FloatArray, frozen
from .case import FdnCase
from .operating_cost import OperatingCost
from .plan import Plan
from .reinforcement import LINE_PRICE_MULTIPLE, RATING_MULTIPLE, reinforced_branches


class Component(StrEnum):
    """What money is spent on, in the order of the paper's Table 2."""

    SOP_SITE = "sop_site"
    SOP_CONVERTER = "sop_converter"
    SOP_LINE = "sop_line"
    EVCS_SITE = "evcs_site"
    EVCS_CONVERTER = "evcs_converter"
    PV_CONVERTER = "pv_converter"
    STORAGE_SITE = "storage_site"
    STORAGE_CONVERTER = "storage_converter"
    STORAGE_BATTERY = "storage_battery"
    LARGER_LINE = "larger_line"
    LARGER_TRANSFORMER = "larger_transformer"
    LOSS = "loss"
    OVERLOAD = "overload"
    VOLTAGE = "voltage"

    @property
    def is_operation(self) -> bool:
        """Whether it is paid every year, and not once."""
        return self in _OPERATION

    @property
    def cause(self) -> str:
        """What makes it necessary."""
        return _CAUSES[self]


_OPERATION = frozenset({Component.LOSS, Component.OVERLOAD, Component.VOLTAGE})
_CAUSES = {
    **dict.fromkeys(Component, "limits of the grid"),
    Component.EVCS_SITE: "charging demand",
    Component.EVCS_CONVERTER: "charging demand",
    Component.PV_CONVERTER: "photovoltaics",
    Component.LOSS: "energy losses",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Costs:
    """In the case's currency; each array [stage]."""

    overnight: Mapping[Component, FloatArray]
    annualised: Mapping[Component, FloatArray]
    present_value: Mapping[Component, FloatArray]

    @property
    def investment(self) -> float:
        """Present value of all that is built."""
        return self._sum(operation=False)

    @property
    def operation(self) -> float:
        """Present value of losses and of load that is not served safely."""
        return self._sum(operation=True)

    @property
    def total(self) -> float:
        """Investment and operation (7a), with the revised operating cost (19)."""
        return self.investment + self.operation

    def _sum(self, operation: bool) -> float:
        values = self.present_value.items()
        return sum(float(v.sum()) for part, v in values if part.is_operation is operation)


def costs_of(case: FdnCase, plan: Plan, operation: OperatingCost) -> Costs:
    """All components of a plan; what it does not build costs nothing."""
    yearly = {
        Component.LOSS: operation.loss,
        Component.OVERLOAD: operation.overload,
        Component.VOLTAGE: operation.voltage,
    }
    built = investments(case, plan)
    years, annuity = case.rules.years_per_stage, case.annuity
    return Costs(
        overnight=_frozen({**built, **_times(yearly, years)}),
        annualised=_frozen({**_times(built, capital_recovery(case)), **yearly}),
        present_value=_frozen(_times({**built, **_times(yearly, annuity)}, case.discount)),
    )


def capital_recovery(case: FdnCase) -> float:
    """(7c): epsilon = d (1 + d)^L / ((1 + d)^L - 1)."""
    growth = (1 + case.rules.discount_rate) ** case.rules.payback_years
    return case.rules.discount_rate * growth / (growth - 1)


def investments(case: FdnCase, plan: Plan) -> dict[Component, FloatArray]:
    """(8): price times increment of what stands, overnight [stage]."""
    stages = case.stages
    converter = np.array([stage.converter_per_kva for stage in stages])
    site = np.array([stage.site for stage in stages])
    line = np.array([stage.line_per_km for stage in stages])
    battery = np.array([stage.battery_per_kwh for stage in stages])
    transformer = np.array([stage.transformer_per_kva for stage in stages])
    sops = plan.sops
    storages = plan.storages or ((),) * len(stages)
    larger_km, larger_kva = _reinforcement(case, plan)
    return {
        Component.SOP_SITE: site * _added([len(one) for one in sops]),
        Component.SOP_CONVERTER: converter * _added([sum(sum(s.kva) for s in u) for u in sops]),
        Component.SOP_LINE: line * _added([sum(s.line_km for s in u) for u in sops]),
        Component.EVCS_SITE: site * _added((plan.evcs_kva > 0).sum(axis=1)),
        Component.EVCS_CONVERTER: converter * _added(plan.evcs_kva.sum(axis=1)),
        Component.PV_CONVERTER: converter * _added(plan.pv_kva.sum(axis=1)),
        Component.STORAGE_SITE: site * _added([len(one) for one in storages]),
        Component.STORAGE_CONVERTER: converter * _added([sum(s.kva for s in u) for u in storages]),
        Component.STORAGE_BATTERY: battery * _added([sum(s.kwh for s in u) for u in storages]),
        Component.LARGER_LINE: LINE_PRICE_MULTIPLE * line * _added(larger_km),
        Component.LARGER_TRANSFORMER: transformer * _added(larger_kva),
    }


def _reinforcement(case: FdnCase, plan: Plan) -> tuple[FloatArray, FloatArray]:
    """Length of larger lines, and what their transformers gain [stage]: a feeder's rating, once."""
    larger = reinforced_branches(case, plan)
    feeders = np.array([len(set(stage)) for stage in plan.reinforced or ((),) * len(case.stages)])
    gain_kva = (RATING_MULTIPLE - 1) * case.i_max_pu * case.network.s_base_kva
    return larger @ case.network.length_km, feeders * gain_kva


def _added(standing: object) -> FloatArray:
    """What each stage adds to what stands."""
    return np.diff(np.asarray(standing, dtype=float), prepend=0.0)


def _times(
    values: Mapping[Component, FloatArray], factor: float | FloatArray
) -> dict[Component, FloatArray]:
    return {component: value * factor for component, value in values.items()}


def _frozen(values: Mapping[Component, FloatArray]) -> dict[Component, FloatArray]:
    return {component: frozen(values[component]) for component in Component}
