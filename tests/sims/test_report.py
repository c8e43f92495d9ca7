"""The report and the paper figures, on invented but plausible results of the case `tiny`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from roadvolt.sims.case import Case, load_case
from roadvolt.sims.report import report_sections, write_report
from roadvolt.sims.reporting.figures import save_figures
from roadvolt.sims.reporting.geometry import bearing, bow
from roadvolt.sims.reporting.page import Chart, Note, Table, to_json
from roadvolt.sims.reporting.palette import colour_at, readable_on
from roadvolt.sims.schema import TABLES

PHASES = "abc"


class Inventor:
    """Invents the tables of an episode of any case: plausible in size, coherent where it shows."""

    def __init__(self, case: Case, rounds: int = 2) -> None:
        self.case, self.rounds = case, rounds
        self.rng = np.random.default_rng(5)
        self.hours = range(case.hours)
        self.day = np.sin(np.pi * np.linspace(0.05, 0.95, case.hours)) ** 2

    def tables(self) -> dict[str, pd.DataFrame]:
        found = {name: getattr(self, name)() for name in TABLES}
        return {
            name: pd.DataFrame(rows, columns=list(TABLES[name])) for name, rows in found.items()
        }

    def trades(self) -> list[tuple[Any, ...]]:
        buy = self.case.tariff.buy_per_kwh
        return [
            (
                h,
                link.id,
                *self._ends(link, h),
                25 * self.day[h] * self.rng.random(),
                0.6 * buy[h],
                0.002,
            )
            for h in self.hours
            for link in self.case.links
        ]

    def _ends(self, link: Any, hour: int) -> tuple[str, str]:
        ends = (link.station_a, link.station_b)
        return ends if (stable_number(link.id) + hour // 12) % 2 else ends[::-1]

    def station_hours(self) -> list[tuple[Any, ...]]:
        rows = []
        net: dict[tuple[int, str], float] = {}
        for h, _, seller, buyer, energy, *_ in self.trades():
            net[h, seller] = net.get((h, seller), 0.0) - energy
            net[h, buyer] = net.get((h, buyer), 0.0) + energy
        for h in self.hours:
            for s in self.case.stations:
                pv, charging, trade = (
                    s.pv_kw * self.day[h],
                    60 * self.day[h],
                    net.get((h, s.id), 0.0),
                )
                demand = charging + s.base_kw[h]
                need = demand + 5 - pv - trade
                buy, sell = max(need, 0.0), max(-need, 0.0)
                charge = 20 * (h % 5 == 1)
                rows.append(
                    (h, s.id, demand, charging, 5.0, pv, pv, buy, sell, trade, charge, charge,
                     s.e_min_kwh + 0.6 * (s.e_max_kwh - s.e_min_kwh) * self.day[h], 0.0,
                     buy - sell + trade, -np.inf, np.inf, 0.08)
                )  # fmt: skip
        return rows

    def settlement(self) -> list[tuple[Any, ...]]:
        gains = self.rng.random(len(self.case.stations)) * 12
        return [
            (s.id, 80.0, 60.0, 20 - g, 80 - g, g, 20 - gains.mean(), gains.mean())
            for s, g in zip(self.case.stations, gains, strict=True)
        ]

    def negotiation(self) -> list[tuple[Any, ...]]:
        rows = []
        for trading_round in range(1, self.rounds + 1):
            for k in range(1, 31):
                gap = 0.6 / trading_round * 0.8**k
                bounds = (1000 * (1 + gap / 2), 1000 * (1 - gap / 2), gap)
                empty = (np.nan, np.nan, np.nan)
                rows.append(
                    (
                        trading_round,
                        k,
                        5 * k,
                        30 * 0.8**k,
                        9 * 0.75**k,
                        *(bounds if k > 3 else empty),
                    )
                )
        return rows

    def trading_rounds(self) -> list[tuple[Any, ...]]:
        last = (self.rounds, "approved", 30, 1010.0, 0.0, 0, 0.0, "")
        first = (1, "adjusted", 30, 1000.0, 120.0, 1, 0.0, "line 2 phase a at 13:00")
        return [first, last] if self.rounds > 1 else [last]

    def adjustments(self) -> list[tuple[Any, ...]]:
        if self.rounds == 1:
            return []
        station = self.case.stations[-1].id
        return [
            (1, h, station, p, -90.0, 30 * self.day[h], -90 + 30 * self.day[h])
            for h in self.hours
            if self.day[h] > 0.7
            for p in PHASES
        ]

    def roads(self) -> list[tuple[Any, ...]]:
        rows = []
        for h in self.hours:
            for road in self.case.roads.roads:
                for tail, head in ((road.from_node, road.to_node), (road.to_node, road.from_node)):
                    used = min(1.3 * self.rng.random() * self.day[h], 1.0)
                    flow = used * road.capacity_veh_per_h
                    rows.append(
                        (h, road.id, tail, head, flow, 0.02 * flow, used, 3.0 * (used == 1))
                    )
        return rows

    def sites(self) -> list[tuple[Any, ...]]:
        return [
            (h, site.station, 8 * self.day[h], 0.0, 250 * self.day[h] * (k + 1), 150.0, 350.0)
            for h in self.hours
            for k, site in enumerate(self.case.roads.sites)
        ]

    def routes(self) -> list[tuple[Any, ...]]:
        return [(h, "1", "4", "", "1-2-4", 100.0, 12.0) for h in self.hours]

    def devices(self) -> list[tuple[Any, ...]]:
        feeder = self.case.feeder
        kinds = [("upstream", "upstream", 900.0)]
        kinds += [(g.id, "generator", 0.6 * g.p_max_kw) for g in feeder.generators]
        kinds += [(b.id, "battery", 0.5 * b.p_discharge_max_kw) for b in feeder.batteries]
        kinds += [(w.id, "wind", 0.4 * w.p_rated_kw) for w in feeder.wind_turbines]
        rows = []
        for h in self.hours:
            for name, kind, size in kinds:
                p = size * (np.cos(h) if kind == "battery" else 0.5 + 0.5 * self.day[h])
                share = 1 / len(feeder.generators) if kind == "generator" else 0.0
                energy = 50.0 if kind == "battery" else np.nan
                rows.append(
                    (h, name, kind, p, 0.3 * p, p / 3, p / 3, p / 3, 9.0, 8.0, share, energy)
                )
        return rows

    def voltages(self) -> list[tuple[Any, ...]]:
        rows = []
        for h in self.hours:
            for k, bus in enumerate(self.case.feeder.buses):
                for p, phase in enumerate(PHASES):
                    v = 1 - 0.002 * (k % 18) * (0.4 + self.day[h]) - 0.002 * p
                    rows.append(
                        (h, bus, phase, v, v - 0.012, v - 0.006, v - 0.001, v + 0.005, v + 0.011)
                    )
        return rows

    def lines(self) -> list[tuple[Any, ...]]:
        rows = []
        for h in self.hours:
            for k, line in enumerate(self.case.feeder.lines):
                for phase in line.phases:
                    load = (0.85 - 0.02 * k) * (0.3 + 0.7 * self.day[h])
                    kva, ac = line.s_max_kva, (load, 1.08 * load, 1.18 * load)
                    rows.append((h, line.id, phase, 0.95 * load * kva, 0.3 * load * kva, kva, *ac))
        return rows

    def nodal_prices(self) -> list[tuple[Any, ...]]:
        return [
            (h, bus, phase, 0.05 + 0.04 * self.day[h] + 0.001 * k, 0.004)
            for h in self.hours
            for k, bus in enumerate(self.case.feeder.buses)
            for phase in PHASES
        ]

    def limits(self) -> list[tuple[Any, ...]]:
        return [
            ("voltage", 0.05, "bus 4 phase c lower at 13:00", 0.012, 0.006, 0.021, 0.0004, True),
            ("line flow", 0.05, "line 2 phase a at 13:00", 0.031, 0.021, 0.043, 0.001, True),
        ]

    def costs(self) -> list[tuple[Any, ...]]:
        return [
            ("stations", "energy bought", 1400.0, 1080.0),
            ("stations", "energy sold", -60.0, -20.0),
            ("stations", "degradation", 30.0, 34.0),
            ("dso", "energy from upstream", 2400.0, 2350.0),
            ("dso", "reserve", 110.0, 108.0),
        ]


def stable_number(name: str) -> int:
    """A number from a name that is the same in every process."""
    return sum(map(ord, name))


def invented_summary(case: Case, **more: Any) -> dict[str, Any]:
    return {
        "status": "agreed", "reason": "", "rounds": 2, "case": case.name, "seed": 1,
        "currency": case.currency,
        "options": {"treatment": "dro", "confidence": 0.95, "samples": 1000, "gap": 1e-3},
        "stations": {
            "count": len(case.stations), "cost_total": 1094.0, "cost_without_p2p": 1370.0,
            "saving_pct": 20.15, "traded_kwh": 2310.0, "grid_purchase_kwh": 8120.0,
            "grid_purchase_without_p2p_kwh": 10400.0, "unserved_kwh": 0.0, "worse_off": [],
        },
        "market": {"gap_to_central": 2.1e-4, "gap_certified": 8.8e-4, "mismatch_kw_max": 3e-12,
                   "iterations": 150, "exchanges": 60},
        "settlement": {"imbalance": 2e-13, "fees": 4.6},
        "dso": {"cost_total": 2458.0, "cost_without_p2p": 2510.0, "components": {}},
        "ac": {"vm_min_pu": 0.9312, "vm_max_pu": 1.0112, "vur_max_pct": 1.31,
               "line_loading_max": 0.93, "violation_rate": 0.031, "promised": 0.05,
               "kept_promise": True, "breaches": [], "model_error_max_pu": 0.0031},
        "traffic": {"relative_gap": 1e-9, "unserved_charging": 0.0, "unserved_trips": 0.0,
                    "charging_kwh": 5200.0},
        "seconds": {"total": 17.4}, "versions": {"roadvolt": "0.1.0"}, "result_hash": "ab12" * 16,
        **more,
    }  # fmt: skip


class Page(HTMLParser):
    """Collects what a browser would load, the ids and the visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.specs: dict[str, dict[str, Any]] = {}
        self.text = ""
        self._hidden: str | None = None
        self._spec: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.loads += [given[k] for k in ("src", "href", "srcset", "data") if k in given]
        self._hidden = tag if tag in ("script", "style") else None
        self._spec = given["id"] if given.get("type") == "application/json" else None

    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._spec = None

    def handle_data(self, data: str) -> None:
        if self._spec:
            self.specs[self._spec] = json.loads(data, parse_constant=_refuse)
        elif not self._hidden:
            self.text += data


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@pytest.fixture(scope="module")
def case() -> Case:
    return load_case("tiny")


@pytest.fixture(scope="module")
def tables(case: Case) -> dict[str, pd.DataFrame]:
    return Inventor(case).tables()


def written(case: Case, summary: dict[str, Any], tables: Any, folder: Path) -> Page:
    path = folder / "report.html"
    assert write_report(case, summary, tables, path) == path
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(case: Case, tables: Any, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return written(case, invented_summary(case), tables, tmp_path_factory.mktemp("report"))


CHARTS = {
    "road-map", "feeder-map", "schedules", "trade-hours", "trade-matrix", "gains", "convergence",
    "adjustments", "dispatch", "prices", "voltages", "loading",
}  # fmt: skip
SECTIONS = {
    "costs", "roads", "feeder", "stations", "trades", "settlement", "negotiation",
    "adjustments-section", "operator", "check",
}  # fmt: skip


def test_every_section_and_chart_is_on_the_page(page: Page) -> None:
    assert set(page.ids) >= CHARTS | SECTIONS
    assert len(page.ids) == len(set(page.ids))
    assert "Agreed in 2 trading rounds" in page.text


def test_the_page_loads_nothing_from_elsewhere(page: Page) -> None:
    assert all(load.startswith(("#", "data:")) for load in page.loads)


def test_the_style_fetches_nothing(case: Case, tables: Any, tmp_path: Path) -> None:
    html = write_report(case, invented_summary(case), tables, tmp_path / "r.html").read_text()
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert len(html) < 8e6


def test_plotly_accepts_every_chart_in_every_state_of_its_controls(page: Page) -> None:
    for spec in page.specs.values():
        changes = [
            c for group in spec["patches"] for changes in group["of"].values() for c in changes
        ]
        for where, path, value in changes:
            assign(spec["layout"] if where == "layout" else spec["data"][where], path, value)
        go.Figure(data=spec["data"], layout=spec["layout"])


def assign(target: dict[str, Any], path: str, value: Any) -> None:
    *keys, last = path.split(".")
    for key in keys:
        target = target.setdefault(key, {})
    target[last] = value


def test_every_axis_that_is_drawn_says_what_it_measures(page: Page) -> None:
    units = re.compile(r"\[.+\]|hour|station|bus|exchange")
    for name, spec in page.specs.items():
        texts = [
            axis["title"]["text"]
            for key, axis in spec["layout"].items()
            if re.match(r"[xy]axis", key) and axis.get("visible", True)
        ]
        if name in ("dispatch-spec", "schedules-spec", "loading-spec"):
            texts = [text for text in texts if text]  # named by a control, or by the outer axes
        assert all(units.search(text) for text in texts), (name, texts)


def test_each_choice_of_the_controls_changes_the_chart(case: Case, tables: Any) -> None:
    for section in report_sections(case, invented_summary(case), tables):
        for chart in (b for b in section.blocks if isinstance(b, Chart)):
            for group in chart.patches:
                options = [
                    [v for v, _ in c.options]
                    for n in group.by
                    for c in chart.controls
                    if c.name == n
                ]
                assert len(options) == len(group.by)
                keys = ["|".join(k) for k in _product(options)]
                wild = {key.rpartition("|")[0] + "|*" for key in keys}
                assert set(group.of) <= set(keys) | wild
                for key in keys:
                    assert key in group.of or key.rpartition("|")[0] + "|*" in group.of
                starts = [c.start for c in chart.controls]
                assert all(
                    any(s in values for values in options) or len(starts) > 1 for s in starts
                )


def _product(options: list[list[str]]) -> list[list[str]]:
    keys: list[list[str]] = [[]]
    for values in options:
        keys = [[*key, value] for key in keys for value in values]
    return keys


def test_names_from_a_case_cannot_become_markup(case: Case, tables: Any, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><b>&"
    stations = tuple(replace(s, id=evil) if s.id == "S3" else s for s in case.stations)
    renamed = {name: table.replace("S3", evil) for name, table in tables.items()}
    sites = tuple(replace(s, station=evil) if s.station == "S3" else s for s in case.roads.sites)
    hostile = replace(case, title=evil, stations=stations, roads=replace(case.roads, sites=sites))
    summary = invented_summary(hostile, status="not agreed", reason=evil)
    summary["ac"] |= {"kept_promise": False, "breaches": [evil]}
    path = write_report(hostile, summary, renamed, tmp_path / "r.html")
    html = path.read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert Page(html).text.count(evil) >= 4  # title, reason, breach, tables: shown as written


def test_a_broken_promise_is_loud(case: Case, tables: Any, tmp_path: Path) -> None:
    summary = invented_summary(case)
    summary["ac"] |= {"kept_promise": False, "breaches": ["bus 4 phase c, lower voltage: 9.1 %"]}
    html = write_report(case, summary, tables, tmp_path / "r.html").read_text()
    body = html[html.index("<body>") : html.index("<nav>")]
    assert 'class="banner alarm" role="alert"' in body
    assert body.index("broke its promise") < body.index("Agreed in 2 trading rounds")
    assert "bus 4 phase c, lower voltage: 9.1 %" in body


def test_a_kept_promise_raises_no_alarm(page: Page) -> None:
    assert "broke its promise" not in page.text


def test_a_run_that_did_not_agree_still_has_its_page(case: Case, tmp_path: Path) -> None:
    summary = {
        "status": "not agreed",
        "reason": "line 2 phase a blocks station S5",
        "rounds": 8,
        "case": case.name,
        "options": {"treatment": "dro", "confidence": 0.95, "samples": 1000},
    }
    page = written(case, summary, {}, tmp_path)
    assert "Not agreed" in page.text
    assert "line 2 phase a blocks station S5" in page.text
    assert set(page.ids) >= SECTIONS
    assert not page.specs


@pytest.mark.parametrize("name", list(TABLES))
def test_any_table_may_be_missing(name: str, case: Case, tables: Any) -> None:
    kept = {k: v for k, v in tables.items() if k != name}
    sections = report_sections(case, invented_summary(case), kept)
    assert [s.id for s in sections if not s.blocks] == []


def test_empty_tables_are_as_good_as_missing_ones(case: Case, tables: Any) -> None:
    empty = {name: table.head(0) for name, table in tables.items()}
    sections = report_sections(case, invented_summary(case), empty)
    assert all(isinstance(b, Note) for s in sections for b in s.blocks)


def test_a_day_without_adjustments_says_so(case: Case, tmp_path: Path) -> None:
    calm = Inventor(case, rounds=1).tables()
    page = written(case, invented_summary(case, rounds=1), calm, tmp_path)
    assert "no adjustment was needed" in page.text
    assert "Agreed in 1 trading round" in page.text
    assert "adjustments" not in page.ids


def test_an_unchecked_day_shows_the_plan(case: Case, tables: Any) -> None:
    unchecked = dict(tables)
    for name in ("voltages", "lines"):
        table = tables[name].copy()
        table[[c for c in table.columns if c.startswith("ac_")]] = np.nan
        unchecked[name] = table
    charts = {
        b.id: b
        for s in report_sections(case, invented_summary(case), unchecked)
        for b in s.blocks
        if isinstance(b, Chart)
    }
    assert "loading" not in charts
    buses = charts["feeder-map"].patches[0].of["a|0"]
    fills = next(value for _, path, value in buses if path == "marker.color")
    assert all(re.fullmatch("#[0-9a-f]{6}", fill) for fill in fills)


def test_supply_and_use_of_a_station_are_equally_tall(case: Case, tables: Any) -> None:
    (chart,) = [
        b
        for s in report_sections(case, invented_summary(case), tables)
        for b in s.blocks
        if isinstance(b, Chart) and b.id == "schedules"
    ]
    for station in case.stations:
        bars = [v for _, path, v in chart.patches[0].of[station.id] if path == "y"][:11]
        assert len(bars) == 11
        np.testing.assert_allclose(np.sum(bars, axis=0), 0.0, atol=1e-9)


def test_costs_are_summed_for_each_party(case: Case, tables: Any) -> None:
    (table,) = [b for b in report_sections(case, {}, tables)[0].blocks if isinstance(b, Table)]
    totals = [row for row in table.rows if row[1] == "total"]
    assert totals == [
        ("", "total", "1,370.00", "1,094.00", "-276.00"),
        ("", "total", "2,510.00", "2,458.00", "-52.00"),
    ]
    assert set(table.marks or {}) == {3, 6}


def test_json_inside_a_page_has_no_tag_and_no_infinity() -> None:
    text = to_json({"a": [np.nan, -np.inf, 1.23456789, "</script>"], "b": np.arange(3)})
    assert "<" not in text
    assert json.loads(text) == {"a": [None, None, 1.23457, "</script>"], "b": [0, 1, 2]}


def test_directions_turn_clockwise_from_up() -> None:
    assert bearing((0, 0), (0, 1)) == 0
    assert bearing((0, 0), (1, 0)) == 90
    assert bearing((0, 0), (0, -2)) == 180


def test_an_arc_bends_to_the_left_of_its_direction() -> None:
    path, (x, y) = bow((0, 0), (2, 0))
    assert (x, y) == pytest.approx((1, 0.42))
    assert path.startswith("M0,0Q1,0.84 2,0")


def test_colours_run_from_one_end_of_a_scale_to_the_other() -> None:
    scale = ("#000000", "#808080", "#ffffff")
    assert [colour_at(scale, v) for v in (-1, 0, 0.25, 0.5, 1, 2)] == [
        "#000000", "#000000", "#404040", "#808080", "#ffffff", "#ffffff",
    ]  # fmt: skip
    assert readable_on("#000000") == "#ffffff"
    assert readable_on("#ffffff") != "#ffffff"


def test_paper_figures_are_saved_as_pictures_and_as_vectors(
    case: Case, tables: Any, tmp_path: Path
) -> None:
    paths = save_figures(case, invented_summary(case), tables, tmp_path / "figures")
    names = {path.name for path in paths}
    stems = ("roads", "feeder", "convergence", "voltages", "costs")
    assert names == {stem + suffix for stem in stems for suffix in (".png", ".pdf")}
    for path in paths:
        start = b"\x89PNG" if path.suffix == ".png" else b"%PDF"
        assert path.read_bytes().startswith(start)


def test_a_run_without_tables_saves_no_figures(case: Case, tmp_path: Path) -> None:
    assert save_figures(case, {}, {}, tmp_path) == ()
