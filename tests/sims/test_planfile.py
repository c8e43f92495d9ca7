"""The planning case `tpc84` against published figures, and what its loader refuses."""

import math
import re
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from roadvolt.core.errors import CaseError
from roadvolt.planning.fdn.case import CurrentBase, FdnCase, SopSign
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.planning.radial import HEAD, RadialNetwork
from roadvolt.sims.case import load_case
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.planfile import fdn_case_names, load_fdn_case, to_fdn_case_folder


@pytest.fixture(scope="module")
def case() -> FdnCase:
    return load_fdn_case("tpc84")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILT_IN / "tpc84", tmp_path / "mine"))


def manhattan_km(network: RadialNetwork, one: str, other: str) -> float:
    a, b = network.index(one), network.index(other)
    return abs(network.x_km[a] - network.x_km[b]) + abs(network.y_km[a] - network.y_km[b])


# ---- the numbers of tpc84 ------------------------------------------------------------------------


def test_the_network_has_the_published_totals(case: FdnCase) -> None:
    network = case.network
    assert (len(network.buses), len(network.ties), len(network.heads)) == (83, 13, 11)
    assert np.count_nonzero(network.load_p_kw) == 66
    assert network.load_p_kw.sum() == pytest.approx(28_350)
    assert network.load_q_kvar.sum() == pytest.approx(20_700)
    assert network.r_ohm.sum() == pytest.approx(10.7216)
    assert network.x_ohm.sum() == pytest.approx(25.3705)
    assert sum(tie.r_ohm for tie in network.ties) == pytest.approx(2.2925)
    assert sum(tie.x_ohm for tie in network.ties) == pytest.approx(4.6870)
    assert network.length_km.sum() == pytest.approx(93.6, abs=0.05)


def test_the_power_flow_has_the_published_loss_and_lowest_voltage(case: FdnCase) -> None:
    network = case.network
    flow = solve_feeders(network, network.load_p_kw[None], network.load_q_kvar[None])
    loss_kw = (np.abs(flow.current_pu[0]) ** 2 * network.r_pu).sum() * network.s_base_kva
    magnitude = np.abs(flow.voltage_pu[0])
    assert loss_kw == pytest.approx(531.99, abs=0.01)
    assert magnitude.min() == pytest.approx(0.92852, abs=1e-5)
    assert network.buses[magnitude.argmin()] == "9"


def test_closing_ties_as_published_has_the_published_loss(case: FdnCase) -> None:
    """The optimal configuration of the literature, by nodal admittances: 469.88 kW, 0.95319 pu.

    Branches are counted as published: 1 to 83 in the order of their far end, then the ties.
    """
    network = case.network
    opened = {7, 13, 34, 39, 42, 55, 62, 72, 83, 86, 89, 90, 92}
    lines = zip(network.parent, range(83), network.r_ohm, network.x_ohm, strict=True)
    branches = [(int(a), b, complex(r, x)) for a, b, r, x in lines]
    branches += [(t.from_bus, t.to_bus, complex(t.r_ohm, t.x_ohm)) for t in network.ties]
    admittance, source = np.zeros((83, 83), complex), np.zeros(83, complex)
    for number, (a, b, z_ohm) in enumerate(branches, start=1):
        if number in opened:
            continue
        y = network.z_base_ohm / z_ohm
        admittance[b, b] += y
        if a == HEAD:
            source[b] += y
        else:
            admittance[a, a] += y
            admittance[[a, b], [b, a]] -= y
    load = (network.load_p_kw + 1j * network.load_q_kvar) / network.s_base_kva
    voltage = np.ones(83, complex)
    for _ in range(60):
        voltage = np.linalg.solve(admittance, source - np.conj(load / voltage))
    from_heads = (source * (1 - voltage)).sum().conjugate()
    assert (from_heads.real - load.real.sum()) * 1000 == pytest.approx(469.88, abs=0.01)
    assert np.abs(voltage).min() == pytest.approx(0.95319, abs=1e-5)
    assert network.buses[np.abs(voltage).argmin()] == "71"


def test_ties_end_on_the_feeders_that_the_paper_draws(case: FdnCase) -> None:
    ends = Counter(case.network.zones[bus] for bus in case.terminals)
    assert ends == Counter("AABBBBCCCDDDEEEEEFFGGHHIJK")


def test_four_feeders_are_at_their_rating_as_the_paper_counts_it(case: FdnCase) -> None:
    network = case.network
    flow = solve_feeders(network, network.load_p_kw[None], network.load_q_kvar[None])
    ampere = np.abs(flow.current_pu[0]) / case.i_max_pu * case.rules.i_max_a
    heads = {network.zones[b]: ampere[b] for b in np.flatnonzero(network.parent == HEAD)}
    published = {"A": 389, "C": 397, "E": 407, "K": 405}
    assert {z: round(heads[z]) for z in published} == published


def test_positions_fit_the_lengths_of_new_line_in_the_paper(case: FdnCase) -> None:
    assert manhattan_km(case.network, "7", "12") == pytest.approx(1.79)
    assert manhattan_km(case.network, "83", "12") == pytest.approx(5.04)
    assert manhattan_km(case.network, "64", "72") == pytest.approx(4.66)


def test_candidates_have_room_for_twelve_and_thirty_three_mva(case: FdnCase) -> None:
    buses = [case.network.buses[site.bus] for site in case.evcs_sites]
    assert buses == ["28", "49", "68", "72", "82", "83"]
    assert sum(site.max_kva for site in case.evcs_sites) == 12_000
    assert (len(case.pv_sites), sum(site.max_kva for site in case.pv_sites)) == (11, 33_000)


def test_stages_have_the_demand_that_growth_and_penetrations_give(case: FdnCase) -> None:
    mega = 1000
    assert case.load_p_kw.sum(axis=1) / mega == pytest.approx(
        [31.301, 33.720, 35.440, 36.335], abs=5e-4
    )
    assert case.ev_kw / mega == pytest.approx([1.647, 5.951, 8.860, 11.474], abs=5e-4)
    assert case.pv_kw / mega == pytest.approx([4.942, 11.901, 22.150, 31.076], abs=5e-4)


def test_land_for_stations_costs_what_table_2_of_the_paper_says(case: FdnCase) -> None:
    added = np.diff([0, 1, 3, 5, 6])
    land = [n * stage.site for n, stage in zip(added, case.stages, strict=True)]
    assert land * case.discount / 1e6 == pytest.approx([3.00, 4.35, 3.08, 1.20], abs=0.01)
    assert case.discount == pytest.approx([1, 0.62092, 0.38554, 0.23939], abs=5e-6)
    assert case.annuity == pytest.approx(3.79079, abs=5e-6)


@pytest.mark.parametrize(
    ("chosen", "moments"),
    [
        (
            "calibrated-1",
            ((0.57, 0.1083, 0.57), (0.36, 0.2333, 0.3603), (0.32, 0.24, 0.3212)),
        ),
        (
            "calibrated-2",
            ((0.5925, 0.08676, 0.5925), (0.335, 0.2333, 0.3358), (0.31, 0.24, 0.3116)),
        ),
    ],
)
def test_factors_have_the_calibrated_moments(
    chosen: str, moments: tuple[tuple[float, ...], ...]
) -> None:
    factors = load_fdn_case("tpc84", overrides={"uncertainty.factor_set": chosen}).factors
    for factor, expected in zip((factors.load, factors.ev, factors.pv), moments, strict=True):
        mixture = factor.mixture
        found = (mixture.mean, mixture.sd, mixture.clipped_mean(factor.low, factor.high))
        assert found == pytest.approx(expected, abs=5e-5)
    assert [f.correlation for f in (factors.load, factors.ev, factors.pv)] == [0.5, 0.3, 0.8]
    assert (factors.load.high, factors.pv.high) == (math.inf, 1.0)


def test_the_sound_balance_of_soft_open_points_is_the_default(case: FdnCase) -> None:
    assert case.rules.sop_sign is SopSign.PHYSICAL
    assert case.rules.current_base is CurrentBase.PAPER
    assert case.i_max_pu == pytest.approx(4.56)
    real = load_fdn_case("tpc84", overrides={"network.current_base": "three_phase"})
    assert real.i_max_pu == pytest.approx(4.56 * math.sqrt(3))


# ---- loading -------------------------------------------------------------------------------------


def test_a_case_is_written_and_read_as_the_same(case: FdnCase, tmp_path: Path) -> None:
    again = load_fdn_case(to_fdn_case_folder(case, tmp_path / "again"))
    assert again.digest == case.digest
    assert again.network.zones == case.network.zones


def test_the_order_of_lines_does_not_matter(folder: Path, case: FdnCase) -> None:
    header, *lines = (folder / "lines.csv").read_text().splitlines()
    (folder / "lines.csv").write_text("\n".join([header, *reversed(lines)]))
    network = load_fdn_case(folder).network
    assert np.array_equal(network.parent, case.network.parent)
    assert np.array_equal(network.r_ohm, case.network.r_ohm)


def test_overrides_reach_keys_and_cells() -> None:
    case = load_fdn_case(
        "tpc84", overrides={"stages.2.site_price": "1000", "factors.calibrated-2-ev.high": "0.9"}
    )
    assert case.stages[1].site == 1000
    assert case.factors.ev.high == 0.9


def test_each_kind_of_case_names_the_command_that_takes_it() -> None:
    assert fdn_case_names() == ("tpc84",)
    with pytest.raises(CaseError, match="roadvolt plan fdn tpc84"):
        load_case("tpc84")
    with pytest.raises(CaseError, match="roadvolt run tiny"):
        load_fdn_case("tiny")


BROKEN = {
    # what is broken: file, old text, new text, what the message must say
    "unknown bus": ("lines.csv", "A2,1,2,", "A2,1,200,", "lines.csv, row 3, column to_bus"),
    "lost bus": ("lines.csv", "K7,82,83,", "K7,81,82,", "bus '83' is not reached"),
    "two ways": ("lines.csv", "K7,82,83,", "K7,81,82,", "bus '82' is the end of the line in row"),
    "a head among buses": ("feeders.csv", "A,101", "A,1", "head '1' stands in buses.csv as well"),
    "unit": ("buses.csv", "8,10.37,9.44,300,", "8,10.37,9.44,300000,", "in kW: 300"),
    "no resistance": ("lines.csv", "0.1944,0.6624", "0,0.6624", "lines.csv, row 2, column r_ohm"),
    "self tie": ("ties.csv", "7-60,7,60", "7-60,7,7", "tie '7-60' ends where it starts"),
    "double site": ("sites.csv", "EV49,evcs,49", "EV49,evcs,28", "bus '28' stands in row 2"),
    "kind of site": ("sites.csv", "EV49,evcs", "EV49,evs", "give 'evcs' or 'pv'"),
    "stages": ("stages.csv", "\n2,", "\n7,", "'7' is not the stage that belongs here"),
    "no room": ("stages.csv", "0.24,", "0.26,", "stage 4 asks for 12766 kVA of charging"),
    "weights": ("mixtures.csv", "ev,1,0.5,0.135", "ev,1,0.4,0.135", "sum to 0.9"),
    "clip": ("factors.csv", "2,pv,0.8,0,1", "2,pv,0.8,2,1", "low 2 is not below high 1"),
    "set": ("case.yaml", "calibrated-2", "calibrated-3", "did you mean 'calibrated-"),
    "no factor": ("factors.csv", "calibrated-2,ev,0.3,0,\n", "", "has no factor for ev"),
    "key": ("case.yaml", "i_max_a", "i_maxa", "did you mean 'i_max_a'"),
    "base": ("case.yaml", "current_base: paper", "current_base: pape", "'three_phase' or 'paper'"),
    "kind": ("case.yaml", "kind: fdn planning", "kind: fdn planing", "mean 'fdn planning'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named_with_its_place(what: str, folder: Path) -> None:
    file, old, new, message = BROKEN[what]
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(CaseError, match=re.escape(message)):
        load_fdn_case(folder)


def test_voltage_limits_must_leave_room() -> None:
    limits = {"network.v_min_pu": "1.0", "network.v_max_pu": "1.0"}
    with pytest.raises(CaseError, match="v_min_pu 1 is not below v_max_pu 1"):
        load_fdn_case("tpc84", overrides=limits)


def test_all_problems_are_listed_at_once(folder: Path) -> None:
    for file, old, new, _ in (BROKEN[w] for w in ("unknown bus", "unit", "weights", "set")):
        text = (folder / file).read_text()
        (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(CaseError) as refused:
        load_fdn_case(folder)
    places = {problem.place.partition(",")[0] for problem in refused.value.problems}
    assert places >= {"lines.csv", "buses.csv", "case.yaml"}


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_case_is_refused_or_read_but_never_crashes(seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    files = sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".yaml"))
    path = files[rng.integers(len(files))]
    separator = "," if path.suffix == ".csv" else " "
    words = path.read_text().split(separator)
    words[rng.integers(len(words))] = ["", "x", "-1", "1e9", "nan", "101", "[", "1\n"][seed % 8]
    path.write_text(separator.join(words))
    with suppress(CaseError):
        assert len(load_fdn_case(folder).stages) == 4
