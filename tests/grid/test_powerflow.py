"""The AC engine against published figures, hand calculation and an own fixed point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.units import frozen
from roadvolt.grid.powerflow import AcModel
from roadvolt.grid.unbalance import pvur, vuf

# Voltage magnitudes of phases a, b, c of the untransposed 33-bus feeder with uneven loads, from a
# backward/forward sweep to 1e-12 that three engines confirmed. The line table behind them was
# rounded to 1e-6 ohm, which moves voltages by 6e-8.
REFERENCE_PU = {
    "2": (0.99681168, 0.99724623, 0.99704178),
    "6": (0.94500884, 0.95574210, 0.94850892),
    "18": (0.90553633, 0.92708151, 0.90722653),
    "22": (0.99105011, 0.99180829, 0.99182841),
    "25": (0.96642021, 0.96879360, 0.97260973),
    "33": (0.90608025, 0.92870210, 0.91584665),
}


def demand(feeder, scale=1.0):
    """Complex consumption in kVA [bus, phase]."""
    s = np.zeros((len(feeder.buses), 3), complex)
    for load in feeder.loads:
        s[feeder.buses.index(load.bus)] += scale * (load.p_kw + 1j * load.q_kvar)
    return s


def solve(feeder, s_kva, **options):
    """One sample or many, given as complex consumption."""
    s_kva = s_kva.reshape(-1, *s_kva.shape[-2:])
    return AcModel(feeder).solve(s_kva.real.copy(), s_kva.imag.copy(), **options)


def z_bus(feeder, s_kva):
    """|V| [bus, phase] in pu by V <- V0 - Z conj(S / V), Z the inverse of the admittance matrix."""
    present = np.zeros((len(feeder.buses), 3), bool)
    y = np.zeros((present.size, present.size), complex)
    for line in feeder.lines:
        at = [k for k, phase in enumerate("abc") if phase in line.phases]
        i, k = (3 * feeder.buses.index(bus) + np.array(at) for bus in (line.from_bus, line.to_bus))
        admittance = np.linalg.inv(line.z_ohm[np.ix_(at, at)])
        for rows, columns, sign in ((i, i, 1), (k, k, 1), (i, k, -1), (k, i, -1)):
            y[np.ix_(rows, columns)] += sign * admittance
        present.flat[i] = present.flat[k] = True
    source = 3 * feeder.buses.index(feeder.source_bus) + np.arange(3)
    free = np.setdiff1d(np.flatnonzero(present), source)
    volts = np.full(present.size, np.nan, complex)
    nominal = feeder.vn_kv * 1e3 / np.sqrt(3)
    volts[source] = feeder.vm_source_pu * nominal * np.exp([0, -2j * np.pi / 3, 2j * np.pi / 3])
    z = np.linalg.inv(y[np.ix_(free, free)])
    volts[free] = start = -z @ y[np.ix_(free, source)] @ volts[source]
    for _ in range(200):
        volts[free] = start - z @ np.conj(1e3 * s_kva.ravel()[free] / volts[free])
    return np.abs(volts).reshape(present.shape) / nominal


def test_the_published_balanced_33_bus_case_is_met(feeder33):
    feeder = feeder33(unbalance=0.0, transposed=True)
    result = solve(feeder, demand(feeder))
    assert result.loss_kw == pytest.approx([202.677], abs=5e-4)  # Baran and Wu 1989
    assert result.vm_pu.min() == pytest.approx(0.91309, abs=5e-6)
    assert vuf(result.vm_pu, result.va_rad).max() < 1e-7


def test_the_untransposed_33_bus_case_meets_its_reference(feeder33):
    feeder = feeder33()
    result = solve(feeder, demand(feeder))
    vm_pu = result.vm_pu[0]
    for bus, expected in REFERENCE_PU.items():
        np.testing.assert_allclose(vm_pu[feeder.buses.index(bus)], expected, rtol=0, atol=1e-7)
    assert np.unravel_index(vm_pu.argmin(), vm_pu.shape) == (feeder.buses.index("18"), 0)
    assert result.loss_kw == pytest.approx([204.099], abs=5e-4)
    assert pvur(vm_pu).max() == pytest.approx(0.01511, abs=5e-6)
    assert pvur(vm_pu).argmax() == feeder.buses.index("18")
    assert vuf(vm_pu, result.va_rad[0]).max() == pytest.approx(0.01090, abs=5e-6)
    head_a = result.s_kva[0, 0] / (feeder.vn_kv / np.sqrt(3))
    np.testing.assert_allclose(head_a, [216.0, 209.5, 206.0], atol=0.05)


def test_random_loads_agree_with_an_own_fixed_point(feeder33):
    feeder, rng = feeder33(), np.random.default_rng(1)
    factor = rng.normal(1.0, 0.4, (5, 33, 3)) + 1j * rng.normal(0.0, 0.2, (5, 33, 3))
    samples = demand(feeder) * factor
    result = solve(feeder, samples)
    for sample, vm_pu in zip(samples, result.vm_pu, strict=True):
        np.testing.assert_allclose(vm_pu, z_bus(feeder, sample), rtol=0, atol=1e-7)


def test_a_closed_loop_agrees_with_the_fixed_point(feeder33):
    feeder = feeder33()
    tie = replace(
        feeder.lines[0], id="tie", from_bus="18", to_bus="33", z_ohm=feeder.lines[4].z_ohm
    )
    feeder = replace(feeder, lines=(*feeder.lines, tie))
    vm_pu = solve(feeder, demand(feeder)).vm_pu[0]
    np.testing.assert_allclose(vm_pu, z_bus(feeder, demand(feeder)), rtol=0, atol=1e-7)


def test_missing_phases_are_nan_and_the_others_agree_with_the_fixed_point(feeder4):
    result = solve(feeder4, 10 * demand(feeder4))  # ten times: drops of several percent
    expected = z_bus(feeder4, 10 * demand(feeder4))
    assert np.isnan(expected).sum() == 1
    np.testing.assert_allclose(result.vm_pu[0], expected, rtol=0, atol=1e-7)
    assert np.nanmin(result.vm_pu) < 0.97
    assert np.isnan(result.p_from_kw[0, 2]).tolist() == [True, False, False]  # line l-m has no a


def test_one_line_and_one_load_fall_by_what_the_hand_finds(feeder4):
    # Coupling removed, phase a alone at unity factor: V^4 - (V0^2 - 2 P R) V^2 + P^2 |Z|^2 = 0.
    z = feeder4.lines[0].z_ohm[0, 0]
    lines = tuple(
        replace(line, phases="abc", z_ohm=frozen(z * np.eye(3), np.complex128))
        for line in feeder4.lines
    )
    feeder = replace(feeder4, lines=lines)
    s = np.zeros((4, 3))
    s[feeder.buses.index("m"), 0] = 900.0
    volt0, watt = feeder.vn_kv * 1e3 / np.sqrt(3), 900e3
    half = volt0**2 / 2 - watt * z.real
    expected = np.sqrt(half + np.sqrt(half**2 - watt**2 * abs(z) ** 2)) / volt0
    vm_pu = solve(feeder, s.astype(complex)).vm_pu[0]
    assert vm_pu[feeder.buses.index("m"), 0] == pytest.approx(expected, abs=1e-8)
    np.testing.assert_allclose(vm_pu[:, 1:], 1.0, atol=1e-9)


@pytest.mark.parametrize("which", ["feeder33", "feeder4"])
def test_the_source_delivers_the_loads_and_the_losses(which, request):
    feeder = request.getfixturevalue(which)
    feeder = feeder() if callable(feeder) else feeder
    result = solve(feeder, demand(feeder))
    head = [line.from_bus == feeder.source_bus for line in feeder.lines]
    delivered_kw = result.p_from_kw[0, head].sum()
    assert result.loss_kw[0] > 1.0
    balance = demand(feeder).real.sum() + result.loss_kw[0]
    assert delivered_kw == pytest.approx(balance, rel=1e-6)


def test_consumption_lowers_the_voltage_and_production_raises_it(feeder33):
    feeder = feeder33()
    samples = np.stack([demand(feeder), -demand(feeder)])
    result = solve(feeder, samples)
    assert (result.vm_pu[0, 1:] < 1).all()
    assert (result.vm_pu[1, 1:] > 1).all()
    assert (result.p_from_kw[0] > 0).all()
    assert (result.p_from_kw[1] < 0).all()


def test_a_sample_without_solution_is_named_and_the_others_survive(feeder33):
    feeder = feeder33()
    samples = np.stack([demand(feeder, scale) for scale in (1.0, 50.0, 0.5)])
    result = solve(feeder, samples)
    assert result.failed.tolist() == [1]
    assert np.isnan(result.vm_pu[1]).all()
    assert np.isnan(result.p_from_kw[1]).all()
    assert np.isnan(result.loss_kw).tolist() == [False, True, False]
    alone = solve(feeder, samples[[0, 2]])
    assert alone.failed.size == 0
    np.testing.assert_array_equal(result.vm_pu[[0, 2]], alone.vm_pu)


def test_threads_do_not_change_the_answer(feeder33):
    feeder = feeder33()
    samples = np.stack([demand(feeder, scale) for scale in np.linspace(0.5, 1.5, 8)])
    one, two = solve(feeder, samples), solve(feeder, samples, threads=2)
    np.testing.assert_array_equal(one.vm_pu, two.vm_pu)


def test_power_at_an_absent_phase_and_unfit_arrays_are_refused(feeder4):
    s = demand(feeder4)
    s[feeder4.buses.index("l"), 0] = 1.0
    with pytest.raises(ValueError, match="phase that its bus does not have"):
        solve(feeder4, s)
    with pytest.raises(ValueError, match="finite"):
        solve(feeder4, demand(feeder4) * np.nan)
    with pytest.raises(ValueError, match=r"\[sample, bus, phase\]"):
        solve(feeder4, demand(feeder4)[:2])


def test_a_crooked_matrix_and_an_island_are_refused(feeder4):
    crooked = np.array(feeder4.lines[0].z_ohm)
    crooked[0, 1] *= 2
    with pytest.raises(ValueError, match="'sm': the impedance matrix is not symmetric"):
        AcModel(
            replace(feeder4, lines=(replace(feeder4.lines[0], z_ohm=crooked), *feeder4.lines[1:]))
        )
    with pytest.raises(ValueError, match="not connected to source bus 's': k, l, m"):
        AcModel(replace(feeder4, lines=()))
