"""The paper's cases: what each makes of the case, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.choices import Variant
from roadvolt.planning.fdn.iteration import FdnRun, RunOptions
from roadvolt.planning.fdn.risks import Risks
from roadvolt.planning.fdn.variants import (
    SITINGS,
    _overloaded,
    _with_violators,
    filled,
    in_one_stage,
    run_variant,
    with_random_sites,
    without_growth,
)

OPTIONS = RunOptions(samples=400, fresh_samples=800, gap=0.02)


def test_one_stage_has_the_last_demand_the_first_prices_and_all_the_years(tpc84: FdnCase) -> None:
    one = in_one_stage(tpc84)
    assert one.load_p_kw[0] == pytest.approx(tpc84.load_p_kw[-1])
    assert one.ev_kw[0] == pytest.approx(tpc84.ev_kw[-1])
    assert one.pv_kw[0] == pytest.approx(tpc84.pv_kw[-1])
    assert one.stages[0].converter_per_kva == tpc84.stages[0].converter_per_kva
    assert one.discount.tolist() == [1.0]
    assert one.annuity == pytest.approx((tpc84.discount * tpc84.annuity).sum())


def test_without_growth_only_load_grows(tpc84: FdnCase) -> None:
    still = without_growth(tpc84)
    assert np.array_equal(still.load_p_kw, tpc84.load_p_kw)
    load = still.load_p_kw.sum(axis=1)
    assert still.ev_kw / load == pytest.approx(np.full(4, 0.05 / 0.95))
    assert still.pv_kw / (load + still.ev_kw) == pytest.approx(np.full(4, 0.15))


def test_random_sites_differ_by_number_and_seed_only(tpc84: FdnCase) -> None:
    def buses(seed: int, number: int) -> list[int]:
        case = with_random_sites(tpc84, seed, number)
        return [site.bus for site in (*case.evcs_sites, *case.pv_sites)]

    assert buses(1, 0) == buses(1, 0)
    assert buses(1, 0) != buses(1, 1)
    assert buses(1, 0) != buses(2, 0)
    sizes = [site.max_kva for site in with_random_sites(tpc84, 1, 0).evcs_sites]
    assert sizes == [site.max_kva for site in tpc84.evcs_sites]


def test_sites_are_filled_one_after_the_other_and_never_emptied() -> None:
    found = filled(np.array([1.5, 3.0, 7.0]), np.array([2.0, 2.0, 4.0]))
    assert found.tolist() == [[1.5, 0, 0], [2, 1, 0], [2, 2, 3]]


def no_risk(case: FdnCase) -> Risks:
    zero = np.zeros((len(case.stages), len(case.network.buses)))
    return Risks(
        under_voltage=zero.copy(), over_voltage=zero.copy(), overload=zero.copy(), scenarios=100
    )


def test_feeders_that_break_a_promise_get_larger_lines_from_that_stage_on(tpc84: FdnCase) -> None:
    risks = no_risk(tpc84)
    risks.overload[1, tpc84.network.index("65")] = 0.2
    risks.over_voltage[3, tpc84.network.index("64")] = 0.06
    risks.under_voltage[2, tpc84.network.index("9")] = 0.05
    found = _with_violators(tpc84, ((),) * 4, risks, 0.05)
    assert found == ((), ("I",), ("I",), ("H", "I"))
    assert _with_violators(tpc84, (("K",), ("K",), ("K",), ("K",)), risks, 0.05)[0] == ("K",)


def test_overloaded_feeders_are_tried_one_by_one(tpc84: FdnCase) -> None:
    risks = no_risk(tpc84)
    risks.overload[1, tpc84.network.index("65")] = 0.2
    risks.overload[3, tpc84.network.index("77")] = 0.2
    risks.under_voltage[0, tpc84.network.index("9")] = 0.2
    assert _overloaded(tpc84, risks, 0.05) == [
        ((), ("I",), ("I",), ("I",)),
        ((), (), (), ("K",)),
    ]


@pytest.fixture(scope="module")
def runs(tpc84: FdnCase) -> dict[Variant, FdnRun]:
    """Of one stage, so that they are quick."""
    case = in_one_stage(tpc84)
    variants = (
        Variant.STORAGE,
        Variant.LARGER_LINES,
        Variant.UNREINFORCED,
        Variant.UNCOORDINATED,
    )
    return {variant: run_variant(case, variant, OPTIONS) for variant in variants}


def test_what_promises_keeps_it_and_what_does_not_says_so(runs: dict[Variant, FdnRun]) -> None:
    for variant, run in runs.items():
        assert run.kept is variant.promises or variant is Variant.UNCOORDINATED
    assert runs[Variant.UNREINFORCED].certificate.risks.worst > 0.3
    assert runs[Variant.UNREINFORCED].reason


def test_storage_takes_the_place_of_soft_open_points(runs: dict[Variant, FdnRun]) -> None:
    plan = runs[Variant.STORAGE].plan
    assert plan.storages[-1]
    assert not any(plan.sops)


def test_larger_lines_end_where_no_other_feeder_breaks_a_promise(
    runs: dict[Variant, FdnRun],
) -> None:
    run = runs[Variant.LARGER_LINES]
    assert len(run.iterations) > 1
    assert run.plan.reinforced[-1]
    assert not any(run.plan.sops)


def test_the_uncoordinated_run_shows_the_median_siting(runs: dict[Variant, FdnRun]) -> None:
    run = runs[Variant.UNCOORDINATED]
    totals = sorted(one.cost_total for one in run.sitings)
    assert len(totals) == SITINGS
    operation = run.certificate.operation.total @ (run.case.discount * run.case.annuity)
    (shown,) = (one for one in run.sitings if one.cost_total == totals[SITINGS // 2])
    assert shown.cost_operation == pytest.approx(operation)
    assert shown.risk_max == run.certificate.risks.worst
    demand = run.plan.evcs_rated_kw.sum(axis=1)
    assert demand == pytest.approx(run.case.ev_kw)
