"""What a flexible-network planning study starts from: demand, prices, candidates, rules.

Source: Wang et al., Multi-resource dynamic coordinated planning of flexible distribution network,
Nature Communications 15, 2024 ("the paper"); equation numbers in this package are the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from ...uncertainty.mixture import Mixture
from ..radial import RadialNetwork

HOURS_PER_YEAR = 8760


class CurrentBase(StrEnum):
    """What a rating in ampere means."""

    PAPER = "paper"  #: S = V I, without the square root of three
    THREE_PHASE = "three_phase"  #: S = sqrt(3) V I


class SopSign(StrEnum):
    """How a soft open point's losses enter its balance (17a)."""

    PHYSICAL = "physical"  #: sum of injections = - sum of losses
    PAPER = "paper"  #: sum of injections = + sum of losses, as printed: losses are created

    @property
    def factor(self) -> float:
        """Of losses beside injections, where the two add up to nothing."""
        return 1.0 if self is SopSign.PHYSICAL else -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Prices and growth of one planning stage."""

    converter_per_kva: float
    site: float  #: land of one soft open point or charging station
    line_per_km: float
    electricity_per_kwh: float  #: of losses, and of load that is not served safely
    battery_per_kwh: float
    transformer_per_kva: float
    load_growth_per_year: float
    pv_penetration: float  #: PV over (load + charging)
    ev_penetration: float  #: charging over (load + charging)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A bus where charging stations or PV may be built."""

    bus: int
    max_kva: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """The random factor on one kind of rated power (16): a mixture, clipped.

    ``correlation`` is Pearson's, between any two buses of the kind, before clipping. Kinds are
    independent of each other.
    """

    mixture: Mixture
    correlation: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The three kinds of random factor."""

    load: Factor  #: on P and Q of every bus
    ev: Factor  #: on the rated power of every charging station
    pv: Factor  #: on the rated power of every PV site


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Limits and technical constants."""

    years_per_stage: int
    discount_rate: float  #: d
    payback_years: int  #: L
    sop_loss: float  #: loss over apparent power of a converter, (17b)
    sop_max_kva: float  #: of one soft open point
    sop_max_terminals: int
    module_kva: float  #: installed capacities are multiples
    v_min_pu: float
    v_max_pu: float
    i_max_a: float
    current_base: CurrentBase
    sop_sign: SopSign
    pv_power_factor: float  #: PV injects reactive power as well


@dataclass(frozen=True, kw_only=True, eq=False)
class FdnCase:
    """Everything that a planning study reads. Arrays [stage, ...] have one row for each stage.

    Not slotted: derived arrays are computed on first use and kept.
    """

    name: str
    title: str
    currency: str
    network: RadialNetwork
    stages: tuple[Stage, ...]
    evcs_sites: tuple[Site, ...]
    pv_sites: tuple[Site, ...]
    factors: Factors
    rules: Rules
    digest: str  #: SHA-256 over the files, overrides included
    files: Mapping[str, str]  #: the files themselves, overrides included
    learned_from: tuple[str, ...] = ()  #: runs, with result hashes, that factors were fitted to

    @cached_property
    def growth(self) -> FloatArray:
        """Load at the end of each stage over nominal load [stage]."""
        years = self.rules.years_per_stage
        rates = [(1 + stage.load_growth_per_year) ** years for stage in self.stages]
        return frozen(np.cumprod(rates))

    @cached_property
    def load_p_kw(self) -> FloatArray:
        """Rated load [stage, bus]."""
        return frozen(np.outer(self.growth, self.network.load_p_kw))

    @cached_property
    def load_q_kvar(self) -> FloatArray:
        """Rated reactive load [stage, bus]."""
        return frozen(np.outer(self.growth, self.network.load_q_kvar))

    @cached_property
    def ev_kw(self) -> FloatArray:
        """Rated charging demand of the whole network [stage]: load p / (1 - p)."""
        shares = np.array([stage.ev_penetration for stage in self.stages])
        return frozen(self.load_p_kw.sum(axis=1) * shares / (1 - shares))

    @cached_property
    def pv_kw(self) -> FloatArray:
        """Rated PV power of the whole network [stage]."""
        shares = np.array([stage.pv_penetration for stage in self.stages])
        return frozen((self.load_p_kw.sum(axis=1) + self.ev_kw) * shares)

    @cached_property
    def terminals(self) -> IntArray:
        """Buses where a soft open point may connect [terminal]: the ends of ties."""
        return self.network.tie_buses()

    @cached_property
    def discount(self) -> FloatArray:
        """zeta_u [stage] = (1 + d)^(-Y (u - 1)), what a payment of the stage is worth today.

        With payback L = Y the capital recovery factor (7c) and the years of (7b) cancel, so that
        an investment counts once, times zeta_u; an annual cost counts ``annuity`` times.
        """
        rules = self.rules
        first_years = rules.years_per_stage * np.arange(len(self.stages))
        return frozen((1 + rules.discount_rate) ** -first_years.astype(float))

    @cached_property
    def annuity(self) -> float:
        """Present value of one a year for a stage: sum over y of (1 + d)^-y."""
        d, years = self.rules.discount_rate, self.rules.years_per_stage
        return ((1 + d) ** years - 1) / (d * (1 + d) ** years)

    @cached_property
    def i_max_pu(self) -> float:
        """Rating of every branch, per unit."""
        rules, network = self.rules, self.network
        three_phase = rules.current_base is CurrentBase.THREE_PHASE
        kva = network.vn_kv * rules.i_max_a * (np.sqrt(3) if three_phase else 1.0)
        return float(kva / network.s_base_kva)
