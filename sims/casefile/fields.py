"""The kinds of value a case is made of: quantities with a unit and a plausible range, names.

One range serves two purposes: it keeps out what cannot be (a negative capacity), and what is a slip
of the unit (a PV plant of 225000 kW). Ranges are wide; prices assume a currency of about a dollar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ...core.units import PHASES


class Section(BaseModel):
    """A section of ``case.yaml``: numbers must be numbers, unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Row(BaseModel):
    """A row of a table; every cell arrives as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def fault(text: str, remedy: str) -> PydanticCustomError:
    """An error that says what is wrong and what to do about it."""
    return PydanticCustomError("case_fault", "{text}", {"text": text, "remedy": remedy})


@dataclass(frozen=True, slots=True)
class Between:
    """A finite number from ``low`` to ``high``, both in ``unit``; ``slip`` is the usual mistake."""

    unit: str
    low: float
    high: float
    slip: int = 1000

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Checks after pydantic has made the number."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, value: float) -> float:
        """The value itself, or a fault that names unit and remedy."""
        if not self._holds(value):
            raise fault(self._fault(value), self._remedy(value))
        return value

    def _holds(self, value: float) -> bool:
        return math.isfinite(value) and self.low <= value <= self.high

    def _fault(self, value: float) -> str:
        if not math.isfinite(value):
            return f"{value} is not a finite number"
        if value < 0 <= self.low:
            return f"{value:g} {self.unit} is negative"
        return f"{value:g} {self.unit} is not plausible, outside {self.low:g} to {self.high:g}"

    def _remedy(self, value: float) -> str:
        if value > self.high and self._holds(value / self.slip):
            return f"{self.slip} times too large? give it {self._written(value / self.slip)}"
        if 0 < value < self.low and self._holds(value * self.slip):
            return f"{self.slip} times too small? give it {self._written(value * self.slip)}"
        return f"give a number from {self.low:g} to {self.high:g} {self.unit}"

    def _written(self, value: float) -> str:
        preposition = "" if self.unit.startswith(("as ", "per ", "on ")) else "in "
        return f"{preposition}{self.unit}: {value:g}"


def _text(value: object) -> object:
    """Buses and nodes are often numbers: in YAML ``source_bus: 1`` means the bus named "1"."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value).strip() if is_number or isinstance(value, str) else value


def _name(value: str) -> str:
    if not value:
        raise fault("is empty", "give a name")
    return value


def _phases(value: str) -> str:
    if not value or value != "".join(phase for phase in PHASES if phase in value):
        raise fault(f"'{value}' does not name phases", "give letters of 'abc' in this order")
    return value


def _station_phases(value: str) -> str:
    if value not in ("abc", *PHASES):
        raise fault(f"'{value}' does not connect a station", "give 'abc', 'a', 'b' or 'c'")
    return value


Name = Annotated[str, BeforeValidator(_text), AfterValidator(_name)]
Phases = Annotated[str, BeforeValidator(_text), AfterValidator(_phases)]
StationPhases = Annotated[str, BeforeValidator(_text), AfterValidator(_station_phases)]

Count = Annotated[int, Between("pieces", 0, 100_000)]
Share = Annotated[float, Between("as a share", 0.0, 1.0, slip=100)]
RankCorrelation = Annotated[float, Between("as a rank correlation", -0.99, 0.99, slip=100)]
Confidence = Annotated[float, Between("as a probability", 0.5, 0.999, slip=100)]
Efficiency = Annotated[float, Between("as an efficiency", 0.3, 1.0, slip=100)]
Factor = Annotated[float, Between("as a factor", 0.0, 10.0)]
Position = Annotated[float, Between("on the drawing", -1e6, 1e6)]
RatioQP = Annotated[float, Between("kvar per kW", -10.0, 10.0)]
SelfOhm = Annotated[float, Between("ohm", 0.0, 20.0)]
MutualOhm = Annotated[float, Between("ohm", -20.0, 20.0)]
PowerKw = Annotated[float, Between("kW", 0.0, 20_000.0)]
PowerKvar = Annotated[float, Between("kvar", -20_000.0, 20_000.0)]
PowerKva = Annotated[float, Between("kVA", 0.1, 50_000.0)]
EnergyKwh = Annotated[float, Between("kWh", 0.0, 50_000.0)]
PricePerKwh = Annotated[float, Between("per kWh", 0.0, 10.0)]
PricePerKw = Annotated[float, Between("per kW", 0.0, 10.0)]
