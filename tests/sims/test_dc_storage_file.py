"""The case `tpc84-dc`, and what the loader of cases for DC links refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from roadvolt.core.errors import CaseError
from roadvolt.planning.dc_storage.case import DcStorageCase
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.catalogue import built_in_cases, load_any
from roadvolt.sims.dcfile import (
    dc_storage_case_names,
    load_dc_storage_case,
    to_dc_storage_case_folder,
)
from roadvolt.sims.dcfile.layout import DC_STORAGE_PLANNING
from roadvolt.sims.dcfile.settings import DcStorageSettings
from roadvolt.sims.networkfile.tables import NETWORK_TABLES
from roadvolt.sims.planfile import load_fdn_case

PAGE = Path(__file__).resolve().parents[2] / "docs/planning-dc-storage-case.md"


@pytest.fixture(scope="module")
def case() -> DcStorageCase:
    return load_dc_storage_case("tpc84-dc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILT_IN / "tpc84-dc", tmp_path / "mine"))


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def refusal(folder: Path, **overrides: str) -> str:
    with pytest.raises(CaseError) as caught:
        load_dc_storage_case(folder, overrides=overrides)
    return str(caught.value)


# ---- the numbers of tpc84-dc ---------------------------------------------------------------------


def test_the_network_is_that_of_tpc84(case: DcStorageCase) -> None:
    lender = load_fdn_case("tpc84").network
    assert case.network.buses == lender.buses
    np.testing.assert_array_equal(case.network.r_ohm, lender.r_ohm)
    np.testing.assert_array_equal(case.network.load_p_kw, lender.load_p_kw)


def test_six_ports_stand_on_one_link_and_four_days_have_a_year_between_them(
    case: DcStorageCase,
) -> None:
    ports = [case.network.buses[bus] for bus in case.links.port_buses]
    assert ports == ["7", "60", "72", "83", "29", "39"]
    assert case.links.names == ("DC1",)
    assert case.scenarios.weight.sum() == pytest.approx(1)
    assert case.days_per_year.sum() == pytest.approx(365)
    assert case.scenarios.price_per_kwh.shape == (4, 24)
    assert case.hours == 1.0
    assert case.scenarios.names[0] == "moderate, summer"


def test_modules_cost_what_their_size_does(case: DcStorageCase) -> None:
    larger = load_dc_storage_case("tpc84-dc", overrides={"converters.module_kva": "500"})
    assert larger.modules.converter_price == pytest.approx(5 * case.modules.converter_price)
    np.testing.assert_array_equal(5 * larger.links.port_modules_max, case.links.port_modules_max)
    assert case.modules.battery_price == pytest.approx(100 * 300 + 200 * 1500)


def test_loads_and_renewables_follow_their_tables(case: DcStorageCase) -> None:
    days, network = case.scenarios, case.network
    fast_winter = days.names.index("fast, winter")
    expected = 1.08 * 0.561 * network.load_p_kw
    np.testing.assert_allclose(days.load_p_kw[fast_winter, 19], expected)
    fast_summer = days.names.index("fast, summer")
    at_64 = list(days.res_buses).index(network.index("64"))
    assert days.res_kw[fast_summer, 12, at_64] == pytest.approx((1500 + 3000) * 0.872)
    at_40 = list(days.res_buses).index(network.index("40"))
    assert days.res_kw[fast_summer, 0, at_40] == pytest.approx((1500 + 6000) * 0.332)


def test_without_assets_no_voltage_is_too_low_and_some_are_too_high(case: DcStorageCase) -> None:
    """So a base exists, and it curtails."""
    days, rules = case.scenarios, case.rules
    for k in range(len(days.names)):
        flow = solve_feeders(case.network, days.load_p_kw[k], days.load_q_kvar[k])
        assert flow.v_pu.min() > rules.v_min_pu + 0.003
    net_kw = days.load_p_kw.copy()
    for k, bus in enumerate(days.res_buses):
        net_kw[:, :, bus] -= days.res_kw[:, :, k]
    highest = [
        solve_feeders(case.network, net_kw[k], days.load_q_kvar[k]).v_pu.max()
        for k in range(len(days.names))
    ]
    assert max(highest) > rules.v_max_pu


def test_the_case_is_listed_loaded_by_kind_and_written_whole(
    case: DcStorageCase, tmp_path: Path
) -> None:
    assert dc_storage_case_names() == ("tpc84-dc",)
    (entry,) = [entry for entry in built_in_cases() if entry.name == "tpc84-dc"]
    assert entry.size == "83 buses, 6 ports on 1 link, 4 days"
    assert isinstance(load_any("tpc84-dc"), DcStorageCase)
    changed = load_dc_storage_case("tpc84-dc", overrides={"money.return_min": "0.2"})
    again = load_dc_storage_case(to_dc_storage_case_folder(changed, tmp_path / "copy"))
    assert again.rules.return_min == 0.2
    assert again.digest == changed.digest != case.digest
    assert {f"{table}.csv" for table in NETWORK_TABLES} <= set(again.files)


# ---- faults --------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_with_file_row_column_and_remedy(folder: Path) -> None:
    replaced(folder / "case.yaml", "discount_rate: 0.08", "discount_rate: 8.0")
    replaced(folder / "ports.csv", "60,DC1,5000", "61x,DC2,50000000")
    replaced(folder / "days.csv", "fast,winter,0.5", "fast,winter,0.4")
    replaced(folder / "hours.csv", "summer,3,", "summer,30,")
    text = refusal(folder)
    assert "case.yaml, money.discount_rate" in text
    assert "100 times too large? give it as a share: 0.08" in text
    assert "ports.csv, row 3, column bus" in text
    assert "there is no bus '61x'" in text
    assert "links.csv has no link 'DC2'" in text
    assert "the probabilities of 'fast' sum to 0.9" in text
    assert "hours.csv, row 5, column hour" in text


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("boundaries.csv", "moderate,0.5", "moderate,0.6", "the probabilities sum to 1.1"),
        ("days.csv", "fast,winter", "fast,autumn", "hours.csv has no day 'autumn'"),
        ("days.csv", "fast,summer", "slow,summer", "boundaries.csv has no boundary 'slow'"),
        ("renewables.csv", "fast,64", "moderate,64", "'moderate' to '64' to 'pv' stands in row"),
        ("renewables.csv", "fast,64", "fast,640", "there is no bus '640'"),
        ("ports.csv", "60,DC1,5000", "7,DC1,5000", "'7' stands in row 2 already"),
        ("ports.csv", "60,DC1,5000", "60,DC1,50", "50 kVA hold no module of 100"),
        ("links.csv", "DC1,20,20000", "DC1,20,100", "100 kWh hold no module of 200"),
        ("links.csv", "DC1,20,20000", "DC1,20,20000\nDC2,20,0", "no row of ports.csv uses link"),
        ("hours.csv", "summer,3,", "summer,2,", "'summer' to '2' stands in row"),
        ("case.yaml", "soc_min: 0.1", "soc_min: 0.95", "0.95 is not below soc_max, 0.9"),
        ("case.yaml", "v_min_pu: 0.95", "v_min_pu: 1.0\n  v_mx: 1", "did you mean 'v_max_pu'?"),
        ("case.yaml", "network_of: tpc84", "network_of: nowhere", "'nowhere' is no case whose"),
        ("case.yaml", "confidence: 0.95", "confidence: 95", "give it as a probability: 0.95"),
    ],
)
def test_a_fault_is_named(folder: Path, file: str, old: str, new: str, said: str) -> None:
    replaced(folder / file, old, new)
    assert said in refusal(folder)


def test_a_day_with_an_hour_too_few_is_refused(folder: Path) -> None:
    lines = (folder / "hours.csv").read_text().splitlines(keepends=True)
    (folder / "hours.csv").write_text("".join(line for line in lines if "winter,5," not in line))
    assert "'winter' has no hour 5, 1 are missing in all" in refusal(folder)


def test_five_steps_a_day_are_refused_and_eight_are_three_hours_each(folder: Path) -> None:
    header, *lines = (folder / "hours.csv").read_text().splitlines(keepends=True)

    def kept(*hours: int) -> str:
        return header + "".join(line for line in lines if int(line.split(",")[1]) in hours)

    (folder / "hours.csv").write_text(kept(0, 5, 10, 15, 20))
    assert "a day of 5 hours cannot be spaced evenly" in refusal(folder)
    (folder / "hours.csv").write_text(kept(*range(0, 24, 3)))
    assert load_dc_storage_case(folder).hours == 3.0


def test_a_starting_charge_outside_the_limits_is_refused(folder: Path) -> None:
    with pytest.raises(CaseError, match=r"0\.1 is above soc_start, 0\.05"):
        load_dc_storage_case(folder, overrides={"batteries.soc_start": "0.05"})
    chosen = load_dc_storage_case(folder, overrides={"batteries.soc_start": "0.5"})
    assert chosen.modules.soc_start == 0.5


def test_cells_are_set_by_the_words_that_name_their_row(folder: Path) -> None:
    overrides = {
        "ports.60.max_kva": "1000",
        "renewables.fast-64-pv.future_kw": "0",
        "hours.summer-12.price_per_kwh": "0.5",
        "days.fast-winter.probability": "0.5",
    }
    found = load_dc_storage_case(folder, overrides=overrides)
    assert found.links.port_modules_max[1] == 10
    assert found.scenarios.price_per_kwh[0, 12] == 0.5


# ---- the page ------------------------------------------------------------------------------------


def test_every_key_and_column_stands_in_the_page() -> None:
    page = PAGE.read_text()
    keys = [
        f"{section}.{key}"
        for section, field in DcStorageSettings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    ]
    assert [key for key in keys if f"`{key}`" not in page] == []
    columns = [
        f"{table}.csv: {column}"
        for table, row in DC_STORAGE_PLANNING.tables.items()
        if table not in NETWORK_TABLES
        for column in row.model_fields
        if f"`{table}.csv`" not in page or f"`{column}`" not in page
    ]
    assert columns == []
