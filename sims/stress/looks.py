"""How a stress study's things are called and coloured, on its page and on paper."""

from __future__ import annotations

from typing import Final

from ..reporting import palette
from .evidence import AC_CLASSES, AGREED, BOUNDARY_PARTS, BY_ENVELOPE

#: Colour and plotly's and matplotlib's marker of each adjustment policy.
POLICY_COLOURS: Final = {
    "projection": palette.BLUE,
    "paper": palette.VERMILION,
    "price": palette.PINK,
}
#: Symbol and size [px]: where policies agree, one symbol stands inside the other.
POLICY_SYMBOLS: Final = {
    "projection": ("circle-open", 14),
    "paper": ("square-open", 9.5),
    "price": ("diamond", 6),
}
POLICY_MARKERS: Final = {"projection": ("o", 44), "paper": ("s", 20), "price": ("D", 9)}

_END_COLOURS: Final = {
    AGREED: palette.GREEN,
    BY_ENVELOPE: palette.MINT,
    "InfeasibleError": palette.ORANGE,
    "NegotiationError": palette.SKY,
    "MessageLost": palette.SLATE,
    "HostLost": palette.ROSE,
    "SolveError": palette.GREY,
    "unnamed": palette.RED,
}
_END_WORDS: Final = {
    "InfeasibleError": "grid cannot be run (InfeasibleError)",
    "NegotiationError": "gap not reached (NegotiationError)",
    "MessageLost": "no reply (MessageLost)",
    "HostLost": "process lost (HostLost)",
    "SolveError": "solver gave up (SolveError)",
    "unnamed": "no named reason",
}

AC_COLOURS: Final = dict(
    zip(
        AC_CLASSES,
        (palette.SILVER, palette.GREEN, palette.SKY, palette.ORANGE, palette.RED),
        strict=True,
    )
)
AC_SYMBOLS: Final = dict(
    zip(AC_CLASSES, ("circle", "circle", "square", "diamond", "x"), strict=True)
)
AC_MARKERS: Final = dict(zip(AC_CLASSES, ("o", "o", "s", "D", "X"), strict=True))

BOUNDARY_COLOURS: Final = dict(
    zip(BOUNDARY_PARTS, (palette.GREEN, palette.SILVER, palette.ORANGE, palette.ROSE), strict=True)
)

#: From none agreed to all agreed.
AGREEMENT: Final = palette.CHANGE[::-1]


def kind_words(kind: str) -> str:
    """'line derating'."""
    return kind.replace("_", " ")


def end_words(end: str) -> str:
    """An outcome as the reader sees it; the error's class stays, to be looked up."""
    return _END_WORDS.get(end, end)


def end_colour(end: str) -> str:
    """The colour of an outcome; that of a rare one is grey."""
    return _END_COLOURS.get(end, palette.GREY)


def policy_colour(policy: str) -> str:
    """The colour of a policy."""
    return POLICY_COLOURS.get(policy, palette.INK)
