"""What a case says after it has been read: sites, prices, phases, overrides, copies, digest."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from roadvolt.core.errors import CaseError
from roadvolt.sims.case import case_names, load_case, to_case_folder
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.options import EpisodeOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(BUILT_IN / "tiny", tmp_path / "mine")


def test_a_case_of_a_folder_equals_the_built_in_case_it_was_copied_from(folder: Path) -> None:
    assert load_case(folder).digest == load_case("tiny").digest


def test_line_ends_and_origins_do_not_change_the_digest_but_any_number_does(folder: Path) -> None:
    before = load_case(folder).digest
    lines = (folder / "lines.csv").read_bytes()
    (folder / "lines.csv").write_bytes(lines.replace(b"\n", b"\r\n"))
    (folder / "SOURCES.md").write_text("elsewhere")
    assert load_case(folder).digest == before
    (folder / "lines.csv").write_bytes(lines.replace(b",600\n", b",601\n"))
    assert load_case(folder).digest != before


def test_only_stations_that_serve_traffic_are_charging_sites() -> None:
    case = load_case("tiny")
    assert [site.station for site in case.roads.sites] == ["S3", "S5"]
    assert case.hosting_road == {"S3": "R1", "S4": "R4", "S5": "R3"}


def test_charging_prices_are_the_stations_price_times_the_factor_of_the_hour() -> None:
    case = load_case("tiny", overrides={"day.4.charging_price_factor": "1.5"})
    price = case.charging_price_per_kwh
    assert price.shape == (6, 2)
    np.testing.assert_allclose(price[0], [0.30, 0.28])
    np.testing.assert_allclose(price[4], [0.45, 0.42])


def test_base_demand_is_the_peak_times_the_profile_of_its_class() -> None:
    depot = load_case("tiny").stations[1]
    np.testing.assert_allclose(depot.base_kw, [5, 5, 10, 25, 50, 50])


def test_the_operator_buys_upstream_at_the_stations_price_and_reactive_energy_at_its_share() -> (
    None
):
    case = load_case("tiny")
    day, tariff = case.grid_day, case.tariff
    np.testing.assert_array_equal(day.upstream_price_per_kwh, tariff.buy_per_kwh)
    np.testing.assert_allclose(day.reactive_price_per_kvarh, 0.2 * tariff.buy_per_kwh)
    np.testing.assert_allclose(tariff.sell_per_kwh, 0.014)


def test_impedances_are_symmetric_and_zero_where_there_is_no_conductor() -> None:
    lateral = load_case("tiny").feeder.lines[2]
    expected = np.zeros((3, 3), complex)
    expected[1, 1] = 0.6 + 1.2j
    np.testing.assert_allclose(lateral.z_ohm, expected)
    full = load_case("tiny").feeder.lines[0].z_ohm
    np.testing.assert_allclose(full, full.T)


@pytest.mark.parametrize(
    ("unbalance", "shares"), [(0, [1, 1, 1]), (1, [1.2, 0.9, 0.9]), (2, [1.4, 0.8, 0.8])]
)
def test_unbalance_scales_how_far_the_shares_of_phases_differ(
    unbalance: float, shares: list[float]
) -> None:
    loads = load_case("tiny", overrides={"feeder.unbalance": str(unbalance)}).feeder.loads
    np.testing.assert_allclose(loads[0].p_kw, 100 * np.array(shares))
    np.testing.assert_allclose(loads[0].q_kvar, 40 * np.array(shares))
    np.testing.assert_allclose(loads[2].p_kw, [0, 30, 0])  # its only phase keeps all of it


def test_overrides_change_keys_and_cells_and_stay_in_the_copy(tmp_path: Path) -> None:
    overrides = {
        "prices.unserved_per_kwh": "2.5",
        "stations.S3.pv_kw": "700",
        "trips.1-4.veh_per_h": "99",
    }
    case = load_case("tiny", overrides=overrides)
    again = load_case(to_case_folder(case, tmp_path / "run" / "case"))
    assert again.digest == case.digest != load_case("tiny").digest
    for read in (case, again):
        assert read.tariff.unserved_per_kwh == 2.5
        assert read.stations[0].pv_kw == 700
        assert read.roads.trips[0].veh_per_h == 99


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("feeder.unbalnce", "feeder.unbalance"),
        ("stations.S33.pv_kw", "'S3'"),
        ("stations.S3.pv_kwh", "pv_kw"),
        ("unbalance", "feeder.unbalance"),
    ],
)
def test_an_override_of_nothing_is_refused_with_a_suggestion(key: str, meant: str) -> None:
    with pytest.raises(CaseError) as refused:
        load_case("tiny", overrides={key: "1"})
    (problem,) = refused.value.problems
    assert key in problem.place
    assert meant in problem.remedy


@pytest.mark.parametrize("value", ["cheap", "[", "yes"])
def test_an_override_is_checked_like_a_file(value: str) -> None:
    with pytest.raises(CaseError, match=r"prices.sell_per_kwh: .* is not a number"):
        load_case("tiny", overrides={"prices.sell_per_kwh": value})


def test_an_unknown_case_is_answered_with_the_nearest_built_in_name() -> None:
    with pytest.raises(CaseError, match="did you mean 'utn12-ieee33'"):
        load_case("utn12-iee33")


def test_arrays_of_a_case_cannot_be_written() -> None:
    case = load_case("tiny")
    for array in (case.pv_factor, case.charging_price_per_kwh, case.feeder.lines[0].z_ohm):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_both_built_in_cases_are_listed() -> None:
    assert case_names() == ("tiny", "utn12-ieee33")


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_case_is_refused_or_read_but_never_crashes(seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    files = sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".yaml"))
    path = files[rng.integers(len(files))]
    separator = "," if path.suffix == ".csv" else " "
    lines = path.read_text().split("\n")
    words = lines[at := int(rng.integers(len(lines)))].split(separator)
    words[rng.integers(len(words))] = str(rng.choice(["", "nan", "-1", "abc", "1e9", "[", "inf"]))
    lines[at] = separator.join(words)
    path.write_text("\n".join(lines))
    with suppress(CaseError):
        assert load_case(folder).hours == 6


def test_the_upstream_share_is_a_key_of_the_feeder() -> None:
    assert load_case("tiny").upstream_share_max == 0.4
    case = load_case("tiny", overrides={"feeder.upstream_share_max": "1"})
    assert case.upstream_share_max == 1.0
    with pytest.raises(CaseError, match=r"feeder.upstream_share_max: .* outside 0 to 1"):
        load_case("tiny", overrides={"feeder.upstream_share_max": "1.5"})


@pytest.mark.parametrize("samples", [1, 2, 9])
def test_a_handful_of_samples_is_refused(samples: int) -> None:
    with pytest.raises(ValueError, match="samples must be at least 10"):
        EpisodeOptions(samples=samples)


def test_injections_are_read_hour_by_hour_and_may_be_absent(folder: Path) -> None:
    assert load_case(folder).grid_day.injections == ()
    rows = [
        f"{name},{bus},{t},{10 * t},{-t}" for name, bus in (("S", 2), ("T", 5)) for t in range(6)
    ]
    lines = ["injection,bus,hour,p_kw,q_kvar", *rows]
    (folder / "injections.csv").write_text("\n".join(lines))
    first, second = load_case(folder).grid_day.injections
    assert (first.id, first.bus, second.bus) == ("S", "2", "5")
    np.testing.assert_allclose(second.p_kw, 10 * np.arange(6))
    np.testing.assert_allclose(second.q_kvar, -np.arange(6))
    changed = load_case(folder, overrides={"injections.S-2.p_kw": "7"})
    assert changed.grid_day.injections[0].p_kw[2] == 7
