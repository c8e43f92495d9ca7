"""What modules cost: at once, and a year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, IntArray
from .case import DcStorageCase
from .operation import modules_max
from .solution import DcPlan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FirstStage:
    """Sites are ports, then batteries of links; all [site], money in the case's currency."""

    most: FloatArray  #: modules
    module_price: FloatArray
    site_price: FloatArray  #: of a site with any module
    annuity: FloatArray  #: a year, over the investment
    upkeep: FloatArray  #: likewise
    return_min: float

    @classmethod
    def of(cls, case: DcStorageCase) -> FirstStage:
        """The case's prices."""
        rules, counts = case.modules, (len(case.links.port_buses), len(case.links.names))

        def each(port: float, battery: float) -> FloatArray:
            return np.repeat([port, battery], counts)

        return cls(
            most=modules_max(case),
            module_price=each(rules.converter_price, rules.battery_price),
            site_price=each(rules.port_price, rules.battery_site_price),
            annuity=each(case.annuity(rules.converter_years), case.annuity(rules.battery_years)),
            upkeep=each(rules.converter_upkeep, rules.battery_upkeep),
            return_min=case.rules.return_min,
        )

    def investments(self, modules: FloatArray) -> FloatArray:
        """Of every site."""
        return self.module_price * modules + self.site_price * (modules > 0)

    def yearly(self, modules: FloatArray) -> float:
        """Annuity and upkeep."""
        return float((self.annuity + self.upkeep) @ self.investments(modules))

    def wanted(self, modules: FloatArray) -> float:
        """Least income that the return asks for: upkeep and xi times the investment."""
        return float((self.upkeep + self.return_min) @ self.investments(modules))


def plan_of(case: DcStorageCase, modules: FloatArray) -> DcPlan:
    """Whole numbers [site] as a plan."""
    ports = len(case.links.port_buses)
    whole: IntArray = np.round(modules).astype(np.int64)
    return DcPlan(converter_modules=whole[:ports], battery_modules=whole[ports:])
