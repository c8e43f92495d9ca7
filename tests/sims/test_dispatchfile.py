"""The case `tpc84-dispatch` against its sources, and what the loader of dispatch cases refuses."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from roadvolt.core.errors import CaseError
from roadvolt.planning.dispatch.case import Direction, DispatchCase
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.catalogue import built_in_cases, load_any
from roadvolt.sims.dispatchfile import (
    dispatch_case_names,
    load_dispatch_case,
    to_dispatch_case_folder,
)
from roadvolt.sims.dispatchfile.layout import DISPATCH
from roadvolt.sims.dispatchfile.settings import DispatchSettings
from roadvolt.sims.dispatchfile.tables import TABLES
from roadvolt.sims.planfile import load_fdn_case

DOCS = Path(__file__).resolve().parents[2] / "docs/dispatch-case.md"


@pytest.fixture(scope="module")
def case() -> DispatchCase:
    return load_dispatch_case("tpc84-dispatch")


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# ---- the numbers of tpc84-dispatch ---------------------------------------------------------------


def test_the_network_is_that_of_tpc84(case: DispatchCase) -> None:
    lent = load_fdn_case("tpc84").network
    assert case.network.buses == lent.buses
    assert np.array_equal(case.network.r_ohm, lent.r_ohm)
    assert case.load_p_kw.max(axis=0) == pytest.approx(0.801 * lent.load_p_kw)
    assert {"buses.csv", "feeders.csv", "lines.csv", "ties.csv"} <= case.files.keys()


def test_devices_stand_where_tpc84_may_build_them(case: DispatchCase) -> None:
    lent, name = load_fdn_case("tpc84"), case.network.buses
    assert case.generators.buses.tolist() == [site.bus for site in lent.pv_sites]
    assert case.deferrable.buses.tolist() == [site.bus for site in lent.evcs_sites]
    ends = {name[bus] for bus in lent.network.tie_buses()}
    assert {name[bus] for bus in case.sops.buses} <= ends
    assert case.sops.owner.tolist() == [0, 0, 0, 0, 1, 1]


def test_the_day_follows_the_formulas_of_its_sources(case: DispatchCase) -> None:
    hour = np.arange(24) + 0.5
    load = 0.45 + 0.25 * np.exp(-(((hour - 11) / 3.5) ** 2))
    load += 0.35 * np.exp(-(((hour - 19.5) / 2.5) ** 2))
    sun = 0.85 * np.clip(np.sin(np.pi * (hour - 6) / 12), 0, None) ** 1.3
    nominal = case.network.load_p_kw.sum()
    assert case.load_p_kw.sum(axis=1) / nominal == pytest.approx(load, abs=5e-4)
    assert case.generators.p_kw[:, 0] / 1500 == pytest.approx(sun, abs=5e-4)
    assert set(case.price_per_kwh) == {0.35, 0.75, 1.2}


def test_231_ampere_are_what_400_stand_for_in_tpc84(case: DispatchCase) -> None:
    kva = np.sqrt(3) * 11.4 * case.rules.i_max_a
    assert kva == pytest.approx(11.4 * 400, rel=5e-4)


def test_without_devices_the_day_breaks_limits(case: DispatchCase) -> None:
    """As `SOURCES.md` says: deferrable loads at once, batteries and reactive power idle."""
    loads, p_kw = case.deferrable, case.load_p_kw.copy()
    np.add.at(p_kw.T, case.generators.buses, -case.generators.p_kw.T)
    consumed = np.zeros(len(loads.names))
    for step in range(case.steps):
        room_kw = (loads.energy_max_kwh[step] - consumed) / case.hours
        power_kw = np.minimum(room_kw, loads.p_max_kw[step])
        consumed += power_kw * case.hours
        np.add.at(p_kw[step], loads.buses, power_kw)
    flow = solve_feeders(case.network, p_kw, case.load_q_kvar)
    ampere = flow.i_pu * case.network.s_base_kva / np.sqrt(3) / case.network.vn_kv
    assert flow.v_pu.min() == pytest.approx(0.944, abs=5e-4)
    assert ampere.max() / case.rules.i_max_a == pytest.approx(1.11, abs=5e-3)
    assert case.network.buses[int(ampere.max(axis=0).argmax())] == "77"


# ---- loading -------------------------------------------------------------------------------------


def test_a_case_is_written_and_read_as_the_same(tmp_path: Path) -> None:
    case = load_dispatch_case("tpc84-dispatch", overrides={"batteries.ESS24.e_kwh": "3000"})
    again = load_dispatch_case(to_dispatch_case_folder(case, tmp_path / "again"))
    assert (again.digest, again.batteries.kwh.tolist()) == (case.digest, [3000, 4000, 4000])


def test_overrides_reach_keys_and_cells(dispatch_folder: Path) -> None:
    changes = {
        "devices.polygon_sides": "24",
        "loads.scale": "0.5",
        "sops.AB-6.s_kva": "250",
        "requirements.early.direction": "more",
        "lines.A1.r_ohm": "0.5",
        "day.03:00.price_per_kwh": "2",
    }
    case = load_dispatch_case(dispatch_folder, overrides=changes)
    assert case.rules.polygon_sides == 24
    assert case.load_p_kw[3].tolist() == [350, 300, 250, 200]
    assert case.sops.kva.tolist() == [400, 250]
    assert case.requirements[0].direction is Direction.MORE
    assert (case.network.r_ohm[0], case.price_per_kwh[3]) == (0.5, 2)


def test_windows_become_bounds_of_energy_and_power(small_dispatch: Path) -> None:
    loads = load_dispatch_case(small_dispatch).deferrable
    assert loads.names == ("fleet", "oven")
    assert loads.p_max_kw[:, 0].tolist() == [0, 400, 400, 400, 400, 0]
    assert loads.energy_max_kwh[:, 0].tolist() == [0, 800, 800, 800, 800, 800]
    assert loads.energy_min_kwh[:, 0].tolist() == [0, 0, 0, 0, 800, 800]
    assert loads.q_per_p == pytest.approx([0, np.sqrt(1 - 0.9**2) / 0.9])


def test_requirements_cover_the_steps_from_start_to_end(small_dispatch: Path) -> None:
    hourly = load_dispatch_case(small_dispatch).requirements
    assert [(one.feeder, one.first, one.last) for one in hourly] == [
        (None, 1, 1),
        ("A", 2, 2),
        ("B", 4, 4),
    ]
    finer = load_dispatch_case(small_dispatch, overrides={"time.step_min": "15"}).requirements
    assert [(one.first, one.last) for one in finer] == [(4, 7), (8, 11), (16, 19)]


def test_quarters_of_an_hour_keep_the_energy_of_the_day(small_dispatch: Path) -> None:
    hourly = load_dispatch_case(small_dispatch)
    finer = load_dispatch_case(small_dispatch, overrides={"time.step_min": "15"})
    assert (finer.steps, finer.hours) == (24, 0.25)
    for name in ("load_p_kw", "load_q_kvar"):
        assert getattr(finer, name).sum() * 0.25 == pytest.approx(getattr(hourly, name).sum())
    assert finer.price_per_kwh.tolist() == np.repeat(hourly.price_per_kwh, 4).tolist()
    # Between 0.8 and 1.0 the quarters around three o'clock lie on the line, an eighth from it.
    factor = finer.load_p_kw[:, 0] / 700
    assert factor[10:14] == pytest.approx([0.825, 0.875, 0.925, 0.975])
    assert finer.generators.p_kw[:, 1].tolist() == [50] * 24


def test_a_day_of_quarters_becomes_hours_by_their_mean(dispatch_folder: Path) -> None:
    rows = [
        f"{hour:02d}:{quarter * 15:02d},{0.5 + 0.1 * quarter},0,{0.1 + 0.1 * quarter}"
        for hour in range(6)
        for quarter in range(4)
    ]
    header = "time,load_factor,pv_factor,price_per_kwh"
    (dispatch_folder / "day.csv").write_text("\n".join([header, *rows]))
    case = load_dispatch_case(dispatch_folder)
    assert case.load_p_kw[:, 0] / 700 == pytest.approx([0.65] * 6)
    assert case.price_per_kwh == pytest.approx([0.25] * 6)


def test_a_network_may_be_lent_by_a_case_beside(dispatch_folder: Path) -> None:
    borrower = dispatch_folder.parent / "borrower"
    borrower.mkdir()
    for path in dispatch_folder.iterdir():
        if path.stem not in ("buses", "feeders", "lines", "ties"):
            (borrower / path.name).write_text(path.read_text())
    replaced(borrower / "case.yaml", "currency: EUR", "currency: EUR, network_of: small")
    assert load_dispatch_case(borrower).network.buses == ("3", "4", "5", "6")


def test_a_day_may_do_without_any_device(dispatch_folder: Path) -> None:
    for name in ("generators", "sops", "batteries", "deferrable", "requirements"):
        (dispatch_folder / f"{name}.csv").unlink()
    case = load_dispatch_case(dispatch_folder)
    assert case.deferrable.p_max_kw.shape == case.generators.p_kw.shape == (6, 0)
    assert case.requirements == ()


def test_charging_waits_between_arrival_and_delay(dispatch_folder: Path) -> None:
    arriving = [0, 100, 300, 0, 60, 40]
    rows = [f"3,{hour:02d}:00,{kw},350" for hour, kw in enumerate(arriving)]
    text = "\n".join(["bus,time,charging_kw,p_max_kw", *rows])
    (dispatch_folder / "charging.csv").write_text(text)
    loads = load_dispatch_case(dispatch_folder, overrides={"vehicles.delay_h": "1.5"}).deferrable
    assert loads.names[-1] == "charging at 3"
    assert loads.energy_max_kwh[:, -1].tolist() == [0, 100, 400, 400, 460, 500]
    # An hour and a half before each end; by the end of the day, all.
    assert loads.energy_min_kwh[:, -1].tolist() == [0, 0, 50, 250, 400, 500]
    assert set(loads.p_max_kw[:, -1]) == {350}
    finer = {"vehicles.delay_h": "0", "time.step_min": "15"}
    loads = load_dispatch_case(dispatch_folder, overrides=finer).deferrable
    assert np.array_equal(loads.energy_min_kwh[:, -1], loads.energy_max_kwh[:, -1])
    assert loads.energy_max_kwh[4:8, -1].tolist() == [25, 50, 75, 100]


# ---- faults --------------------------------------------------------------------------------------

FAULTS = [
    ("deferrable.csv", "01:00,05:00", "1 am,05:00", "row 2, column start: '1 am' is no time"),
    ("deferrable.csv", "01:00,05:00", "05:00,05:00", "row 2, column start: 05:00 is not before"),
    ("deferrable.csv", "01:00,05:00", "01:00,07:00", "column deadline: 07:00 is after the day's"),
    ("deferrable.csv", "01:00,05:00", "01:15,05:00", "no step of 60 min begins at 01:15"),
    ("deferrable.csv", "400,800", "100,800", "800 kWh do not fit in its window: at most 400"),
    ("deferrable.csv", "fleet,3", "fleet,33", "there is no bus '33' that could stand here"),
    ("requirements.csv", "more,A,", "more,C,", "feeders.csv has no feeder 'C'"),
    ("requirements.csv", "all,less", "all,lower", "row 2, column direction: 'lower' is not one"),
    ("generators.csv", "pv,500", "pv,900", "its schedule reaches 720 kW, its converter has 550"),
    ("sops.csv", "AB,6", "BA,6", "soft open point 'AB' has one terminal"),
    ("sops.csv", "AB,6", "AB,4", "'AB' to '4' stands in row 2 already"),
    ("batteries.csv", "0.1,0.9,0.5", "0.6,0.9,0.5", "column soc_min: 0.6 is above soc_start, 0.5"),
    ("batteries.csv", "300,900", "300,900000", "900000 kWh is not plausible"),
    ("day.csv", "02:00", "02:30", "row 4, column time: 02:30 is not the time that belongs here"),
    ("day.csv", "01:00", "00:15", "day.csv, row 4, column time: 02:00 is not the time"),
    ("day.csv", "0.8,1.0", "0.8,", "row 5, column price_per_kwh: is empty"),
    ("case.yaml", "v_max_pu: 1.05", "v_max_pu: 1.0, v_least: 1", "unknown key 'network.v_least'"),
    ("case.yaml", "shortfall_per_kwh: 4.0, ", "", "'costs.shortfall_per_kwh' is missing"),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), FAULTS)
def test_every_fault_is_named_with_its_place(
    dispatch_folder: Path, file: str, old: str, new: str, said: str
) -> None:
    replaced(dispatch_folder / file, old, new)
    with pytest.raises(CaseError) as found:
        load_dispatch_case(dispatch_folder)
    assert said in str(found.value)


def test_all_faults_are_told_at_once(dispatch_folder: Path) -> None:
    replaced(dispatch_folder / "deferrable.csv", "400,800", "100,800")
    replaced(dispatch_folder / "requirements.csv", "more,A,", "more,C,")
    replaced(dispatch_folder / "sops.csv", "AB,6", "BA,6")
    overrides = {"devices.polygon_sides": "13", "time.step_min": "15"}
    with pytest.raises(CaseError) as found:
        load_dispatch_case(dispatch_folder, overrides=overrides)
    # Each soft open point that has a single terminal is a fault of its own.
    assert len(found.value.problems) == 5


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["3,00:00,10,5"], "10 kW is above p_max_kw 5"),
        (["3,00:00,1,5"], "hours are missing, 5 in all, the first is 01:00 at 3"),
        (["3,00:30,1,5"], "00:30 is no full hour of the day"),
    ],
)
def test_charging_that_cannot_be_is_refused(
    dispatch_folder: Path, rows: list[str], said: str
) -> None:
    text = "\n".join(["bus,time,charging_kw,p_max_kw", *rows])
    (dispatch_folder / "charging.csv").write_text(text)
    with pytest.raises(CaseError, match=re.escape(said)):
        load_dispatch_case(dispatch_folder)


def test_a_case_of_another_kind_is_sent_to_its_command() -> None:
    with pytest.raises(CaseError, match="roadvolt plan fdn tpc84"):
        load_dispatch_case("tpc84")
    with pytest.raises(CaseError, match="roadvolt dispatch tpc84-dispatch"):
        load_fdn_case("tpc84-dispatch")


def test_the_case_is_listed_with_its_size() -> None:
    (entry,) = [one for one in built_in_cases() if one.name == "tpc84-dispatch"]
    assert entry.size == "83 buses, 11 generators, 3 batteries, 6 deferrable loads, 24 steps"
    assert isinstance(load_any("tpc84-dispatch"), DispatchCase)
    assert dispatch_case_names() == ("tpc84-dispatch",)
    assert (BUILT_IN / "tpc84-dispatch/SOURCES.md").is_file()


# ---- the page about it ---------------------------------------------------------------------------


def test_every_table_column_and_key_stands_in_the_page() -> None:
    page = DOCS.read_text()
    own = [name for name in TABLES if name not in ("buses", "feeders", "lines", "ties")]
    for name in own:
        assert f"**`{name}.csv`**" in page
        assert [c for c in TABLES[name].model_fields if f"`{c}`" not in page] == []
    keys = [
        f"{section}.{key}"
        for section, field in DispatchSettings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    ]
    assert [
        key for key in keys if f"`{key}`" not in page and f"`{key.split('.')[1]}`" not in page
    ] == []
    assert DISPATCH.page == "docs/dispatch-case.md"
