"""The colours of every picture, on the page and on paper: legible with any colour vision.

Categories are those of Okabe and Ito (2008); scales run from light to dark, or from one dark end
over a light middle to another.
"""

from __future__ import annotations

from typing import Final

INK: Final = "#1f2933"
SLATE: Final = "#52606d"
GREY: Final = "#8a94a3"
SILVER: Final = "#c9d1da"
FAINT: Final = "#e7ebf0"

BLUE: Final = "#0072b2"
SKY: Final = "#56b4e9"
GREEN: Final = "#009e73"
MINT: Final = "#7fceb9"
ORANGE: Final = "#e69f00"
VERMILION: Final = "#d55e00"
PINK: Final = "#c05f97"
ROSE: Final = "#e0afcb"
RED: Final = "#b3261e"

SATURATION: Final = ("#d5dee8", "#f5cf7e", "#ea8437", "#8f1d14")
VOLTAGE: Final = ("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#d8daeb", "#998ec3", "#542788")
ENERGY: Final = ("#dbe9f4", "#a9cde6", "#5b9fcb", "#1f6ba5", "#0b3d66")
PRICE: Final = ("#fdf3d1", "#d9c76a", "#8f9479", "#4d6180", "#16335e")
CHANGE: Final = ("#0072b2", "#8fc1de", "#f7f7f7", "#efb287", "#d55e00")


def colour_at(scale: tuple[str, ...], share: float) -> str:
    """The colour at ``share`` in [0, 1] of an evenly spaced scale, as '#rrggbb'."""
    place = min(max(share, 0.0), 1.0) * (len(scale) - 1)
    left = min(int(place), len(scale) - 2)
    low, high = (_channels(scale[left + k]) for k in (0, 1))
    mix = (round(a + (b - a) * (place - left)) for a, b in zip(low, high, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mix)


def readable_on(background: str) -> str:
    """Dark or white ink, whichever stands out on the background."""
    red, green, blue = _channels(background)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


def stops(scale: tuple[str, ...]) -> list[list[object]]:
    """The scale as plotly wants it: [[0, colour], ..., [1, colour]]."""
    return [[k / (len(scale) - 1), colour] for k, colour in enumerate(scale)]


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
