"""What the pages of all studies share. A study's ``page.py`` ends in:

    return draw_page(
        run, case, study="risk study", size=day_size(case), facts={"seeds": "1 to 5"},
        banners=[Banner(kind="good", headline="..", text="..", points=("..",))],
        cards=[Card(name="..", value=money(1234.5), unit=case.currency, aside="..")],
        sections=[Section(id="costs", title="..", short="..", lead_html="..", blocks=present(
            how_to_read("<b>Lines</b> are .."), chart, table, otherwise="Nothing was ..",
        ))],
        drawings={"cost-by-samples": lambda: some_matplotlib_figure},
    )

``Section``, ``Chart``, ``Table``, ``Note``, ``Control`` and ``Patches`` are those of ``page.py``
(a table's rows may be marked "bad", "good", "total" or "paper", and carry a coloured dot); axes
and layouts those of ``layout.py``; ``figures.new_figure`` makes a figure for paper. Charts and
tables for which there is no data are None and are left out by ``present``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .figures import save_drawings
from .masthead import Card, masthead_html
from .page import Block, Note, Section, page_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...planning.radial import RadialNetwork
    from ..case import Case
    from ..results import Run

_NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """A verdict across the page: what came out, as plain text."""

    kind: Literal["good", "poor", "alarm"]
    headline: str
    text: str = ""
    points: tuple[str, ...] = ()


class Titled(Protocol):
    """A case of whichever kind."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...


def draw_page(
    run: Run,
    case: Titled,
    *,
    study: str,
    size: str,
    facts: Mapping[str, Any],
    banners: Iterable[Banner],
    cards: Sequence[Card],
    sections: Sequence[Section],
    drawings: Mapping[str, Callable[[], Figure | None]],
) -> Path:
    """Writes ``study.html``, one file that needs no network, and, as PDF and PNG, ``figures/``.

    Args:
        run: where to, what from; ``tasks`` and ``seconds.total`` are told if in its summary.
        case: for its name and title.
        study: what kind of study, e.g. "risk study".
        size: of the case, in words.
        facts: further facts by name, in this order, between the case and the effort.
        banners: verdicts, the most important first.
        cards: key figures; one without a value is left out.
        sections: in the order in which the story is told.
        drawings: figures for papers, by file name without suffix.

    Returns:
        the page's path.
    """
    header = masthead_html(
        eyebrow=f"roadvolt · {study}",
        title=case.title,
        facts={"case": case.name, "network": size, **facts, **_effort(run.summary)},
        banners_html="".join(map(_banner_html, banners)),
        cards=[card for card in cards if card.value not in ("", _NOTHING)],
    )
    title, footer = f"roadvolt: {study} of {case.name}", _footer_html(run.summary, run.tables)
    save_drawings(drawings, run.folder / "figures")
    path = run.folder / "study.html"
    path.write_text(page_html(title, header, sections, footer), encoding="utf-8")
    return path


def day_size(case: Case) -> str:
    """The size of a coordination case."""
    return f"{len(case.stations)} stations, {len(case.feeder.buses)} buses, {case.hours} hours"


def network_size(network: RadialNetwork) -> str:
    """The size of a network of radial feeders."""
    return f"{len(network.heads)} feeders, {len(network.buses)} buses"


def _effort(summary: Mapping[str, Any]) -> dict[str, str]:
    seconds = (summary.get("seconds") or {}).get("total")
    tasks = {"tasks": f"{summary['tasks']:,}"} if "tasks" in summary else {}
    return tasks if seconds is None else {**tasks, "took": duration(seconds)}


def _banner_html(banner: Banner) -> str:
    points = "".join(f"<li>{escape(point)}</li>" for point in banner.points)
    inside = escape(banner.text) + (f"<ul>{points}</ul>" if points else "")
    role = ' role="alert"' if banner.kind == "alarm" else ""
    headline = f"<b>{escape(banner.headline)}</b>"
    return f'<div class="banner {banner.kind}"{role}>{headline}{inside}</div>'


def how_to_read(text_html: str) -> Note:
    """A box above pictures that says what one sees in them."""
    return Note(text_html=f"<b>How to read this.</b> {text_html}")


def present(*blocks: Block | None, otherwise: str) -> tuple[Block, ...]:
    """The blocks that there are; if no chart or table is among them, only a sentence."""
    if not any(block is not None and not isinstance(block, Note) for block in blocks):
        return (Note(text_html=escape(otherwise)),)
    return tuple(block for block in blocks if block is not None)


def _footer_html(summary: Mapping[str, Any], tables: Iterable[str]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in (summary.get("versions") or {}).items())
    digest = escape(str(summary.get("result_hash", "none")))
    files = ", ".join(f"<code>{escape(name)}.parquet</code>" for name in tables)
    return (
        f"<p>Result hash <code>{digest}</code></p><p>{escape(versions)}</p>"
        f"<p>The numbers behind every picture lie beside this page: {files}. Pictures for papers "
        "are in <code>figures/</code>; <code>roadvolt report</code> with this folder draws all "
        "anew.</p>"
    )


def figure_text(value: float | None, digits: int = 0, sign: bool = False) -> str:
    """'1,234' with so many decimals; a dash where there is no finite number."""
    if value is None or not math.isfinite(value):
        return _NOTHING
    plus = "+" if sign else ""
    return f"{value:{plus},.{digits}f}".replace("-", _MINUS)


def money(value: float | None, sign: bool = False) -> str:
    """An amount: no decimals from a hundred on, two below."""
    small = value is not None and abs(value) < 100
    return figure_text(value, 2 if small else 0, sign)


def percent(value_pct: float | None, digits: int = 1, sign: bool = False) -> str:
    """'12.3 %'; a dash where there is no finite number."""
    text = figure_text(value_pct, digits, sign)
    return text if text == _NOTHING else f"{text} %"


def duration(seconds: float) -> str:
    """'42 s', '10 min 5 s' or '2 h 3 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
