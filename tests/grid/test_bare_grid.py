"""A grid at fault by itself is told from one that a trade overloads, with what to change."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError, LimitMiss, SolveError
from roadvolt.core.solve import Ending
from roadvolt.grid import infeasibility
from roadvolt.grid.bare_grid import blame_bare_grid
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.projection import project

AT_18 = (ConnectionPoint(id="s", bus="18", share=(1 / 3, 1 / 3, 1 / 3)),)


def blamed(model, backoff_kw=0.5):
    with pytest.raises(InfeasibleError) as caught:
        project(model, AT_18, np.full((len(model.p_load_kw), 1), 100.0), backoff_kw)
    return blame_bare_grid(model, caught.value)


def test_without_devices_the_remedy_is_the_upstream_share(feeder33, day, moments_of):
    hours = day(slice(18, 19))
    feeder = replace(feeder33(), generators=(), batteries=())
    feeder = replace(feeder, limits=replace(feeder.limits, vm_min_pu=0.8))
    error = blamed(build_opf(feeder, hours, moments_of(feeder, hours)))
    assert str(error).startswith("grid without any station")
    assert "feeder.upstream_share_max" in error.remedy
    assert error.misses[0].limit == "upstream share in balancing 00:00"


def test_a_line_too_small_for_the_loads_behind_it_is_the_grids_fault(feeder33, day, certain):
    lines = tuple(replace(k, s_max_kva=50.0) if k.id == "24" else k for k in feeder33().lines)
    feeder, hours = replace(feeder33(), lines=lines), day(slice(11, 12))
    error = blamed(build_opf(feeder, hours, certain(feeder, hours)))
    assert str(error).startswith("grid without any station")
    assert "raise the ratings" in error.remedy
    assert {miss.limit for miss in error.misses} == {f"line 24 phase {k} 00:00" for k in "abc"}


def test_a_grid_within_its_limits_by_less_than_the_backoff_is_told_so(feeder33, day, certain):
    feeder, hours = feeder33(), day(slice(11, 12))
    error = blamed(build_opf(feeder, hours, certain(feeder, hours)), backoff_kw=20_000.0)
    assert "less than the back-off" in error.remedy


def test_the_remedy_survives_the_way_between_processes():
    miss = LimitMiss("line 1 phase a 00:00", 2.0, "kVA")
    error = InfeasibleError("grid", "Clarabel", (miss,), "widen it")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error).endswith("missed by 2 kVA; widen it")


def test_a_solver_that_gives_up_is_followed_by_the_limits_in_the_way(
    feeder33, day, certain, monkeypatch
):
    def gives_up(model, limited, what, *args):
        raise SolveError(what, "Clarabel", Ending.INEXACT, "InsufficientProgress")

    lines = tuple(replace(k, s_max_kva=50.0) if k.id == "24" else k for k in feeder33().lines)
    feeder, hours = replace(feeder33(), lines=lines), day(slice(11, 12))
    monkeypatch.setattr(infeasibility, "solve_limited", gives_up)
    with pytest.raises(InfeasibleError) as caught:
        solve_opf(build_opf(feeder, hours, certain(feeder, hours)), (), np.zeros((1, 0)))
    assert {miss.limit for miss in caught.value.misses} == {
        f"line 24 phase {k} 00:00" for k in "abc"
    }
