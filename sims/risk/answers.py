"""How devices answer errors in real time: by their shares, within reserve and stored energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray
from ...grid.dispatch import Dispatch
from ...grid.feeder import Battery, Feeder
from ...grid.realised_load import missing_kw


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What devices deliver beyond schedule; whatever is then missing comes from upstream."""

    generator_kw: FloatArray  #: [scenario, time, generator], positive for more production
    battery_kw: FloatArray  #: [scenario, time, battery], positive for more production
    owed_kwh: FloatArray  #: [scenario, battery], below the energy planned for the end of the day


def answer(feeder: Feeder, dispatch: Dispatch, errors_kw: FloatArray) -> Answers:
    """Each device delivers its share of the missing net load, as far as its reserve reaches.

    A battery also stops where it is empty or full; then its schedule itself falls short.

    Args:
        feeder: the devices.
        dispatch: schedules, reserves and shares.
        errors_kw: [scenario, time, source].
    """
    missing = missing_kw(feeder, errors_kw)[..., None]
    generated = np.clip(
        missing * dispatch.generator_alpha,
        -dispatch.generator_reserve_down_kw,
        dispatch.generator_reserve_up_kw,
    )
    wished = np.clip(
        missing * dispatch.battery_alpha,
        -dispatch.battery_reserve_down_kw,
        dispatch.battery_reserve_up_kw,
    )
    stored, owed = _within_energy(feeder.batteries, dispatch, wished)
    return Answers(generator_kw=generated, battery_kw=stored, owed_kwh=owed)


def _within_energy(
    batteries: tuple[Battery, ...], dispatch: Dispatch, wished_kw: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Hour by hour (answer, energy owed at the end): a battery that is empty delivers no more."""
    into = np.array([battery.efficiency_charge for battery in batteries])
    out_of = np.array([battery.efficiency_discharge for battery in batteries])
    lowest = np.array([battery.e_min_kwh for battery in batteries])
    highest = np.array([battery.e_max_kwh for battery in batteries])
    start = np.array([battery.e_start_kwh for battery in batteries])
    planned_kw = (dispatch.battery_discharge_kw - dispatch.battery_charge_kw).sum(axis=-1)
    energy = np.broadcast_to(start, (len(wished_kw), len(batteries)))
    answered = np.empty_like(wished_kw)
    for hour, planned in enumerate(planned_kw):
        # Cone solvers leave energy a hair outside its bounds: a bound never forces a battery.
        most = np.maximum(energy - lowest, 0) * out_of
        least = -np.maximum(highest - energy, 0) / into
        delivered = np.clip(planned + wished_kw[:, hour], least, most)
        answered[:, hour] = delivered - planned
        energy = energy - np.maximum(delivered, 0) / out_of - np.minimum(delivered, 0) * into
    return answered, dispatch.battery_energy_kwh[-1] - energy
