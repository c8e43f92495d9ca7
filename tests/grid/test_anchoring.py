"""Anchored voltages against the exact power flow that they are meant to foresee."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from roadvolt.grid.anchoring import anchor_to_ac
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.powerflow import AcModel
from roadvolt.grid.realised_load import build_realised_load

POINTS = tuple(
    ConnectionPoint(id=bus, bus=bus, share=(1 / 3, 1 / 3, 1 / 3)) for bus in ("18", "33")
)


def exact_vm_pu(feeder, day, dispatch, withdrawal_kw):
    load = build_realised_load(feeder, day, dispatch, POINTS, withdrawal_kw)
    return AcModel(feeder).solve(load.p_kw, load.q_kvar).vm_pu


def test_two_anchored_passes_keep_the_lowest_exact_voltage_within_its_limit(feeder33, day, certain):
    hours, withdrawal_kw = day(slice(17, 20)), np.full((3, 2), 150.0)
    feeder = replace(feeder33(), limits=replace(feeder33().limits, vm_min_pu=0.95))
    model = build_opf(feeder, hours, certain(feeder, hours))
    dispatch = solve_opf(model, POINTS, withdrawal_kw)
    lowest = [exact_vm_pu(feeder, hours, dispatch, withdrawal_kw).min()]
    for _ in range(2):
        model = anchor_to_ac(model, POINTS, withdrawal_kw, dispatch)
        dispatch = solve_opf(model, POINTS, withdrawal_kw)
        lowest.append(exact_vm_pu(feeder, hours, dispatch, withdrawal_kw).min())
    assert lowest[0] < 0.9495  # the plain model is optimistic
    assert lowest[2] > 0.9499
    exact = exact_vm_pu(feeder, hours, dispatch, withdrawal_kw)
    np.testing.assert_allclose(dispatch.vm_pu, exact, atol=2e-4)
