"""The cases `der33` and `der33-tight` against published figures, and what their loader refuses."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roadvolt.core.errors import CaseError
from roadvolt.planning.der.budget_set import budget_set
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.extensive import solve_extensive
from roadvolt.planning.der.first_stage import all_as_one
from roadvolt.planning.der.operation import Weather, copperplate
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.planning.radial import HEAD
from roadvolt.sims.case import load_case
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.catalogue import built_in_cases, load_any
from roadvolt.sims.derfile import der_case_names, load_der_case, to_der_case_folder
from roadvolt.sims.derfile.layout import DER_PLANNING
from roadvolt.sims.derfile.settings import DerSettings
from roadvolt.sims.derfile.tables import TABLES
from roadvolt.sims.planfile import load_fdn_case


@pytest.fixture(scope="module")
def case() -> DerCase:
    return load_der_case("der33")


@pytest.fixture(scope="module")
def tight() -> DerCase:
    return load_der_case("der33-tight")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of `der33` with a year of twelve days, which are quickly reduced."""
    copy = Path(shutil.copytree(BUILT_IN / "der33", tmp_path / "mine"))
    replaced(copy / "case.yaml", "days: 365", "days: 12")
    return copy


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(header), *rows])


# ---- the numbers of der33 ------------------------------------------------------------------------


def test_the_feeder_is_that_of_baran_and_wu(case: DerCase) -> None:
    """Totals, loss and lowest voltage as in the literature: 202.68 kW, 0.9131 pu at bus 18."""
    network = case.network
    assert network.buses == tuple(str(bus) for bus in range(2, 34))
    assert (network.load_p_kw.sum(), network.load_q_kvar.sum()) == (3715, 2300)
    flow = solve_feeders(network, network.load_p_kw[None], network.load_q_kvar[None])
    loss_kw = (np.abs(flow.current_pu[0]) ** 2 * network.r_pu).sum() * network.s_base_kva
    magnitude = np.abs(flow.voltage_pu[0])
    assert loss_kw == pytest.approx(202.68, abs=0.01)
    assert magnitude.min() == pytest.approx(0.9131, abs=5e-5)
    assert network.buses[magnitude.argmin()] == "18"


def test_the_feeder_is_the_one_that_episodes_run_on(case: DerCase) -> None:
    feeder, network = load_case("utn12-ieee33").feeder, case.network
    for line in feeder.lines:
        to = network.index(line.to_bus)
        assert line.from_bus == (
            "1" if network.parent[to] == HEAD else network.buses[network.parent[to]]
        )
        off = line.z_ohm[[0, 0, 1], [1, 2, 2]].mean()
        positive = np.diag(line.z_ohm).mean() - off
        assert complex(network.r_ohm[to], network.x_ohm[to]) == pytest.approx(positive, abs=1e-6)
    for load in feeder.loads:
        bus = network.index(load.bus)
        assert network.load_p_kw[bus] == pytest.approx(sum(load.p_kw))
        assert network.load_q_kvar[bus] == pytest.approx(sum(load.q_kvar))


def test_lines_carry_400_ampere_near_the_head_and_200_elsewhere(case: DerCase) -> None:
    ampere = case.s_max_kva / np.sqrt(3) / 12.66
    assert ampere.round(2).tolist() == [400.0] * 9 + [200.0] * 23


def test_the_history_gives_the_energies_that_the_sources_promise(case: DerCase) -> None:
    spread = case.deviations
    assert spread.load_mean_kw.sum() == pytest.approx(25_728, abs=0.5)
    assert spread.load_mean_kw.sum(axis=0).max() == pytest.approx(1464, abs=0.5)
    assert spread.pv_mean.sum() == pytest.approx(4.54, abs=0.005)
    assert (spread.pv_mean - spread.pv_down).sum() == pytest.approx(2.53, abs=0.005)
    assert case.scenarios.days.tolist() == [42, 72, 141, 239, 242, 265, 324, 325, 336]
    assert case.load_q_kvar.sum(axis=0) == pytest.approx(0.3 * 2300)
    assert np.bincount((case.price_per_kwh * 100).round().astype(int)).nonzero()[0].tolist() == [
        7, 13, 24,
    ]  # fmt: skip


def test_the_deterministic_plan_has_the_cost_of_the_reference(case: DerCase) -> None:
    """2701.947 EUR a day on the copperplate, by the research prototype on the same numbers."""
    first = all_as_one(case)
    mean = budget_set(case, 0, 0).mean
    plan = solve_extensive(first, [copperplate(case, first, Weather())], [mean], "test")
    assert plan.objective == pytest.approx(2701.947, abs=1e-3)
    assert plan.x == pytest.approx([12, 2908.648, 4, 423.047], abs=1e-3)


def without_losses(case: DerCase, p_kw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Apparent power of lines and voltages [branch, time] with nothing built, bus by bus."""
    network, q_kvar = case.network, case.load_q_kvar
    p, q = p_kw.copy(), q_kvar.copy()
    for bus in reversed(range(len(p))):  # every bus stands after the one upstream
        if network.parent[bus] != HEAD:
            p[network.parent[bus]] += p[bus]
            q[network.parent[bus]] += q[bus]
    squared = np.ones((len(p) + 1, p.shape[1]))
    for bus in range(len(p)):
        drop = network.r_pu[bus] * p[bus] + network.x_pu[bus] * q[bus]
        squared[bus] = squared[network.parent[bus]] - 2 * drop / network.s_base_kva
    return np.hypot(p, q), np.sqrt(squared[:-1])


@pytest.mark.parametrize("name", ["der33", "der33-tight"])
def test_the_highest_load_is_served_with_nothing_built(name: str) -> None:
    case = load_der_case(name)
    highest = case.deviations.load_mean_kw + case.deviations.load_up_kw
    kva, voltage = without_losses(case, highest)
    inscribed = np.cos(np.pi / case.rules.polygon_sides)
    assert np.all(kva.max(axis=1) <= case.s_max_kva * inscribed)
    assert case.v_min_pu <= voltage.min() == pytest.approx(0.9635, abs=1e-4)


def test_the_tight_case_differs_where_its_sources_say(case: DerCase, tight: DerCase) -> None:
    kva, _ = without_losses(tight, tight.deviations.load_mean_kw + tight.deviations.load_up_kw)
    expected = np.maximum(1.4 * kva.max(axis=1), 150)
    np.testing.assert_allclose(tight.s_max_kva, expected, atol=0.006)
    assert (tight.v_min_pu, tight.v_max_pu, tight.rules.size_max) == (0.95, 1.01, 600)
    sites = [tight.network.buses[bus] for bus in tight.pv_sites]
    assert sites == ["13", "18", "19", "22", "23", "25", "26", "32", "33"]
    assert np.array_equal(tight.pv_sites, tight.battery_sites)
    assert np.array_equal(case.pv_sites, np.arange(32))
    same = ("load_mean_kw", "load_up_kw", "pv_mean", "pv_down")
    for name in same:
        assert np.array_equal(getattr(tight.deviations, name), getattr(case.deviations, name))
    assert np.array_equal(tight.network.r_ohm, case.network.r_ohm)


# ---- loading -------------------------------------------------------------------------------------


def test_a_case_is_written_and_read_as_the_same(folder: Path, tmp_path: Path) -> None:
    case = load_der_case(folder, overrides={"sites.18.pv": "no"})
    again = load_der_case(to_der_case_folder(case, tmp_path / "again"))
    assert again.digest == case.digest
    assert np.array_equal(again.pv_sites, case.pv_sites)
    assert np.array_equal(again.year.load_kw, case.year.load_kw)


def test_overrides_reach_keys_and_cells(folder: Path) -> None:
    changes = {
        "network.v_max_pu": "1.02",
        "sizes.size_max": "600",
        "lines.17.s_max_kva": "300",
        "sites.18.battery": "no",
        "prices.3.price_per_kwh": "0.05",
        "costs.unserved_per_kwh": "3",
        "batteries.terminal_soc": "false",
        "uncertainty.scenarios": "4",
    }
    case = load_der_case(folder, overrides=changes)
    assert (case.v_max_pu, case.rules.size_max, case.price_per_kwh[3]) == (1.02, 600, 0.05)
    bus = case.network.index("18")
    assert case.s_max_kva[bus] == 300
    assert bus in case.pv_sites
    assert bus not in case.battery_sites
    assert (case.rules.unserved_per_kwh, case.rules.terminal_soc) == (3, False)
    assert len(case.scenarios.weight) == 4


def test_lines_may_stand_in_any_order_and_either_way_round(folder: Path) -> None:
    before = load_der_case(folder).network
    header, *lines = (folder / "lines.csv").read_text().splitlines()
    turned = [",".join([n, b, a, *rest]) for n, a, b, *rest in (x.split(",") for x in lines)]
    (folder / "lines.csv").write_text("\n".join([header, *reversed(turned)]))
    network = load_der_case(folder).network
    assert np.array_equal(network.parent, before.parent)
    assert np.array_equal(network.x_ohm, before.x_ohm)


def test_a_seed_draws_another_year(folder: Path) -> None:
    one, other = (load_der_case(folder, overrides={"history.seed": s}) for s in ("1", "2"))
    assert not np.array_equal(one.year.pv, other.year.pv)
    assert one.digest != other.digest


def test_each_kind_of_case_names_the_command_that_takes_it() -> None:
    assert der_case_names() == ("der33", "der33-tight")
    with pytest.raises(CaseError, match="roadvolt plan der der33"):
        load_case("der33")
    with pytest.raises(CaseError, match="roadvolt plan der der33"):
        load_fdn_case("der33")
    with pytest.raises(CaseError, match="roadvolt plan fdn tpc84"):
        load_der_case("tpc84")


def test_the_catalogue_lists_the_cases_with_their_sizes(case: DerCase) -> None:
    entries = {entry.name: entry for entry in built_in_cases()}
    assert entries["der33"].size == "32 buses, 32 sites, 9 of 365 days"
    assert entries["der33-tight"].size == "32 buses, 9 sites, 9 of 365 days"
    assert entries["tpc84"].kind == "fdn planning"
    assert load_any("der33").digest == case.digest


def test_every_key_and_column_stands_in_the_page() -> None:
    page = (Path(__file__).resolve().parents[2] / DER_PLANNING.page).read_text()
    said = set(re.findall(r"`([^`]*)`", page))
    for section, field in DerSettings.model_fields.items():
        for key in field.annotation.model_fields:
            assert said & {key, f"{section}.{key}"}, key
    for table, columns in TABLES.items():
        assert f"**`{table}.csv`**" in page
        assert set(columns.model_fields) <= said


# ---- histories of one's own ----------------------------------------------------------------------

DAYS = 5


def own_pv(folder: Path) -> np.ndarray:
    """Writes five days of PV; rows stand in no order."""
    rng = np.random.default_rng(2)
    pv = rng.random((DAYS, 24)).round(4)
    cells = [(d + 1, h, pv[d, h]) for d in range(DAYS) for h in range(24)]
    rng.shuffle(cells)
    rows = [(int(d), int(h), pv) for d, h, pv in cells]
    write_table(folder / "pv.csv", ("day", "hour", "pv_factor"), rows)
    replaced(folder / "case.yaml", "pv: synthetic", "pv: table")
    replaced(folder / "case.yaml", "scenarios: 9", "scenarios: 3")
    return pv


def own_loads(folder: Path) -> np.ndarray:
    """Writes five days of load at all buses, 2 to 33, whose columns stand in no order."""
    load_kw = np.random.default_rng(4).uniform(5, 90, (DAYS, 32, 24)).round(3)
    buses = np.random.default_rng(5).permutation(32)
    rows = [(d + 1, h, *load_kw[d, buses, h]) for h in range(24) for d in range(DAYS)]
    header = ("day", "hour", *(f"{bus + 2}_kw" for bus in buses))
    write_table(folder / "load.csv", header, rows)
    replaced(folder / "case.yaml", "load: synthetic", "load: table")
    return load_kw


def test_pv_and_loads_may_come_from_tables(folder: Path, tmp_path: Path) -> None:
    pv, load_kw = own_pv(folder), own_loads(folder)
    case = load_der_case(folder)
    assert np.array_equal(case.year.pv, pv)
    assert np.array_equal(case.year.load_kw, load_kw)
    assert set(case.scenarios.days) <= set(range(DAYS))
    assert np.array_equal(case.scenarios.load_kw, load_kw[case.scenarios.days])
    again = load_der_case(to_der_case_folder(case, tmp_path / "again"))
    assert again.digest == case.digest
    assert np.array_equal(again.year.load_kw, load_kw)


def test_where_only_pv_is_measured_loads_are_made_for_as_many_days(folder: Path) -> None:
    pv = own_pv(folder)
    year = load_der_case(folder).year
    assert np.array_equal(year.pv, pv)
    assert year.load_kw.shape == (DAYS, 32, 24)


def test_a_bus_without_nominal_load_may_be_absent_from_the_history(folder: Path) -> None:
    own_pv(folder)
    own_loads(folder)
    lines = [line.split(",") for line in (folder / "load.csv").read_text().split()]
    out = lines[0].index("18_kw")
    header, *rows = (cells[:out] + cells[out + 1 :] for cells in lines)
    write_table(folder / "load.csv", header, rows)
    with pytest.raises(CaseError, match=r"load\.csv: says nothing of bus '18'"):
        load_der_case(folder)
    case = load_der_case(folder, overrides={"buses.18.p_kw": "0"})
    assert not case.year.load_kw[:, case.network.index("18")].any()
    assert case.year.load_kw[:, case.network.index("19")].all()


def test_charging_is_certain_demand_on_top(folder: Path) -> None:
    before = load_der_case(folder)
    write_table(
        folder / "charging.csv", ("bus", "hour", "charging_kw"), [(18, 7, 30), (33, 23, 4.5)]
    )
    case = load_der_case(folder)
    extra = np.zeros((32, 24))
    extra[16, 7], extra[31, 23] = 30, 4.5
    np.testing.assert_allclose(case.year.load_kw - before.year.load_kw, [extra] * 12, atol=1e-12)
    added = case.deviations.load_mean_kw - before.deviations.load_mean_kw
    np.testing.assert_allclose(added, extra, atol=1e-12)
    assert np.array_equal(case.deviations.load_up_kw, before.deviations.load_up_kw)
    np.testing.assert_allclose(
        case.scenarios.load_kw - before.scenarios.load_kw, [extra] * 9, atol=1e-12
    )


# ---- faults --------------------------------------------------------------------------------------

BROKEN = {
    # what is broken: file, old text, new text, what the message must say
    "unknown bus": ("lines.csv", "5,5,6", "5,5,60", "lines.csv, row 6, column to_bus: buses.csv"),
    "unknown head": ("case.yaml", "head_bus: 1", "head_bus: 0", "network.head_bus: buses.csv has"),
    "unknown site": ("sites.csv", "18,yes", "81,yes", "sites.csv, row 18, column bus: buses.csv"),
    "double site": ("sites.csv", "18,yes", "17,yes", "'17' stands in row 17 already"),
    "site at the head": ("sites.csv", "2,yes,yes\n", "1,yes,yes\n", "'1' is the head"),
    "load at the head": ("buses.csv", "1,0,0,0,0", "1,0,0,50,0", "the head '1' has a load"),
    "lost bus": ("lines.csv", "32,32,33,0.341,0.5302,4385.55\n", "", "no line connects '33'"),
    "loop": ("lines.csv", "32,32,33,", "32,31,32,", "line '32' closes a loop"),
    "unit": ("buses.csv", "7,6,0,200,", "7,6,0,200000,", "in kW: 200"),
    "rating": ("lines.csv", "4385.55", "0", "lines.csv, row 11, column s_max_kva"),
    "word": ("sites.csv", "18,yes", "18,maybe", "'maybe' is neither yes nor no"),
    "hours": ("prices.csv", "\n5,", "\n6,", "'6' is not the hour that belongs here"),
    "short day": ("prices.csv", "23,0.13\n", "", "a synthetic history has 24 hours"),
    "voltage": ("case.yaml", "v_max_pu: 1.1", "v_max_pu: 0.9", "outside 1 to 1.5"),
    "sizes": ("case.yaml", "size_min: 5.0", "size_min: 500.0", "500 is above size_max, 250"),
    "charge": ("case.yaml", "soc_start: 0.5", "soc_start: 0.05", "0.1 is above soc_start, 0.05"),
    "quantiles": ("case.yaml", "quantile_low: 0.15", "quantile_low: 0.9", "is not below"),
    "share": ("case.yaml", "quantile_low: 0.15", "quantile_low: 15", "100 times too large?"),
    "few days": ("case.yaml", "days: 12", "days: 7", "9 representative days of only 7"),
    "key": ("case.yaml", "head_bus", "headbus", "did you mean 'head_bus'"),
    "column": ("buses.csv", "p_kw", "pkw", "did you mean 'p_kw'"),
    "origin": ("case.yaml", "pv: synthetic", "pv: tabel", "give 'synthetic' or 'table'"),
    "no table": ("case.yaml", "pv: synthetic", "pv: table", "pv.csv: is missing"),
    "kind": ("case.yaml", "kind: der planning", "kind: der planing", "mean 'der planning'"),
}


def refused(folder: Path) -> str:
    with pytest.raises(CaseError) as found:
        load_der_case(folder)
    return str(found.value)


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named_with_its_place(what: str, folder: Path) -> None:
    file, old, new, message = BROKEN[what]
    replaced(folder / file, old, new)
    assert message in refused(folder)


def test_all_problems_are_listed_at_once(folder: Path) -> None:
    for file, old, new, _ in (BROKEN[w] for w in ("unknown bus", "unit", "hours", "sizes", "word")):
        replaced(folder / file, old, new)
    text = refused(folder)
    for place in ("lines.csv, row 6", "buses.csv, row 8", "prices.csv", "sizes.size_min", "sites"):
        assert place in text


def test_voltage_limits_must_leave_room(folder: Path) -> None:
    with pytest.raises(CaseError, match="1 is not below v_max_pu, 1"):
        load_der_case(folder, overrides={"network.v_min_pu": "1.0", "network.v_max_pu": "1.0"})


def test_load_that_is_cheaper_to_leave_unserved_is_refused(folder: Path) -> None:
    with pytest.raises(CaseError, match=re.escape("0.2 is not above the dearest price, 0.24")):
        load_der_case(folder, overrides={"costs.unserved_per_kwh": "0.2"})


def test_a_table_that_would_not_be_used_is_refused(folder: Path) -> None:
    own_pv(folder)
    replaced(folder / "case.yaml", "pv: table", "pv: synthetic")
    assert "pv.csv: is not used: history.pv is synthetic; set history.pv to table" in refused(
        folder
    )


SLIPS = {
    "no such hour": ("pv.csv", "\n3,11,", "\n3,24,", "prices.csv has no hour 24"),
    "hour twice": ("pv.csv", "\n3,11,", "\n4,11,", "'4' to '11' stands in row"),
    "far day": ("pv.csv", "\n3,11,", "\n7,11,", "48 in all, the first is hour 11 of day 3"),
    "load twice": ("load.csv", "\n3,11,", "\n3,12,", "'3' to '12' stands in row"),
    "day 0": ("load.csv", "\n3,11,", "\n0,11,", "load.csv, row 59, column day"),
    "no load": ("load.csv", "\n3,11,", "\n3,11,x", "load.csv, row 59, column"),
    "negative": ("load.csv", "\n3,11,", "\n3,11,-", "is no load; give a number from 0 to 20000"),
    "no bus": ("load.csv", "18_kw", "81_kw", "column '81_kw' names no bus that has a load"),
    "head": ("load.csv", "18_kw", "1_kw", "column '1_kw' names no bus that has a load"),
    "no unit": ("load.csv", "18_kw", "18", "did you mean '18_kw'"),
    "bus twice": ("load.csv", "18_kw", "19_kw", "column '19_kw' stands twice"),
    "no hours": ("load.csv", "hour", "our", "column 'hour' is missing"),
}


@pytest.mark.parametrize("what", SLIPS)
def test_gaps_and_slips_of_a_history_are_named(what: str, folder: Path) -> None:
    own_pv(folder)
    own_loads(folder)
    file, old, new, message = SLIPS[what]
    replaced(folder / file, old, new)
    assert message in refused(folder)


def test_bad_cells_of_a_column_are_one_problem(folder: Path) -> None:
    own_pv(folder)
    own_loads(folder)
    lines = (folder / "load.csv").read_text().splitlines()
    bad = [line.rpartition(",")[0] + ",1e6" for line in lines[1:4]]
    (folder / "load.csv").write_text("\n".join([lines[0], *bad, *lines[4:]]))
    with pytest.raises(CaseError) as found:
        load_der_case(folder)
    (problem,) = found.value.problems
    assert problem.place == f"load.csv, row 2, column {lines[0].rpartition(',')[2]}"
    assert problem.fault == "'1e6' is no load (and 2 more in this column)"


def test_histories_of_different_length_are_refused(folder: Path) -> None:
    own_pv(folder)
    own_loads(folder)
    rows = [(1, h, 0.5) for h in range(24)]
    write_table(folder / "pv.csv", ("day", "hour", "pv_factor"), rows)
    assert "load.csv: has 5 days, pv.csv has 1" in refused(folder)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_case_is_refused_or_read_but_never_crashes(seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    own_pv(folder)
    own_loads(folder)
    write_table(folder / "charging.csv", ("bus", "hour", "charging_kw"), [(18, 7, 30), (3, 9, 4.5)])
    files = sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".yaml"))
    path = files[rng.integers(len(files))]
    separator = "," if path.suffix == ".csv" else " "
    words = path.read_text().split(separator)
    words[rng.integers(len(words))] = ["", "x", "-1", "1e9", "nan", "101", "[", "1\n"][seed % 8]
    path.write_text(separator.join(words))
    with suppress(CaseError):
        assert load_der_case(folder).hours == 24
