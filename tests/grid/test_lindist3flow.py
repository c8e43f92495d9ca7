"""The linear model against exact power flows and the published 33-bus case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import CaseError
from roadvolt.core.units import frozen
from roadvolt.grid.lindist3flow import build_linear_model, flows, squared_voltages


def loads_of(feeder, scale=1.0):
    """Complex load in kVA [bus, phase]."""
    s = np.zeros((len(feeder.buses), 3), complex)
    for load in feeder.loads:
        s[feeder.buses.index(load.bus)] += scale * (load.p_kw + 1j * load.q_kvar)
    return s


def exact(feeder, s_kva):
    """Exact |V| [bus, phase] in pu and losses in kW: backward/forward sweep, volts and amperes."""
    start = feeder.vn_kv * 1e3 / np.sqrt(3) * feeder.vm_source_pu
    source = start * np.exp(-2j * np.pi / 3 * np.arange(3))
    children, seen = [], {feeder.source_bus}
    while len(seen) < len(feeder.buses):
        for line in feeder.lines:
            ends = [line.from_bus, line.to_bus]
            if (ends[0] in seen) != (ends[1] in seen):
                children.append((*(ends if ends[0] in seen else ends[::-1]), line))
                seen.add(children[-1][1])
    volts = {bus: source.copy() for bus in feeder.buses}
    for _ in range(80):
        amps = {
            bus: np.conj(1e3 * s / volts[bus]) for bus, s in zip(feeder.buses, s_kva, strict=True)
        }
        for up, down, _ in reversed(children):
            amps[up] = amps[up] + amps[down]
        for up, down, line in children:
            volts[down] = volts[up] - line.z_ohm @ amps[down]
    loss = sum((amps[d].conj() @ line.z_ohm @ amps[d]).real for _, d, line in children)
    return np.abs([volts[bus] for bus in feeder.buses]) * feeder.vm_source_pu / start, loss / 1e3


def linear(feeder, s_kva):
    model = build_linear_model(feeder)
    s = model.to_nodes(s_kva)
    return model.to_buses(np.sqrt(squared_voltages(model, s.real, s.imag)))


def test_the_judge_finds_the_published_losses_and_voltage_of_the_balanced_33_bus_feeder(feeder33):
    feeder = feeder33(unbalance=0.0, transposed=True)
    vm_pu, loss_kw = exact(feeder, loads_of(feeder))
    assert loss_kw == pytest.approx(202.677, abs=5e-4)  # Baran and Wu 1989
    assert vm_pu.min() == pytest.approx(0.91309, abs=5e-6)


def test_the_linear_model_is_within_0_0040_pu_on_the_untransposed_33_bus_feeder(feeder33):
    feeder = feeder33()
    vm_pu, _ = exact(feeder, loads_of(feeder))
    assert vm_pu.min() == pytest.approx(0.905536, abs=5e-7)  # phase a, bus 18
    error = linear(feeder, loads_of(feeder)) - vm_pu
    assert np.abs(error).max() == pytest.approx(0.0040, abs=5e-5)
    assert error.min() > -1e-9  # neglected losses make it optimistic


@pytest.mark.parametrize("which", ["feeder33", "feeder4"])
def test_the_error_against_the_exact_power_flow_is_of_second_order(which, request):
    # conj(gamma z) in the place of gamma conj(z) leaves an error of first order.
    feeder = request.getfixturevalue(which)
    feeder = feeder() if callable(feeder) else feeder
    errors = []
    for scale in (0.2, 0.1, 0.05):
        s = loads_of(feeder, scale)
        present = build_linear_model(feeder).node_of >= 0
        vm_pu, _ = exact(feeder, s)
        errors.append(np.abs(linear(feeder, s) - vm_pu)[present].max())
    assert errors[1] < 0.27 * errors[0]
    assert errors[2] < 0.27 * errors[1]


def test_absent_phases_are_nan_and_reversed_lines_keep_their_sign(feeder4):
    model = build_linear_model(feeder4)
    vm_pu = linear(feeder4, loads_of(feeder4))
    assert np.isnan(vm_pu[feeder4.buses.index("l"), 0])
    assert np.count_nonzero(np.isnan(vm_pu)) == 1
    p = model.to_lines(flows(model, model.to_nodes(loads_of(feeder4).real)), 3)
    np.testing.assert_allclose(p[0], [250, 320, 330])  # s -> m carries everything
    np.testing.assert_allclose(p[1], [250, 200, 150])
    np.testing.assert_allclose(p[2], [np.nan, -120, -180])  # written from l to m, flows to l


def test_the_sensitivities_of_two_buses_are_those_computed_by_hand(feeder4):
    # One line of impedance z: w_a falls by 2 Re(z_aa* p_a + gamma_ab z_ab* p_b), gamma_ab = V_a/V_b
    model = build_linear_model(feeder4)
    k = feeder4.buses.index("k")
    z = feeder4.lines[0].z_ohm + feeder4.lines[1].z_ohm
    a, b = model.node_of[k, 0], model.node_of[k, 1]
    volt2 = (feeder4.vn_kv * 1e3) ** 2 / 3
    turn = np.exp(2j * np.pi / 3)
    assert model.w_by_p[a, a] * volt2 == pytest.approx(-2 * z[0, 0].real * 1e3)
    assert model.w_by_q[a, a] * volt2 == pytest.approx(-2 * z[0, 0].imag * 1e3)
    assert model.w_by_p[a, b] * volt2 == pytest.approx(-2e3 * (turn * z[0, 1].conj()).real)
    assert model.w_by_q[a, b] * volt2 == pytest.approx(-2e3 * (1j * turn * z[0, 1].conj()).real)


def test_a_loop_an_island_and_a_load_without_conductor_are_all_named(feeder4):
    loop = replace(feeder4.lines[1], id="ks", to_bus="s", from_bus="k")
    with pytest.raises(CaseError, match=r"line (ks|mk): closes a loop"):
        build_linear_model(replace(feeder4, lines=(*feeder4.lines, loop)))
    with pytest.raises(CaseError, match="bus x: is not connected"):
        build_linear_model(replace(feeder4, buses=(*feeder4.buses, "x")))
    wrong = replace(feeder4.loads[1], p_kw=frozen([1, 0, 0]))
    with pytest.raises(CaseError, match="load at l: uses a phase that its bus lacks"):
        build_linear_model(replace(feeder4, loads=(wrong,)))
    thin = replace(feeder4.lines[0], phases="bc")
    with pytest.raises(CaseError, match="line mk: has phase a, bus m has not"):
        build_linear_model(replace(feeder4, lines=(thin, *feeder4.lines[1:])))
