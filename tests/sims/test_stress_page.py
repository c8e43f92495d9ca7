"""The stress study's page and figures, on invented studies: full, tiny, calm, and all failed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from roadvolt.sims.case import Case, load_case
from roadvolt.sims.reporting.page import Chart, Note, Section, Table
from roadvolt.sims.results import Run
from roadvolt.sims.stress.evidence import (
    AC_CLASSES,
    BY_ENVELOPE,
    ac_classes,
    agreement_by_severity,
    boundary_parts,
    by_kind,
    by_station,
    ends_present,
    kinds_in,
    paired,
    rounds_count,
    shares_of_ends,
)
from roadvolt.sims.stress.page import draw_stress, stress_sections
from roadvolt.sims.stress.paper_figures import PAPER_FIGURES
from roadvolt.sims.stress.perturbations import Kind, draw_perturbations
from roadvolt.sims.stress.schema import STRESS_TABLES
from roadvolt.sims.stress.summary import build_summary
from roadvolt.sims.stress.tables import _outcomes, _policies

SECTIONS = [
    *("guarantees", "outcomes", "boundaries", "rounds", "energy"),
    *("fairness", "check", "policies", "forensics", "failures"),
]
CHARTS = [
    *("outcomes-chart", "severity-chart", "boundary-chart", "rounds-chart", "energy-chart"),
    *("station-chart", "fairness-chart", "violation-chart", "duel-chart", "limit-chart"),
]
POLICIES = ("projection", "paper", "price")

Tables = dict[str, pd.DataFrame]


def invented(
    days: int,
    *,
    policies: tuple[str, ...] = POLICIES,
    failing: float = 0.3,
    adjusting: float = 0.6,
    searched: bool = True,
) -> Tables:
    """A study of the case `tiny`: plausible in size, coherent between its tables.

    Day 0 never fails and is the liar's; every policy's kWh are a multiple of the day's.
    """
    rng = np.random.default_rng(4)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in STRESS_TABLES}
    for day in range(days):
        items = draw_perturbations(1, day)
        rows["perturbations"] += [
            {"day": day, "perturbation": p.kind.value, "severity": p.severity, "detail": "x"}
            for p in items
        ]
        fails, adjusts = rng.random() < failing and failing, rng.random() < adjusting
        kwh = float(rng.lognormal(5, 1)) * adjusts
        for k, policy in enumerate(policies):
            number = len(rows["episodes"])
            keys = {"episode": number, "day": day, "policy": policy}
            rows["episodes"].append(
                keys
                | {
                    "seed": 1,
                    "perturbations": "; ".join(map(str, items)),
                    "severity": max(p.severity for p in items),
                    **(failed(k) if fails else held(kwh * (1 + k), k, lied=day == 0)),
                }
            )
            if not fails:
                rows["shares"] += [keys | share(s, kwh, k) for s in ("S3", "S4", "S5")]
                rows["cuts"] += [keys | cut(kwh * (1 + k), day % 6)] if adjusts else []
    if searched:
        rows["boundaries"] = [boundary(kind.value, p) for kind in list(Kind)[:4] for p in policies]
    return finished(rows)


def held(kwh: float, k: int, *, lied: bool) -> dict[str, Any]:
    return {
        "outcome": "agreed",
        "reason": "",
        "rounds": 1 + (kwh > 0) * (1 + k),
        "envelope": kwh > 0 and k == 1,
        "adjusted_kwh": kwh,
        "stations_adjusted": 2.0,
        "cost_free": 80.0,
        "cost": 80 + 0.1 * kwh,
        "adjustment_cost": 0.1 * kwh,
        "adjustment_cost_pct": 0.125 * kwh,
        "bearer": "S5" if kwh else "",
        "fairness": 0.7 if kwh else np.nan,
        "unserved_kwh": 0.0,
        "linear_excess": 0.0,
        "ac_violation_rate": 0.4 if lied else 0.01 * k,
        "promised": 0.05,
        "kept_promise": not lied,
        "breach": "line L2 phase b 00:00 exceeded in 40 %" if lied else "",
        "lied": lied,
        "silent_violation": False,
        "resent": 3,
        "binding": "line L2 phase b 00:00" if kwh else "",
        "forensics": f"line L2 phase b, 00:00, cut S3 by {kwh:.1f} kWh" if kwh else "",
    }


def failed(k: int) -> dict[str, Any]:
    nothing = dict.fromkeys(("fairness", "linear_excess", "promised", "cost"), np.nan)
    numbers = dict.fromkeys(
        ("adjustment_cost", "adjustment_cost_pct", "ac_violation_rate", "unserved_kwh"), np.nan
    )
    return {
        **nothing,
        **numbers,
        "outcome": "InfeasibleError" if k < 2 else "NegotiationError",
        "reason": "line L1 phase b 05:00 is missed by 163.3 kVA",
        "rounds": 0,
        "envelope": False,
        "adjusted_kwh": 0.0,
        "bearer": "",
        "kept_promise": None,
        "breach": "",
        "lied": False,
        "silent_violation": False,
        "resent": 0,
        "binding": "",
        "forensics": "",
    }


def share(station: str, kwh: float, k: int) -> dict[str, Any]:
    part = {"S3": 0.6, "S4": 0.3, "S5": 0.1}[station]
    return {
        "station": station,
        "exchanged_free_kwh": 900.0,
        "curtailed_kwh": part * kwh,
        "curtailed_share": part * kwh / 900,
        "cost_free": 10.0,
        "cost": 10 + k,
        "borne": k * (part - 0.3),
    }


def cut(kwh: float, hour: int) -> dict[str, Any]:
    text = f"line L2 phase b, {hour:02d}:00, cut S3 by {kwh:.1f} kWh"
    return {
        "trading_round": 1,
        "hour": hour,
        "station": "S3",
        "limit": "line L2 phase b",
        "submitted_kwh": -90.0,
        "cut_kwh": kwh,
        "text": text,
    }


def boundary(kind: str, policy: str) -> dict[str, Any]:
    ends = kind == "line_derating"
    return {
        "perturbation": kind,
        "policy": policy,
        "agreed_up_to": 0.875 if ends else 1.0,
        "fails_from": 0.9375 if ends else np.nan,
        "outcome": "InfeasibleError" if ends else "agreed",
        "reason": "line L1 phase b 05:00 is missed" if ends else "",
    }


def finished(rows: dict[str, list[dict[str, Any]]]) -> Tables:
    """The tables with their columns; means and counts by the study's own functions."""
    tables = {n: pd.DataFrame(r, columns=list(STRESS_TABLES[n])) for n, r in rows.items()}
    counted = {"outcomes": _outcomes(tables["episodes"])}
    for name, found in counted.items():
        tables[name] = pd.DataFrame(list(found), columns=list(STRESS_TABLES[name]))
    tables["policies"] = policy_means(tables)
    return tables


def policy_means(tables: Tables) -> pd.DataFrame:
    arguments = [tables[name] for name in ("episodes", "shares")]
    wanted = _policies.__code__.co_argcount
    return pd.DataFrame(
        list(_policies(*arguments[:wanted])), columns=list(STRESS_TABLES["policies"])
    )


def summary_of(tables: Tables) -> dict[str, Any]:
    counts = {"case": "tiny", "tasks": 9, "seconds": {"total": 61.0}, "settings": {"seed": 1}}
    return build_summary(tables, []) | counts | {"study": "stress", "result_hash": "abc123"}


class Page(HTMLParser):
    """The ids, visible text, loads from elsewhere and chart specifications of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.specs: dict[str, Any] = {}
        self.text, self._inside, self._spec = "", "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        self.loads += [str(found[k]) for k in ("src", "href") if k in found]
        self._inside, self._spec = tag, str(found.get("id", ""))

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and self._spec.endswith("-spec"):
            self.specs[self._spec.removesuffix("-spec")] = json.loads(data)
        elif self._inside not in ("script", "style"):
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


@pytest.fixture(scope="module")
def tiny() -> Case:
    return load_case("tiny")


@pytest.fixture(scope="module")
def study() -> Tables:
    return invented(30)


@pytest.fixture(scope="module")
def folder(tiny: Case, study: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Page and two of the figures (saving them takes most of the time), drawn once."""
    place = tmp_path_factory.mktemp("study")
    two = {name: PAPER_FIGURES[name] for name in ("rounds", "boundaries")}
    draw(Run(folder=place, summary=summary_of(study), tables=study), tiny, two)
    return place


def draw(run: Run, case: Case, figures: Mapping[str, Any]) -> str:
    """The page, and those figures only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("roadvolt.sims.stress.page.PAPER_FIGURES", figures)
        return draw_stress(run, case).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "study.html").read_text(encoding="utf-8"))


def sections_of(case: Case, tables: Tables) -> dict[str, Section]:
    return {s.id: s for s in stress_sections(case, summary_of(tables), tables)}


@pytest.fixture(scope="module")
def sections(tiny: Case, study: Tables) -> dict[str, Section]:
    return sections_of(tiny, study)


def charts_of(sections: dict[str, Section]) -> dict[str, Chart]:
    blocks = [b for s in sections.values() for b in s.blocks]
    return {b.id: b for b in blocks if isinstance(b, Chart)}


def table_of(section: Section, title: str) -> Table:
    return next(b for b in section.blocks if isinstance(b, Table) and b.title == title)


def test_the_page_holds_every_section_and_picture(page: Page) -> None:
    assert set(page.ids) >= {*SECTIONS, *CHARTS}
    assert len(page.ids) == len(set(page.ids))
    assert "Every guarantee held in 90 episodes" in page.text


def test_the_page_loads_nothing_from_elsewhere(page: Page) -> None:
    assert all(load.startswith(("#", "data:")) for load in page.loads)


def test_plotly_accepts_every_picture_in_every_state(page: Page) -> None:
    for spec in page.specs.values():
        for group in spec["patches"]:
            for where, path, value in (c for changes in group["of"].values() for c in changes):
                target = spec["layout"] if where == "layout" else spec["data"][where]
                *keys, last = path.split(".")
                for key in keys:
                    target = target.setdefault(key, {})
                target[last] = value
        go.Figure(data=spec["data"], layout=spec["layout"])


def test_every_axis_says_what_it_measures(sections: dict[str, Section]) -> None:
    measured = re.compile(r"\[.+\]|hour|round|episode|station")
    for name, chart in charts_of(sections).items():
        axes = {k: v for k, v in chart.layout.items() if re.match(r"[xy]axis", k)}
        titles = [v["title"]["text"] for v in axes.values() if v.get("type") != "category"]
        changed = [v for g in chart.patches for c in g.of.values() for _, p, v in c if "title" in p]
        assert all(measured.search(t) for t in changed + [t for t in titles if t]), name


def test_figures_are_saved_as_pictures_and_vectors(folder: Path) -> None:
    paths = sorted((folder / "figures").iterdir())
    assert [p.name for p in paths] == [
        "boundaries.pdf",
        "boundaries.png",
        "rounds.pdf",
        "rounds.png",
    ]
    for path in paths:
        start = b"\x89PNG" if path.suffix == ".png" else b"%PDF"
        assert path.read_bytes().startswith(start)


def test_a_full_study_has_every_figure_with_units(tiny: Case, study: Tables) -> None:
    for name, drawing in PAPER_FIGURES.items():
        figure = drawing(tiny, study)
        assert figure is not None, name
        texts = [t for a in figure.axes for t in (a.get_xlabel(), a.get_ylabel(), a.get_title())]
        assert any("[" in text or "round" in text for text in texts), name


def test_the_header_counts_what_the_tables_hold(page: Page, study: Tables) -> None:
    episodes = study["episodes"]
    agreements = int((episodes["outcome"] == "agreed").sum())
    assert f"{agreements} ended in an agreement, {90 - agreements} with a named reason" in page.text
    changed = episodes[(episodes["outcome"] == "agreed") & (episodes["adjusted_kwh"] > 0)]
    assert f"median of {len(changed)} adjusted of {agreements} agreed episodes" in page.text


def test_bars_of_outcomes_are_shares_of_the_kinds_episodes(study: Tables) -> None:
    rows = by_kind(study)
    kinds, ends = kinds_in(rows), ends_present(study)
    assert ends[:2] == ["agreed", BY_ENVELOPE]
    shares = shares_of_ends(rows, kinds, ends)
    np.testing.assert_allclose(shares.sum(axis=1), 100)
    kind = kinds[0]
    days = study["perturbations"].query("perturbation == @kind")["day"]
    mine = study["episodes"][study["episodes"]["day"].isin(days)]
    assert shares.loc[kind, "InfeasibleError"] == pytest.approx(
        100 * (mine["outcome"] == "InfeasibleError").mean()
    )


def test_cells_of_severity_hold_every_episode_once_for_each_of_its_kinds(study: Tables) -> None:
    rows = by_kind(study)
    agreed, count = agreement_by_severity(rows, kinds_in(rows))
    assert count.sum() == len(study["perturbations"]) * len(POLICIES)
    assert agreed.sum() == (rows["outcome"] == "agreed").sum()
    assert (agreed <= count).all()


def test_a_severity_of_one_falls_into_the_last_class() -> None:
    rows = pd.DataFrame(
        {"kind": ["a", "a"], "own_severity": [1.0, 0.2], "outcome": ["agreed", "x"]}
    )
    agreed, count = agreement_by_severity(rows, ["a"])
    assert count.tolist() == [[0, 1, 0, 0, 1]]
    assert agreed.tolist() == [[0, 0, 0, 0, 1]]


def test_boundary_bars_cover_the_way_from_none_to_all(study: Tables) -> None:
    parts = {part.words: part.length for part in boundary_parts(study["boundaries"])}
    np.testing.assert_allclose(sum(parts.values()), 1)
    np.testing.assert_allclose(parts["not agreed"][:3], 0.0625)
    lies = study["boundaries"].assign(outcome="promise_broken")
    assert boundary_parts(lies)[-1].length[:3] == pytest.approx(0.0625)


def test_policies_are_compared_on_the_days_of_the_studys_own_means(
    sections: dict[str, Section], study: Tables
) -> None:
    policies = study["policies"].set_index("policy")
    assert paired(study)["day"].nunique() == policies.loc["paper", "adjusted_days"]
    shown = table_of(sections["policies"], "Policies side by side")
    assert [row[0] for row in shown.rows] == list(POLICIES)
    for row in shown.rows:
        place = shown.headings.index("asked to change [kWh]")
        assert row[place] == f"{policies.loc[row[0], 'adjusted_kwh']:,.1f}"


def test_day_by_day_a_policy_that_asks_twice_as_much_never_asks_less(
    sections: dict[str, Section], study: Tables
) -> None:
    shown = table_of(sections["policies"], "Day by day")
    days = paired(study)["day"].nunique()
    less, equal, more = next(
        row[2:5]
        for row in shown.rows
        if row[:2] == ("energy asked to change", "paper against projection")
    )
    assert (less, equal, more) == ("0", "0", str(days))


def test_what_stations_give_up_adds_up_to_what_was_curtailed(study: Tables) -> None:
    table = by_station(study)
    days = paired(study)
    crowded = study["perturbations"].query("perturbation == 'crowded_lateral'")["day"]
    episodes = days[(days["policy"] == "price") & ~days["day"].isin(crowded)]
    shares = study["shares"][study["shares"]["episode"].isin(episodes["episode"])]
    total = table.query("policy == 'price'")["curtailed_kwh"].sum()
    assert total == pytest.approx(shares["curtailed_kwh"].sum() / len(episodes))
    bearers = table.query("policy == 'price' and station == 'S5'")["bears_most"].item()
    assert bearers == (episodes["bearer"] == "S5").sum()


def test_rounds_of_all_agreements_are_counted(study: Tables) -> None:
    counts = rounds_count(study)
    assert counts.to_numpy().sum() == (study["episodes"]["outcome"] == "agreed").sum()
    assert counts.loc[("paper", BY_ENVELOPE), 3] == (study["episodes"]["envelope"]).sum()


def test_days_of_liars_are_told_from_silent_violations(
    sections: dict[str, Section], study: Tables
) -> None:
    classes = ac_classes(study).groupby("ac_class").size()
    assert classes[AC_CLASSES[3]] == len(POLICIES)
    assert AC_CLASSES[4] not in classes
    (row,) = table_of(sections["check"], "Broken promises, all of them").rows
    assert row[:2] == ("0", "all")
    assert row[3:] == ("line L2 phase b 00:00", "40.0 %")


def test_forensics_begin_with_the_largest_cut(sections: dict[str, Section], study: Tables) -> None:
    rows = table_of(sections["forensics"], "The largest cut of an episode, in words").rows
    cuts = [float(re.search(r"by ([\d.]+) kWh", row[0]).group(1)) for row in rows]  # type: ignore[union-attr]
    assert cuts == sorted(cuts, reverse=True)
    assert cuts[0] == pytest.approx(study["cuts"]["cut_kwh"].max(), abs=0.1)


def test_a_silent_violation_is_loud(tiny: Case, study: Tables, tmp_path: Path) -> None:
    episodes = study["episodes"].copy()
    broken = episodes.index[episodes["outcome"] == "agreed"][-1]
    episodes.loc[broken, "silent_violation"] = True
    tables = study | {"episodes": episodes}
    laws = table_of(sections_of(tiny, tables)["guarantees"], "Laws and counts")
    assert [row[3:] for row in laws.rows] == [("yes", "0"), ("yes", "0"), ("no", "1"), ("yes", "0")]
    assert laws.marks == {2: "bad"}
    run = Run(folder=tmp_path, summary=summary_of(tables), tables=tables)
    html = draw(run, tiny, {})
    assert 'class="banner alarm" role="alert"' in html
    assert "broken 1 time" in html


def test_days_changed_by_messages_break_a_law(tiny: Case, study: Tables) -> None:
    told = study["episodes"].assign(undisturbed="x", changed_by_messages=False)
    told.loc[told.index[0], "changed_by_messages"] = True
    laws = table_of(sections_of(tiny, study | {"episodes": told})["guarantees"], "Laws and counts")
    agreements = int((told["outcome"] == "agreed").sum())
    assert f"{agreements} agreed ones compared" in laws.rows[3][1]
    assert laws.rows[3][3:] == ("no", "1")


SMALL = {
    "one episode": {"days": 1, "policies": ("projection",), "failing": 0.0, "searched": False},
    "no failure": {"days": 5, "failing": 0.0},
    "no adjustment": {"days": 5, "failing": 0.0, "adjusting": 0.0},
    "one policy": {"days": 6, "policies": ("price",)},
    "all failed": {"days": 4, "failing": 1.1},
}


@pytest.mark.parametrize("name", SMALL)
def test_small_studies_have_their_page(name: str, tiny: Case) -> None:
    tables = invented(**SMALL[name])  # type: ignore[arg-type]
    sections = sections_of(tiny, tables)
    assert list(sections) == SECTIONS
    assert all(section.blocks for section in sections.values())
    for chart in charts_of(sections).values():
        go.Figure(data=chart.data, layout=chart.layout)
        assert chart.controls or all(t.get("x") is not None for t in chart.data)
    if name == "no failure":
        assert isinstance(sections["failures"].blocks[0], Note)
    if name == "no adjustment":
        assert isinstance(sections["energy"].blocks[0], Note)
    if name == "all failed":
        assert isinstance(sections["rounds"].blocks[0], Note)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("no adjustment", {"policies", "stations", "fairness"}),
        ("one episode", {"boundaries"}),
        ("all failed", {"rounds", "policies", "stations", "fairness", "violations"}),
    ],
)
def test_small_studies_have_the_figures_that_they_can(
    name: str, missing: set[str], tiny: Case
) -> None:
    tables = invented(**SMALL[name])  # type: ignore[arg-type]
    assert {n for n, drawing in PAPER_FIGURES.items() if drawing(tiny, tables) is None} == missing


@pytest.mark.parametrize("name", list(STRESS_TABLES))
def test_any_table_may_be_missing(name: str, tiny: Case, study: Tables) -> None:
    summary = summary_of(study)
    kept = {k: t for k, t in study.items() if k != name}
    assert all(s.blocks for s in stress_sections(tiny, summary, kept))


def test_names_from_a_case_cannot_become_markup(tiny: Case, study: Tables, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><b>&"
    hostile = replace(
        tiny,
        title=evil,
        stations=tuple(replace(s, id=evil) if s.id == "S3" else s for s in tiny.stations),
    )
    tables = {n: t.replace({"S3": evil, "line L2 phase b": evil}) for n, t in study.items()}
    tables["episodes"] = tables["episodes"].assign(forensics=evil, breach=evil, reason=evil)
    run = Run(folder=tmp_path, summary=summary_of(tables), tables=tables)
    html = draw(run, hostile, {})
    assert "<script>alert" not in html
    assert Page(html).text.count(evil) >= 4
