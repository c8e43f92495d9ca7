"""The pieces a report is made of, and how they become one HTML file that needs no network.

Texts called ``*_html`` are trusted HTML; whoever puts a name from a case into one escapes it first.
Everything else is plain text and is escaped here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

import numpy as np

from .style import SCRIPT, STYLE

#: A longer table scrolls inside its frame.
_ROWS_IN_VIEW = 16

#: (trace number or "layout", dotted attribute, new value)
Change: TypeAlias = tuple[int | str, str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A choice above a chart: a drop-down list, or a slider."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]  #: (value, what the reader sees)
    start: str
    slider: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patches:
    """What changes in a chart with the controls named in ``by``.

    ``of`` maps their values joined by '|' to changes; a last value '*' stands for any other.
    """

    by: tuple[str, ...]
    of: Mapping[str, Sequence[Change]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A plotly figure as plain data, with its controls and a caption that says what to look for."""

    id: str
    title: str
    caption_html: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    controls: tuple[Control, ...] = ()
    patches: tuple[Patches, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of plain text; the first ``labels`` columns are text, the others numbers."""

    title: str
    caption_html: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    labels: int = 1
    marks: Mapping[int, str] | None = None  #: of single rows: "bad", "good", "total" or "paper"
    dots: Mapping[int, str] | None = None  #: colour of a dot before the first cell of single rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A paragraph where a picture would be empty."""

    text_html: str


Block: TypeAlias = Chart | Table | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A numbered part of the page."""

    id: str
    title: str
    short: str  #: in the bar of links
    lead_html: str
    blocks: tuple[Block, ...]


def page_html(title: str, header_html: str, sections: Sequence[Section], footer_html: str) -> str:
    """The whole file: style, header, sections, plotly.js once, and the specifications."""
    from plotly.offline import get_plotlyjs

    links = "".join(f'<a href="#{s.id}">{escape(s.short)}</a>' for s in sections)
    body = "".join(_section_html(number, s) for number, s in enumerate(sections, start=1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"</head><body>{header_html}<nav><div>{links}</div></nav><main>{body}</main>"
        f"<footer>{footer_html}</footer><script>{get_plotlyjs()}</script>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _section_html(number: int, section: Section) -> str:
    blocks = "".join(_block_html(block) for block in section.blocks)
    return (
        f'<section id="{section.id}"><h2><span>{number}</span>{escape(section.title)}</h2>'
        f'<p class="lead">{section.lead_html}</p>{blocks}</section>'
    )


def _block_html(block: Block) -> str:
    if isinstance(block, Note):
        return f'<p class="note">{block.text_html}</p>'
    inside = _chart_html(block) if isinstance(block, Chart) else _table_html(block)
    caption = f"<p>{block.caption_html}</p>" if block.caption_html else ""
    return (
        f"<figure><figcaption><h3>{escape(block.title)}</h3>{caption}</figcaption>{inside}</figure>"
    )


def _chart_html(chart: Chart) -> str:
    spec = {
        "data": chart.data,
        "layout": chart.layout,
        "patches": [{"by": p.by, "of": p.of} for p in chart.patches],
    }
    controls = "".join(_control_html(chart.id, c) for c in chart.controls)
    bar = f'<div class="controls" data-for="{chart.id}">{controls}</div>' if controls else ""
    return (
        f'{bar}<div class="chart" id="{chart.id}" role="img" aria-label="{escape(chart.title)}" '
        f'style="height:{chart.layout["height"]}px"></div>'
        f'<script type="application/json" id="{chart.id}-spec">{to_json(spec)}</script>'
    )


def _control_html(chart: str, control: Control) -> str:
    name, values = f"{chart}-{control.name}", [value for value, _ in control.options]
    label = f'<label for="{name}">{escape(control.label)}</label>'
    if not control.slider:
        options = "".join(
            f'<option value="{escape(value)}"{" selected" * (value == control.start)}>'
            f"{escape(shown)}</option>"
            for value, shown in control.options
        )
        return f'<span>{label}<select id="{name}" name="{control.name}">{options}</select></span>'
    shown = escape(json.dumps([shown for _, shown in control.options]))
    return (
        f'<span class="slider">{label}<input type="range" id="{name}" name="{control.name}" min="0"'
        f' max="{len(values) - 1}" value="{values.index(control.start)}" data-shown="{shown}" '
        f'data-values="{escape(json.dumps(values))}"><output></output></span>'
    )


def _table_html(table: Table) -> str:
    marks, dots = table.marks or {}, table.dots or {}

    def cells(row: Sequence[str], tag: str) -> str:
        kind = [' class="text"' if k < table.labels else "" for k in range(len(row))]
        return "".join(f"<{tag}{k}>{escape(c)}</{tag}>" for k, c in zip(kind, row, strict=True))

    rows = "".join(
        f'<tr class="{marks.get(k, "")}">{_dotted(cells(row, "td"), dots.get(k))}</tr>'
        for k, row in enumerate(table.rows)
    )
    tall = " tall" * (len(table.rows) > _ROWS_IN_VIEW)
    return (
        f'<div class="table{tall}"><table><thead><tr>{cells(table.headings, "th")}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _dotted(cells: str, colour: str | None) -> str:
    """The cells with a dot in front of the first one's text."""
    if colour is None:
        return cells
    head, mark, rest = cells.partition(">")
    text, end, others = rest.partition("<")
    dot = f'<i class="dot" style="background:{colour}"></i>'
    return f'{head}{mark}<span class="dotted">{dot}{text}</span>{end}{others}'


def to_json(value: Any) -> str:
    """Compact JSON that may stand inside a script element; what is not finite becomes null."""
    return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        # Six digits are more than a screen shows, and halve the file.
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
