"""The top of a page, of a run or of a study: title, facts, banners and cards of key figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One key figure: its name, the figure with its unit, and what to compare it with."""

    name: str
    value: str
    unit: str = ""
    aside: str = ""
    wrong: bool = False


def masthead_html(
    *, eyebrow: str, title: str, facts: Mapping[str, Any], banners_html: str, cards: Sequence[Card]
) -> str:
    """The header element; ``banners_html`` is trusted, all else is plain text."""
    told = "".join(
        f"<span>{escape(name)} <b>{escape(str(value))}</b></span>" for name, value in facts.items()
    )
    return (
        f'<header><p class="eyebrow">{escape(eyebrow)}</p>'
        # A title breaks between words, not inside "33-bus".
        f"<h1>{escape(title).replace('-', '&#8209;')}</h1>"
        f'<p class="facts">{told}</p>{banners_html}'
        f'<div class="cards">{"".join(map(_card_html, cards))}</div></header>'
    )


def _card_html(card: Card) -> str:
    unit = f" <small>{escape(card.unit)}</small>" if card.unit else ""
    return (
        f'<div class="card{" wrong" * card.wrong}"><p class="name">{escape(card.name)}</p>'
        f'<p class="value">{escape(card.value)}{unit}</p><p class="aside">{escape(card.aside)}</p>'
        "</div>"
    )
