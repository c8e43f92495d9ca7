"""The coordination episode: what it promises, whoever hosts its agents, interrupted or not."""

from __future__ import annotations

import os
import shutil
import signal
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from roadvolt.agents.runtime import RayRuntime
from roadvolt.sims.case import Case, load_case
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.episode import Episode, run_episode
from roadvolt.sims.options import EpisodeOptions
from roadvolt.sims.progress import Event, Exchanged, PhaseStarted, Reviewed
from roadvolt.sims.recorder import Recorder
from roadvolt.sims.schema import TABLES
from roadvolt.sims.screen import summary_view
from roadvolt.uncertainty.margins import RiskTreatment

#: Small samples: enough for the laws below, which hold for any number.
OPTIONS = EpisodeOptions(samples=200, fresh_samples=200, shards=3)


@pytest.fixture(scope="module")
def tiny() -> Case:
    return load_case("tiny")


@pytest.fixture(scope="module")
def episode(tiny: Case) -> Episode:
    return run_episode(tiny, OPTIONS)


def test_trading_lowers_cost_and_grid_purchase(episode: Episode) -> None:
    stations = episode.summary["stations"]
    assert stations["cost_total"] < 0.97 * stations["cost_without_p2p"]
    assert stations["grid_purchase_kwh"] < stations["grid_purchase_without_p2p_kwh"]
    assert (stations["worse_off"], stations["largest_loss"]) == ([], 0.0)


def test_the_screen_says_by_how_much_a_station_is_worse_off(episode: Episode) -> None:
    stations = episode.summary["stations"] | {"worse_off": ["S3"], "largest_loss": 0.25}
    console = Console(file=StringIO(), width=120)
    console.print(summary_view(episode.summary | {"stations": stations}))
    assert "pay more than without trading, by at most 0.25 USD: S3" in console.file.getvalue()


def test_the_answer_is_within_the_certified_gap_of_the_central_optimum(episode: Episode) -> None:
    market = episode.summary["market"]
    assert market["gap_certified"] <= OPTIONS.gap
    assert -1e-9 <= market["gap_to_central"] <= OPTIONS.gap
    assert market["mismatch_kw_max"] < 1e-9


def test_money_balances(episode: Episode) -> None:
    assert episode.summary["settlement"]["imbalance"] < 1e-6
    table, trades = episode.tables["settlement"], episode.tables["trades"]
    fees = (trades["energy_kwh"] * trades["fee_per_kwh"]).sum()
    assert table["payment"].sum() == pytest.approx(fees, abs=1e-9)
    assert table["payment_nash"].sum() == pytest.approx(fees, abs=1e-9)
    # A buyer's payment is what its trades cost it, priced one by one.
    paid = (
        (trades["energy_kwh"] * (trades["price_per_kwh"] + trades["fee_per_kwh"]))
        .groupby(trades["buyer"])
        .sum()
    )
    earned = (trades["energy_kwh"] * trades["price_per_kwh"]).groupby(trades["seller"]).sum()
    by_hand = paid.reindex(table["station"]).fillna(0) - earned.reindex(table["station"]).fillna(0)
    assert table["payment"].to_numpy() == pytest.approx(by_hand.to_numpy(), abs=1e-6)


def test_every_station_balances_its_energy_in_every_hour(episode: Episode) -> None:
    t = episode.tables["station_hours"]
    supply = t.buy_kw - t.sell_kw + t.trade_kw + t.pv_kw + t.discharge_kw + t.unserved_kw
    use = t.demand_kw + t.margin_kw + t.charge_kw
    assert np.abs(supply - use).max() < 1e-6
    assert (t.pv_kw <= t.pv_available_kw + 1e-9).all()
    assert t.withdrawal_kw.to_numpy() == pytest.approx(
        (t.buy_kw - t.sell_kw + t.trade_kw).to_numpy()
    )


def test_the_operators_balance_holds_with_the_stations_withdrawals(episode: Episode) -> None:
    """Lossless by the linear model: production + purchase = loads + stations, in every hour."""
    case = episode.case
    produced = episode.tables["devices"].groupby("hour")["p_kw"].sum()
    loads = case.grid_day.load_factor * sum(load.p_kw.sum() for load in case.feeder.loads)
    stations = episode.tables["station_hours"].groupby("hour")["withdrawal_kw"].sum()
    assert produced.to_numpy() == pytest.approx((loads + stations).to_numpy(), abs=1e-2)


def test_charging_load_of_the_stations_is_what_traffic_brings(episode: Episode) -> None:
    sites = episode.tables["sites"].groupby("station")["charging_kw"].sum()
    stations = episode.tables["station_hours"].groupby("station")["charging_kw"].sum()
    for name, energy in sites.items():
        assert stations[name] == pytest.approx(energy)
    assert stations.sum() == pytest.approx(sites.sum())
    assert episode.summary["traffic"]["relative_gap"] < 1e-9


def test_tables_hold_what_the_schema_says(episode: Episode) -> None:
    assert {n: list(t.columns) for n, t in episode.tables.items()} == {
        name: list(columns) for name, columns in TABLES.items()
    }


def test_the_summary_has_the_keys_that_scripts_read(episode: Episode) -> None:
    s = episode.summary
    assert s["status"] == "agreed"
    assert s["rounds"] == len(episode.tables["trading_rounds"])
    for section, keys in {
        "stations": ("cost_total", "cost_without_p2p", "traded_kwh", "grid_purchase_kwh"),
        "market": ("gap_to_central", "mismatch_kw_max", "iterations"),
        "settlement": ("imbalance",),
        "dso": ("cost_total",),
        "ac": ("vm_min_pu", "vm_max_pu", "vur_max_pct", "violation_rate"),
        "traffic": ("relative_gap", "unserved_charging"),
        "seconds": ("total",),
    }.items():
        assert set(keys) <= set(s[section])
    assert len(s["result_hash"]) == 64


@pytest.mark.parametrize(
    ("emptied", "families_missing"),
    [
        ("batteries.csv", {"lowest energy of", "highest energy of"}),
        ("wind_turbines.csv", set()),
        ("links.csv", set()),
    ],
)
def test_a_case_may_lack_what_its_format_says_may_have_no_rows(
    emptied: str, families_missing: set[str], episode: Episode, tmp_path: Path
) -> None:
    folder = tmp_path / "case"
    shutil.copytree(BUILT_IN / "tiny", folder)
    table = folder / emptied
    table.write_text(table.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    limits = run_episode(load_case(str(folder)), OPTIONS).tables["limits"]
    assert set(episode.tables["limits"]["family"]) - set(limits["family"]) == families_missing


def test_cost_grows_from_sp_over_dro_to_ro(tiny: Case) -> None:
    costs = {"stations": [], "dso": []}
    for treatment in (RiskTreatment.SP, RiskTreatment.DRO, RiskTreatment.RO):
        options = EpisodeOptions(samples=200, fresh_samples=50, shards=3, treatment=treatment)
        summary = run_episode(tiny, options).summary
        for party, kept in costs.items():
            kept.append(summary[party]["cost_total"])
    for kept in costs.values():
        assert kept == sorted(kept)


def test_the_seed_decides_the_result(tiny: Case, episode: Episode) -> None:
    again = run_episode(tiny, OPTIONS)
    assert again.summary["result_hash"] == episode.summary["result_hash"]
    other = EpisodeOptions(samples=200, fresh_samples=200, shards=3, seed=2)
    assert run_episode(tiny, other).summary["result_hash"] != episode.summary["result_hash"]


def test_the_number_of_shards_changes_the_answer_within_the_gap_only(
    tiny: Case, episode: Episode
) -> None:
    one = run_episode(tiny, EpisodeOptions(samples=200, fresh_samples=50, shards=1)).summary
    cost = episode.summary["stations"]["cost_total"]
    assert one["stations"]["cost_total"] == pytest.approx(cost, rel=2 * OPTIONS.gap)


def test_the_watcher_hears_the_story_in_order(tiny: Case) -> None:
    heard: list[Event] = []
    run_episode(tiny, OPTIONS, watch=heard.append)
    phases = [event.name for event in heard if isinstance(event, PhaseStarted)]
    assert phases[0] == "starting the agents"
    assert phases[-1] == "checking with exact power flows"
    gaps = [event.gap for event in heard if isinstance(event, Exchanged)]
    assert gaps[-1] <= OPTIONS.gap < gaps[0]
    assert [event.answer for event in heard if isinstance(event, Reviewed)][-1] == "approved"


class Interrupt:
    """A watcher that raises at one exchange, as Ctrl-C or a crash would."""

    def __init__(self, trading_round: int, exchange: int) -> None:
        self._at = (trading_round, exchange)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Exchanged) and (event.trading_round, event.exchange) == self._at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("exchange", [1, 26, 31])
def test_a_resumed_run_ends_like_one_never_interrupted(
    tiny: Case, episode: Episode, tmp_path: Path, exchange: int
) -> None:
    recorder = Recorder.begin(tmp_path, tiny, OPTIONS, csv=False)
    with pytest.raises(KeyboardInterrupt):
        run_episode(tiny, OPTIONS, recorder=recorder, watch=Interrupt(1, exchange))
    reopened, case, options = Recorder.reopen(recorder.folder)
    assert options == OPTIONS
    resumed = run_episode(case, options, recorder=reopened)
    assert resumed.summary["result_hash"] == episode.summary["result_hash"]


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_ray_with_any_number_of_workers_gives_the_same_bits(
    tiny: Case, episode: Episode, ray_session: None, workers: int
) -> None:
    with RayRuntime(workers=workers) as runtime:
        remote = run_episode(tiny, OPTIONS, runtime=runtime)
    assert remote.summary["result_hash"] == episode.summary["result_hash"]


@pytest.mark.ray
def test_a_station_host_killed_in_the_middle_changes_nothing(
    tiny: Case, episode: Episode, ray_session: None
) -> None:
    killed: list[int] = []
    with RayRuntime(workers=2) as runtime:

        def kill_once(event: Event) -> None:
            if isinstance(event, Exchanged) and event.exchange in (12, 29):
                killed.append(runtime.process_ids()["stations-1"])
                os.kill(killed[-1], signal.SIGKILL)

        remote = run_episode(tiny, OPTIONS, runtime=runtime, watch=kill_once)
    assert len(set(killed)) == 2
    assert remote.summary["result_hash"] == episode.summary["result_hash"]


@pytest.fixture(scope="module")
def b3() -> Episode:
    """Experiment B3 of Chen, Wang and Shahidehpour: 500 kW more PV behind a 300 kW line 17."""
    changes = {
        "stations.EVCS18.pv_kw": "750",
        "stations.EVCS18.grid_limit_kw": "900",
        "lines.17.s_max_kva_per_phase": "100",
    }
    options = EpisodeOptions(samples=200, fresh_samples=200)
    return run_episode(load_case("utn12-ieee33", overrides=changes), options)


def test_b3_congestion_is_answered_by_one_signal_to_station_18(b3: Episode) -> None:
    rounds, adjustments = b3.tables["trading_rounds"], b3.tables["adjustments"]
    assert list(rounds["answer"]) == ["adjusted", "approved"]
    assert set(adjustments["station"]) == {"EVCS18"}
    named = rounds["binding"][0].split("; ")
    assert named
    assert all(name.startswith("line 17 phase") for name in named)
    # It fed in more than the line takes, and is asked to feed in less: the change is positive.
    by_hour = adjustments.groupby("hour")[["submitted_kw", "adjustment_kw", "permitted_kw"]].sum()
    assert (by_hour["submitted_kw"] < -300).all()
    assert (by_hour["adjustment_kw"] > 0).all()


def test_b3_signal_is_the_lines_300_kw_and_what_bus_18_itself_takes(b3: Episode) -> None:
    permitted = b3.tables["adjustments"].groupby(["hour", "phase"])["permitted_kw"].sum()
    load = next(load for load in b3.case.feeder.loads if load.bus == "18")
    for hour in permitted.index.unique("hour"):
        # A station injects alike on its phases: the phase with the least load decides. Margins for
        # load errors, reactive flow and the back-off keep the rest of the 100 kVA free.
        room = 100 + b3.case.grid_day.load_factor[hour] * load.p_kw.min()
        injected = -permitted[hour].to_numpy()
        assert injected == pytest.approx(np.full(3, injected[0]))
        assert room - 12 < injected[0] < room


def test_b3_approved_day_keeps_line_17_within_its_rating_in_exact_flows(b3: Episode) -> None:
    lines = b3.tables["lines"]
    assert lines[lines["line"] == "17"]["ac_q95_loading"].max() < 1.0
    assert b3.summary["ac"]["kept_promise"]
    assert b3.summary["stations"]["unserved_kwh"] < 1e-6


def test_a_ball_of_radius_zero_is_the_stochastic_treatment(tiny: Case, episode: Episode) -> None:
    pointlike = load_case("tiny", overrides={"risk.radius_rule": "fixed", "risk.radius_kw": "0"})
    stochastic = EpisodeOptions(samples=200, fresh_samples=50, shards=3, treatment=RiskTreatment.SP)
    robust = EpisodeOptions(samples=200, fresh_samples=50, shards=3)
    margins = [
        run_episode(case, options).tables["station_hours"]["margin_kw"]
        for case, options in ((pointlike, robust), (tiny, stochastic))
    ]
    assert margins[0].tolist() == margins[1].tolist()
    assert (episode.tables["station_hours"]["margin_kw"] >= margins[0]).all()


@pytest.mark.parametrize(("anchor_passes", "kept"), [(0, False), (2, True)])
def test_anchored_reviews_keep_a_tight_voltage_promise_that_plain_ones_break(
    anchor_passes: int, kept: bool
) -> None:
    """With 0.95 pu the lower limit binds, and LinDist3Flow alone is too optimistic about it."""
    tight = load_case("utn12-ieee33", overrides={"feeder.vm_min_pu": "0.95"})
    options = EpisodeOptions(samples=200, fresh_samples=200, anchor_passes=anchor_passes)
    episode = run_episode(tight, options)
    assert episode.summary["ac"]["kept_promise"] is kept
    broken = episode.tables["limits"].query("not kept")
    assert list(broken["family"]) == ([] if kept else ["lowest voltage at bus"])
    assert bool(episode.summary["ac"]["breaches"]) is not kept
