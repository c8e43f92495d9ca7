"""What ``case.yaml`` of a planning case may say, section by section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..casefile.fields import Between, Name, PowerKva, Section


class About(Section):
    """What the case is, what it is called, and its currency."""

    kind: Literal["fdn planning"]
    name: Name
    title: Name
    currency: Name


class NetworkSettings(Section):
    """Voltage base and limits; ``current_base`` says what ``i_max_a`` means in kVA."""

    vn_kv: Annotated[float, Between("kV line-to-line", 0.1, 500.0)]
    v_min_pu: Annotated[float, Between("pu", 0.5, 1.0)]
    v_max_pu: Annotated[float, Between("pu", 1.0, 1.5)]
    i_max_a: Annotated[float, Between("A", 1.0, 10_000.0)]
    current_base: Literal["three_phase", "paper"] = "three_phase"


class MoneySettings(Section):
    """How years count; investments of a stage are paid back within it."""

    years_per_stage: Annotated[int, Between("years", 1, 50)]
    discount_rate: Annotated[float, Between("as a share", 1e-6, 0.5, slip=100)]


class SopSettings(Section):
    """What a soft open point may be."""

    loss_share: Annotated[float, Between("as a share", 0.0, 0.2, slip=100)]
    max_kva: PowerKva
    max_terminals: Annotated[int, Between("terminals", 2, 12)]
    sign: Literal["physical", "paper"] = "physical"


class ConverterSettings(Section):
    """What holds for converters of every use."""

    module_kva: PowerKva
    pv_power_factor: Annotated[float, Between("as a power factor", 0.5, 1.0, slip=100)]


class UncertaintySettings(Section):
    """Which rows of ``factors.csv`` and ``mixtures.csv`` hold, and the runs they come from."""

    factor_set: Name
    learned_from: list[Name] = Field(default_factory=list)


class PlanSettings(Section):
    """The whole of ``case.yaml``."""

    case: About
    network: NetworkSettings
    money: MoneySettings
    sops: SopSettings
    converters: ConverterSettings
    uncertainty: UncertaintySettings
