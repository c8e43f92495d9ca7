"""How methods, distributions, schemes and parts of cost are called and drawn, everywhere alike."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ..reporting import palette
from .design import Distribution, Method
from .schemes import WORST


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A name and a colour; lines also have a symbol and a dash, as colour is not for everyone.

    ``symbol`` is plotly's name and ``marker`` matplotlib's of the same shape; so are ``dash`` and
    ``line``.
    """

    name: str
    colour: str
    symbol: str = "circle"
    marker: str = "o"
    dash: str = "solid"
    line: str = "-"


METHODS: Final = MappingProxyType(
    {
        Method.DETERMINISTIC.value: Look(
            name="deterministic",
            colour=palette.GREY,
            symbol="x-thin-open",
            marker="x",
            dash="dot",
            line=":",
        ),
        Method.SP.value: Look(name="SP", colour=palette.BLUE, symbol="circle", marker="o"),
        Method.CROSS_VALIDATED.value: Look(
            name="DRO cross-validated",
            colour=palette.PINK,
            symbol="triangle-up",
            marker="^",
            dash="dash",
            line="--",
        ),
        Method.WASSERSTEIN.value: Look(
            name="DRO Wasserstein", colour=palette.GREEN, symbol="square", marker="s"
        ),
        Method.MOMENT.value: Look(
            name="DRO moment",
            colour=palette.ORANGE,
            symbol="diamond",
            marker="D",
            dash="dashdot",
            line="-.",
        ),
        Method.RO.value: Look(
            name="RO", colour=palette.VERMILION, symbol="triangle-down", marker="v"
        ),
    }
)
#: The same methods as the paper calls them at the operator.
OPERATOR_NAMES: Final = MappingProxyType({Method.MOMENT.value: "DR-CC"})

DISTRIBUTIONS: Final = MappingProxyType(
    {
        Distribution.NORMAL.value: Look(name="normal", colour=palette.SLATE),
        Distribution.HEAVY.value: Look(
            name="heavy tails", colour=palette.SLATE, symbol="diamond-open", marker="D"
        ),
        Distribution.SHIFTED.value: Look(
            name="shifted", colour=palette.SLATE, symbol="triangle-right-open", marker=">"
        ),
    }
)

#: Scheme I plans as SP does and III as DR-CC does, so they share a colour.
SCHEMES: Final = MappingProxyType(
    {
        "I": Look(name="scheme I", colour=palette.BLUE, symbol="circle", marker="o"),
        "II": Look(
            name="scheme II",
            colour=palette.INK,
            symbol="square",
            marker="s",
            dash="dash",
            line="--",
        ),
        "III": Look(name="scheme III", colour=palette.ORANGE, symbol="diamond", marker="D"),
    }
)
REALISATIONS: Final = MappingProxyType(
    {
        WORST: "worst realisation",
        **{key: f"fresh samples, {look.name}" for key, look in DISTRIBUTIONS.items()},
    }
)

PARTS: Final = MappingProxyType(
    {
        "upstream_active": Look(name="upstream active", colour="#66788a"),
        "upstream_reactive": Look(name="upstream reactive", colour=palette.SILVER),
        "der": Look(name="DER", colour=palette.MINT),
        "reserve": Look(name="reserve", colour="#b07fd0"),
    }
)

LEVELS: Final = MappingProxyType({"station": "all stations", "dso": "operator"})


def method_name(method: str, level: str = "station") -> str:
    """What the reader sees of a method at a level."""
    if level == "dso" and method in OPERATOR_NAMES:
        return OPERATOR_NAMES[method]
    return METHODS[method].name
