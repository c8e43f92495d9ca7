"""The page and the figures of a risk study, on crafted tables of the case `tiny`."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from roadvolt.sims.case import Case, load_case
from roadvolt.sims.reporting.figures import STYLE
from roadvolt.sims.reporting.page import Chart, Note, to_json
from roadvolt.sims.reporting.study_page import Banner, duration, figure_text, money, percent
from roadvolt.sims.results import Run
from roadvolt.sims.risk.design import Distribution, Method
from roadvolt.sims.risk.lines import told_apart
from roadvolt.sims.risk.looks import METHODS
from roadvolt.sims.risk.page import draw_risk, risk_sections
from roadvolt.sims.risk.paper_figures import FIGURES
from roadvolt.sims.risk.published import DAY_AHEAD, SCHEMES, below_pct, over_sp_pct
from roadvolt.sims.risk.reading import Reading, broken_at, rates, reading_of
from roadvolt.sims.risk.schema import TABLES
from roadvolt.sims.risk.verdict import banners, cards, orderings

ALL = tuple(method.value for method in Method)
AT_OPERATOR = ("deterministic", "sp", "dro-moment", "ro")
CAUTION = dict(
    zip(
        ("deterministic", "sp", "dro-cross-validated", "dro-wasserstein", "dro-moment", "ro"),
        range(6),
        strict=True,
    )
)


def crafted(
    sizes: tuple[int, ...] = (50, 1000),
    confidences: tuple[float, ...] = (0.8, 0.95),
    seeds: int = 2,
    methods: tuple[str, ...] = ALL,
    levels: tuple[str, ...] = ("station", "dso"),
    distributions: tuple[str, ...] = tuple(d.value for d in Distribution),
) -> dict[str, pd.DataFrame]:
    """Tables of a study in which every ordering of the paper holds."""
    cells, outside, values = [], [], []
    for level, method, n, confidence, seed in product(
        levels, methods, sizes, confidences, range(1, 1 + seeds)
    ):
        if level == "dso" and method not in AT_OPERATOR:
            continue
        step = CAUTION[method]
        dearer = (1 - n / 1e5) if method == "dro-wasserstein" else 1.0
        cost = (400 + 300 * step) * dearer * (1 + 0.01 * seed) + 100 * confidence * (step > 0)
        key = {"level": level, "method": method, "samples": n, "confidence": confidence}
        key |= {"seed": seed}
        asked = round(1 - confidence, 12)
        rate = 0.5 if step == 0 else asked / step
        violation = {
            "out_of_sample_violation": rate,
            "violation_low": 0.9 * rate,
            "violation_high": 1.1 * rate,
            "worst_violation": min(1.0, 1.5 * rate),
            "worst_low": 0.8 * rate,
            "worst_high": min(1.0, 2 * rate),
            "worst_limit": "EVCS1 <b>08:00",
            "joint_violation": min(1.0, 3 * rate),
            "promised_violation": asked,
            "kept": step > 0,
        }
        words = ("realised_mean", "realised_q05", "realised_q50", "realised_q95", "realised_q99")
        paid = {w: 900 + 20 * k + step for k, w in enumerate(words)} | {"shortage_kwh": 7.0}
        cells.append(
            {**key, "cost": cost, **violation, **paid, "reason": "", "margin_kwh": 1.0}
            | {"radius_scale": np.nan}
        )
        for distribution in distributions:
            outside.append({**key, "distribution": distribution, **violation, **paid})
            values.append(
                {
                    **key,
                    "distribution": distribution,
                    "value_of_stochastic_solution": -float(step),
                    "price_of_robustness": 300.0 * (step - 1),
                    "price_of_robustness_pct": 40.0 * (step - 1),
                }
            )
    rows = {"cells": cells, "out_of_sample": outside, "values": values, **operator_rows(seeds)}
    return {
        name: pd.DataFrame(rows[name], columns=list(columns)) for name, columns in TABLES.items()
    }


def operator_rows(seeds: int) -> dict[str, list[dict[str, Any]]]:
    day = [
        {
            "method": method,
            "total_cost": 1234.0 + 10 * k,
            "upstream_active": 1000.0,
            "upstream_reactive": 4.0,
            "der": 200.0 + 10 * k,
            "reserve": 30.0,
            "over_sp_pct": 100 * (10 * k - 10) / 1244,
        }
        for k, method in enumerate(AT_OPERATOR)
    ]
    schemes, voltages = [], []
    for seed, (k, scheme) in product(range(1, 1 + seeds), enumerate(("III", "II", "I"))):
        parts = {"upstream_active": 1000.0 + 500 * k, "upstream_reactive": 60.0, "der": 700.0}
        parts |= {"reserve": 50.0}
        schemes += [
            {"scheme": scheme, "realisation": realisation, "seed": seed, **parts}
            | {"total_cost": sum(parts.values()), "day_ahead_cost": 900.0}
            | {"upstream_share": 0.0, "real_time_kwh": 5.0}
            | {"vm_min_pu": 0.95 - 0.01 * k, "vm_max_pu": 1.01, "vur_max_pct": 1.5 + k / 10}
            for realisation in ("worst", "normal", "heavy", "shifted")
        ]
        voltages += [
            {"scheme": scheme, "seed": seed, "hour": hour, "bus": bus, "phase": phase}
            | {"vm_pu": 1 - 0.01 * k - 0.001 * hour}
            for hour, bus, phase in product(range(3), ("1", "2"), "abc")
        ]
    return {"day_ahead": day, "schemes": schemes, "scheme_voltages": voltages}


def summary() -> dict[str, Any]:
    return {
        "reference": {"samples": 1000, "confidence": 0.95},
        "tasks": 12,
        "seconds": {"total": 75.2},
        "versions": {"roadvolt": "0"},
        "result_hash": "abc123",
    }


@pytest.fixture(scope="module")
def case() -> Case:
    return load_case("tiny")


def reading(case: Case, tables: dict[str, pd.DataFrame]) -> Reading:
    return reading_of(Run(folder=Path(), summary=summary(), tables=tables), case)


@pytest.fixture(scope="module")
def folder(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("risk-page")
    draw_risk(Run(folder=found, summary=summary(), tables=crafted()), case)
    return found


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    """The page without plotly itself, which names addresses of maps that nothing here asks for."""
    text = (folder / "study.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>.*?</script>", text, flags=re.DOTALL)
    assert max(map(len, scripts)) > 1e6
    return text.replace(max(scripts, key=len), "")


def test_the_page_needs_no_network(page: str) -> None:
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#|data:)""", page)
    assert not re.search(r"https?://|@import|url\(", page)


def test_the_page_has_every_section_and_a_link_to_each(page: str) -> None:
    for name in ("paper", "costs", "values", "promises", "realised", "operator", "schemes"):
        assert f'<section id="{name}">' in page
        assert f'<a href="#{name}">' in page
    for chart in (
        "cost-by-samples",
        "cost-by-confidence",
        "price-and-value",
        "violations-by-promise",
        "violations-by-samples",
        "realised-cost",
        "day-ahead",
        "operator-sweeps",
        "scheme-costs",
        "scheme-voltages-range",
        "scheme-voltages",
    ):
        assert page.count(f'id="{chart}"') == 1


def test_figures_on_the_page_are_those_of_the_tables(page: str) -> None:
    cells = crafted()["cells"].query("level == 'station' and samples == 1000")
    costs = cells.query("confidence == 0.95").groupby("method")["cost"].mean()
    for method, cost in costs.items():
        row = re.search(rf"</i>{METHODS[str(method)].name}</span></td><td>([^<]*)</td>", page)
        assert row is not None
        assert row.group(1) == money(cost)
    assert "<td>1,244</td>" in page
    # Of two seeds: 1000 + 500 k + 60 + 700 + 50.
    for total in ("1,810", "2,310", "2,810"):
        assert f"<td>{total}</td>" in page


def test_the_papers_figures_stand_beside_ours(page: str) -> None:
    for figure in ("2,575.2", "2,659.7", "3,211.8", "3,320.91", "2,988.31", "2,738.17", "0.9409"):
        assert f"<td>{figure}</td>" in page
    assert f"<td>{percent(below_pct('III', 'I'), 2)}</td>" in page


def test_the_papers_tables_add_up_and_give_its_percentages() -> None:
    for figures in SCHEMES.values():
        parts = ("upstream_active", "upstream_reactive", "der", "reserve")
        assert sum(figures[part] for part in parts) == pytest.approx(
            figures["total_cost"], abs=0.02
        )
    assert below_pct("III", "I") == pytest.approx(17.55, abs=0.005)
    assert below_pct("III", "II") == pytest.approx(8.37, abs=0.005)
    assert DAY_AHEAD["sp"] < DAY_AHEAD["dro-moment"] < DAY_AHEAD["ro"]
    assert over_sp_pct("sp") == 0


def test_names_from_a_table_cannot_become_tags(page: str) -> None:
    assert "EVCS1 &lt;b&gt;08:00" in page
    assert "EVCS1 <b>08:00" not in page


def test_every_figure_is_saved_as_png_and_pdf(folder: Path) -> None:
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")}
    assert all(path.stat().st_size > 5000 for path in (folder / "figures").iterdir())


SMALL = {
    "one cell": crafted(sizes=(50,), confidences=(0.8,), seeds=1),
    # 0.1 three times has a mean that is above all of them.
    "rounded means": crafted(sizes=(50,), seeds=3)
    | {
        name: table.assign(
            out_of_sample_violation=0.1,
            violation_low=0.1,
            violation_high=0.1,
        )
        for name, table in crafted(sizes=(50,), seeds=3).items()
        if name in ("cells", "out_of_sample")
    },
    "no sp": crafted(sizes=(50,), seeds=1, methods=("deterministic", "dro-wasserstein", "ro")),
    "stations, no deterministic": crafted(seeds=1, methods=("sp", "ro"), levels=("station",))
    | {"day_ahead": pd.DataFrame(columns=list(TABLES["day_ahead"]))},
    "operator, one distribution": crafted(seeds=1, levels=("dso",), distributions=("heavy",))
    | {name: pd.DataFrame(columns=list(TABLES[name])) for name in ("schemes", "scheme_voltages")},
    "nothing": {},
}


@pytest.mark.parametrize("tables", SMALL.values(), ids=SMALL)
def test_whatever_is_missing_the_rest_is_drawn(case: Case, tables: dict[str, pd.DataFrame]) -> None:
    import matplotlib as mpl

    found = reading(case, tables)
    sections = risk_sections(found)
    assert len(sections) == 7
    for block in (block for section in sections for block in section.blocks):
        if isinstance(block, Chart):
            to_json([block.data, block.layout, [dict(p.of) for p in block.patches]])
            assert any(_has_values(trace) for trace in block.data)
            for control in block.controls:
                assert control.start in dict(control.options)
    assert all(card.value for card in cards(found))
    banners(found)
    with mpl.rc_context(STYLE):
        drawn = [draw(found) for draw in FIGURES.values()]
    assert any(drawn) == bool(tables)
    if not tables:
        assert all(isinstance(block, Note) for section in sections for block in section.blocks)


def _has_values(trace: dict[str, Any]) -> bool:
    return any(v is not None and v == v for v in trace.get("x", ()))


def test_a_cell_without_a_plan_leaves_a_gap_and_no_method_without_any_is_shown(case: Case) -> None:
    tables = crafted(seeds=1)
    cells, outside = tables["cells"], tables["out_of_sample"]
    numbers = [n for n in cells.select_dtypes("number").columns if n in outside or n == "cost"]
    numbers = [n for n in numbers if n not in ("samples", "confidence", "seed")]
    gone = (cells["method"] == "ro") & (cells["level"] == "dso")
    cells.loc[gone, numbers] = np.nan
    cells.loc[gone, "reason"] = "no dispatch keeps all limits"
    left = ~((outside["method"] == "ro") & (outside["level"] == "dso"))
    found = reading(case, tables | {"out_of_sample": outside[left]})
    assert found.methods("dso") == ["deterministic", "sp", "dro-moment"]
    assert "ro" in found.methods("station")
    assert len(risk_sections(found)) == 7


def test_an_ordering_that_fails_once_is_counted_and_told(case: Case) -> None:
    tables = crafted()
    found = orderings(reading(case, tables))
    assert [o.held for o in found] == [o.compared for o in found]
    # 3 methods, each against SP and RO, in 2 sizes x 2 confidences x 2 seeds.
    assert found[0].compared == 3 * 2 * 8
    assert banners(reading(case, tables))[0].kind == "good"
    cells = tables["cells"]
    one = cells.query("level == 'station' and method == 'dro-moment'").index[0]
    cells.loc[one, "cost"] = 0.0
    failed = orderings(reading(case, tables))
    assert (failed[0].compared, failed[0].held) == (48, 47)
    banner = banners(reading(case, tables))[0]
    assert banner.kind == "poor"
    assert "47 of 48" in " ".join(banner.points)


def test_promises_count_as_broken_where_half_of_the_seeds_break_them(case: Case) -> None:
    tables = crafted()
    outside = tables["out_of_sample"]
    where = outside.query(
        "level == 'station' and method == 'sp' and distribution == 'heavy' and seed == 2"
    ).index
    outside.loc[where, "kept"] = False
    found = reading(case, tables)
    assert broken_at(found, "station") == {
        ("deterministic", "heavy"): [0.8, 0.95],
        ("deterministic", "normal"): [0.8, 0.95],
        ("deterministic", "shifted"): [0.8, 0.95],
        ("sp", "heavy"): [0.8, 0.95],
    }
    (broken,) = [b for b in banners(found) if "broken" in b.headline]
    assert "heavy tails: deterministic, SP" in broken.points


def test_rates_are_means_over_seeds_and_their_intervals_the_union(case: Case) -> None:
    table = crafted()["out_of_sample"].query(
        "level == 'dso' and method == 'sp' and distribution == 'normal' and samples == 50"
    )
    table = table.assign(violation_low=[0.1, 0.2, 0.3, 0.4], violation_high=[0.5, 0.6, 0.7, 0.8])
    table = table.assign(out_of_sample_violation=[0.2, 0.4, 0.5, 0.6])
    found = rates(table, "confidence", worst=False)
    # Rows: confidence 0.8 seeds 1 and 2, confidence 0.95 seeds 1 and 2.
    np.testing.assert_allclose(found.loc[0.8], [30, 10, 60])
    np.testing.assert_allclose(found.loc[0.95], [55, 30, 80])


def test_without_the_reference_cell_the_nearest_stands_for_it(case: Case) -> None:
    found = reading(case, crafted(sizes=(50, 200), confidences=(0.8, 0.9)))
    assert (found.samples, found.confidence) == (200, 0.9)


def test_numbers_read_as_people_write_them() -> None:
    assert money(1234.5) == "1,234"
    assert money(-12.345) == "\N{MINUS SIGN}12.35"
    assert percent(3.26, sign=True) == "+3.3 %"
    assert figure_text(float("nan")) == figure_text(None) == "\N{EN DASH}"
    assert [duration(s) for s in (41.6, 605, 7380)] == ["42 s", "10 min 5 s", "2 h 3 min"]
    assert told_apart([50, 100, 200, 500, 1000, 2000, 5000], 3) == [50, 200, 1000, 5000]
    assert Banner(kind="good", headline="x").points == ()
