"""The top of the report: which run this is, whether the parties agreed, and its key figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from ..schema import TABLES
from .masthead import Card, masthead_html

if TYPE_CHECKING:
    from ..case import Case

_TREATMENTS = {
    "dro": "distributionally robust (DRO)",
    "sp": "stochastic (SP)",
    "ro": "robust (RO)",
}

_MINUS = "\N{MINUS SIGN}"


def header_html(case: Case, summary: Mapping[str, Any]) -> str:
    """Title, facts, banners and cards."""
    return masthead_html(
        eyebrow="roadvolt · coordination episode",
        title=case.title,
        facts=_facts(case, summary),
        banners_html=banners_html(summary),
        cards=key_figures(case, summary),
    )


def _facts(case: Case, summary: Mapping[str, Any]) -> dict[str, Any]:
    options = summary.get("options", {})
    treatment = str(options.get("treatment", ""))
    risk = _TREATMENTS.get(treatment, treatment)
    confidence = options.get("confidence")
    return {
        "case": case.name,
        "seed": summary.get("seed", options.get("seed", "\N{EN DASH}")),
        "risk treatment": risk + (f", confidence {confidence:g}" if confidence else ""),
        "samples": f"{options['samples']:,}" if "samples" in options else "\N{EN DASH}",
        "network": (
            f"{len(case.stations)} stations, {len(case.feeder.buses)} buses, "
            f"{len(case.roads.roads)} roads, {case.hours} hours"
        ),
    }


def banners_html(summary: Mapping[str, Any]) -> str:
    """Agreed or not; loudly, a broken promise; quietly, what a reader should not overlook."""
    return "".join([_alarm(summary), _status(summary), *map(_warning, _warnings(summary))])


def _status(summary: Mapping[str, Any]) -> str:
    rounds = summary.get("rounds", 0)
    if summary.get("status") == "agreed":
        words = f"Agreed in {rounds} trading round{'s' * (rounds != 1)}"
        return (
            f'<div class="banner good"><b>✓ {words}</b>Stations, distribution operator and '
            "transport operator accept this day.</div>"
        )
    reason = escape(str(summary.get("reason") or "no reason was recorded"))
    return f'<div class="banner poor"><b>Not agreed</b>{reason}</div>'


def _alarm(summary: Mapping[str, Any]) -> str:
    ac = summary.get("ac") or {}
    if ac.get("kept_promise", True):
        return ""
    breaches = "".join(f"<li>{escape(str(breach))}</li>" for breach in ac.get("breaches", ()))
    return (
        '<div class="banner alarm" role="alert"><b>⚠ The exact power flow check broke its promise'
        "</b>On samples that the optimisation never saw, limits are violated more often than "
        f"promised. Do not rely on this day.<ul>{breaches}</ul></div>"
    )


def _warnings(summary: Mapping[str, Any]) -> list[str]:
    found = []
    worse_off = at(summary, "stations.worse_off") or []
    if worse_off:
        names = ", ".join(map(str, worse_off))
        most = f"{at(summary, 'stations.largest_loss') or 0.0:.2g} {at(summary, 'currency')}"
        found.append(f"Stations that pay more than without trading, by at most {most}: {names}")
    unserved = at(summary, "stations.unserved_kwh") or 0.0
    if unserved > 1e-3:
        found.append(f"Demand of stations that could not be served: {unserved:,.2f} kWh")
    charging = at(summary, "traffic.unserved_charging") or 0.0
    if charging > 1e-3:
        found.append(f"Vehicles that found no charger on their way: {charging:,.1f}")
    trips = at(summary, "traffic.unserved_trips") or 0.0
    if trips > 1e-3:
        found.append(f"Vehicles that found no room on the roads: {trips:,.1f}")
    return found


def _warning(text: str) -> str:
    return f'<div class="banner poor">{escape(text)}</div>'


def key_figures(case: Case, summary: Mapping[str, Any]) -> list[Card]:
    """The cards, in the order of the questions a reader asks; none for what was not computed."""
    unit = case.currency
    cards = [*_cost_cards(summary, unit), *_market_cards(summary), *_check_cards(summary)]
    cards.append(_traffic_card(summary))
    seconds = at(summary, "seconds.total")
    cards.append(Card(name="Time to run", value=_number(seconds), unit="s", aside=_hash(summary)))
    return [card for card in cards if card.value]


def _cost_cards(summary: Mapping[str, Any], unit: str) -> list[Card]:
    cost, alone = (at(summary, f"stations.{k}") for k in ("cost_total", "cost_without_p2p"))
    bought, bought_alone = (
        at(summary, f"stations.{k}") for k in ("grid_purchase_kwh", "grid_purchase_without_p2p_kwh")
    )
    dso, dso_alone = (at(summary, f"dso.{k}") for k in ("cost_total", "cost_without_p2p"))
    return [
        Card(
            name="Stations' cost with peer trading",
            value=_number(cost),
            unit=unit,
            aside=_against(cost, alone, "without"),
        ),
        Card(
            name="Saving by peer trading",
            value=_percent(at(summary, "stations.saving_pct")),
            aside="" if cost is None or alone is None else f"{_number(alone - cost)} {unit} less",
        ),
        Card(
            name="Energy traded between peers",
            value=_number(at(summary, "stations.traded_kwh")),
            unit="kWh",
            aside=_mismatch(at(summary, "market.mismatch_kw_max")),
        ),
        Card(
            name="Purchase from the grid",
            value=_number(bought),
            unit="kWh",
            aside=_against(bought, bought_alone, "without"),
        ),
        Card(
            name="Distribution operator's cost",
            value=_number(dso),
            unit=unit,
            aside=_against(dso, dso_alone, "without"),
        ),
    ]


def _market_cards(summary: Mapping[str, Any]) -> list[Card]:
    gap, central = (at(summary, f"market.{k}") for k in ("gap_certified", "gap_to_central"))
    iterations, exchanges = (at(summary, f"market.{k}") for k in ("iterations", "exchanges"))
    done = f"{iterations:,} iterations" if iterations is not None else ""
    if exchanges is not None:
        done += f", {exchanges:,} exchanges"
    target = at(summary, "options.gap")
    return [
        Card(
            name="Certified optimality gap",
            value=_percent(None if gap is None else 100 * gap, 3),
            unit="" if target is None else f"target {100 * target:g} %",
            aside=done,
        ),
        Card(
            name="Cost above the central optimum",
            value=_percent(None if central is None else 100 * central, 4),
            aside="found by one solver with all data",
        ),
    ]


def _mismatch(kw: float | None) -> str:
    return "" if kw is None else f"both ends agree to {kw:.1e} kW"


def _check_cards(summary: Mapping[str, Any]) -> list[Card]:
    low, high = (at(summary, f"ac.{k}") for k in ("vm_min_pu", "vm_max_pu"))
    error, loading = (at(summary, f"ac.{k}") for k in ("model_error_max_pu", "line_loading_max"))
    rate, promised = (at(summary, f"ac.{k}") for k in ("violation_rate", "promised"))
    if promised is None and at(summary, "options.confidence") is not None:
        promised = 1 - summary["options"]["confidence"]
    kept = at(summary, "ac.kept_promise")
    both = low is not None and high is not None
    return [
        Card(
            name="Voltages in the exact check",
            value=f"{low:.3f} \N{EN DASH} {high:.3f}" if both else "",
            unit="pu",
            aside="" if error is None else f"linear model within {error:.4f} pu",
        ),
        Card(
            name="Largest voltage unbalance",
            value=_percent(at(summary, "ac.vur_max_pct")),
            aside="" if loading is None else f"lines loaded up to {100 * loading:.0f} %",
        ),
        Card(
            name="Worst network violation rate",
            value=_percent(None if rate is None else 100 * rate),
            aside=_promise(promised, at(summary, "ac.adequacy_violation_rate")),
            wrong=kept is False,
        ),
    ]


def _promise(promised: float | None, adequacy: float | None) -> str:
    words = [] if promised is None else [f"{100 * promised:.3g} % allowed"]
    if adequacy is not None:
        words.append(f"adequacy {100 * adequacy:.2f} %")
    return "; ".join(words)


def _traffic_card(summary: Mapping[str, Any]) -> Card:
    charged, gap = (at(summary, f"traffic.{k}") for k in ("charging_kwh", "relative_gap"))
    return Card(
        name="Energy charged by vehicles",
        value=_number(charged),
        unit="kWh",
        aside="" if gap is None else f"traffic solved to a gap of {gap:.0e}",
    )


def footer_html(summary: Mapping[str, Any]) -> str:
    """What one needs to repeat the run, and where the numbers stand in full."""
    versions = ", ".join(f"{k} {v}" for k, v in (summary.get("versions") or {}).items())
    digest = escape(str(summary.get("result_hash", "")))
    return (
        f"<p>Result hash <code>{digest or 'none'}</code></p><p>{escape(versions)}</p>"
        f"<p>The numbers behind every picture lie beside this page as {len(TABLES)} tables; "
        "consumption and buying are positive, hours count from 0.</p>"
    )


def at(summary: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where the run did not get so far, or it is not finite."""
    value: Any = summary
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _hash(summary: Mapping[str, Any]) -> str:
    digest = summary.get("result_hash")
    return f"result {digest[:12]}" if digest else ""


def _number(value: float | None) -> str:
    if value is None:
        return ""
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2
    return f"{value:,.{digits}f}".replace("-", _MINUS)


def _percent(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f} %".replace("-", _MINUS)


def _against(with_: float | None, without: float | None, word: str) -> str:
    """'12,345 without (-3.2 %)'."""
    if with_ is None or without is None:
        return ""
    change = 100 * (with_ - without) / abs(without) if without else 0.0
    return f"{_number(without)} {word} ({change:+.2f} %)".replace("-", _MINUS)
