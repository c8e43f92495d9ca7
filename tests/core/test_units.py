"""Judge: per-unit bases worked by hand, with numbers of IEEE 33 (12.66 kV)."""

import math

import numpy as np
import pytest

from roadvolt.core.units import PerUnit, frozen


def test_bases_worked_by_hand():
    # 12.66^2 / 1 = 160.2756 ohm; a third of 1 MVA; 12.66 / sqrt(3) kV.
    base = PerUnit(vn_kv=12.66, s_base_kva=1000.0)
    assert base.z_ohm == pytest.approx(160.2756)
    assert base.phase_kva == pytest.approx(333.3333, rel=1e-6)
    assert base.phase_kv == pytest.approx(7.30925, rel=1e-6)


def test_one_per_unit_of_voltage_drives_one_per_unit_of_power_through_one_of_impedance():
    base = PerUnit(vn_kv=0.4, s_base_kva=150.0)
    current_a = base.phase_kv * 1e3 / base.z_ohm
    assert base.phase_kv * current_a == pytest.approx(base.phase_kva)
    assert math.sqrt(3) * base.vn_kv * current_a == pytest.approx(base.s_base_kva)


def test_frozen_copies_and_locks():
    given = np.array([[1, 2], [3, 4]]).T
    held = frozen(given)
    given[0, 0] = 9
    assert held[0, 0] == 1.0
    assert held.dtype == np.float64
    assert held.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        held[0, 0] = 2.0
