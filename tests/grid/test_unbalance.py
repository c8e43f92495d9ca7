"""Unbalance rates against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadvolt.grid.unbalance import pvur, vuf

BALANCED_RAD = np.array([0.0, -2 * np.pi / 3, 2 * np.pi / 3])
MAGNITUDES = st.lists(st.floats(0.5, 1.5), min_size=3, max_size=3).map(np.array)


def test_pvur_is_the_largest_deviation_over_the_mean():
    assert pvur(np.array([0.9, 1.0, 1.1])) == pytest.approx(0.1)
    assert pvur(np.array([1.0, 1.0, 0.7])) == pytest.approx(0.2 / 0.9)  # below the mean
    assert pvur(np.array([1.0, 1.0, 1.3])) == pytest.approx(0.2 / 1.1)  # above the mean


def test_vuf_is_one_for_the_reversed_sequence_and_zero_for_the_right_one():
    vm_pu = np.ones((2, 3))
    angles = np.array([BALANCED_RAD, -BALANCED_RAD])
    ratio = vuf(vm_pu[:1], angles[:1])
    assert ratio == pytest.approx([0.0], abs=1e-15)
    v1, v2 = 0.97, 0.03
    turn = np.exp(1j * BALANCED_RAD)
    mixed = v1 * turn + v2 * turn.conj()
    assert vuf(np.abs(mixed), np.angle(mixed)) == pytest.approx(v2 / v1)


def test_both_rates_are_nan_where_a_phase_is_absent():
    vm_pu = np.array([[1.0, np.nan, 0.9], [1.0, 0.9, 1.0]])
    np.testing.assert_array_equal(np.isnan(pvur(vm_pu)), [True, False])
    np.testing.assert_array_equal(np.isnan(vuf(vm_pu, np.zeros((2, 3)))), [True, False])


@given(vm_pu=MAGNITUDES, scale=st.floats(0.1, 10), turn=st.floats(-3, 3))
def test_rates_ignore_a_common_scale_a_common_angle_and_a_cyclic_change_of_names(
    vm_pu, scale, turn
):
    assert pvur(scale * np.roll(vm_pu, 1)) == pytest.approx(pvur(vm_pu), abs=1e-12)
    moved = vuf(scale * vm_pu, BALANCED_RAD + turn)
    assert moved == pytest.approx(vuf(vm_pu, BALANCED_RAD), abs=1e-12)
