"""How unbalanced a three-phase voltage is: two measures that are often confused.

PVUR looks at magnitudes only and is what the operator's limit means (Chen et al.: VUR); VUF is the
ratio of symmetrical components, which needs angles.
"""

from __future__ import annotations

import numpy as np

from ..core.units import FloatArray

_TURN = np.exp(2j * np.pi / 3)


def pvur(vm_pu: FloatArray) -> FloatArray:
    """Phase-voltage unbalance rate: max_phi |V_phi - mean V| / mean V.

    Args:
        vm_pu: voltage magnitudes [..., phase]; NaN where a phase is absent.

    Returns:
        Rates [...] in [0, 2]; NaN where a phase is absent, for a rate needs all three.

    References:
        Pillay and Manyage, Definitions of voltage unbalance, IEEE Power Engineering Review 21(5),
        2001.
    """
    mean = vm_pu.sum(axis=-1) / 3
    # max over three columns: numpy reduces a short last axis an order of magnitude slower
    top = np.maximum(np.maximum(vm_pu[..., 0], vm_pu[..., 1]), vm_pu[..., 2])
    low = np.minimum(np.minimum(vm_pu[..., 0], vm_pu[..., 1]), vm_pu[..., 2])
    rate: FloatArray = np.maximum(top - mean, mean - low) / mean
    return rate


def vuf(vm_pu: FloatArray, va_rad: FloatArray) -> FloatArray:
    """Voltage unbalance factor |V2| / |V1|, negative over positive sequence.

    With a = exp(j 120 deg): 3 V1 = Va + a Vb + a^2 Vc and 3 V2 = Va + a^2 Vb + a Vc, phase b
    lagging a.

    Args:
        vm_pu: magnitudes [..., phase]; NaN where a phase is absent.
        va_rad: angles [..., phase].

    Returns:
        Factors [...]; NaN where a phase is absent.

    References:
        Fortescue, Method of symmetrical co-ordinates applied to the solution of polyphase
        networks, Trans. AIEE 37(2), 1918; Pillay and Manyage 2001.
    """
    v_pu = vm_pu * np.exp(1j * va_rad)
    positive = v_pu[..., 0] + _TURN * v_pu[..., 1] + _TURN**2 * v_pu[..., 2]
    negative = v_pu[..., 0] + _TURN**2 * v_pu[..., 1] + _TURN * v_pu[..., 2]
    ratio: FloatArray = np.abs(negative) / np.abs(positive)
    return ratio
