"""The linear model's promises for an approved dispatch, worked out anew by another road.

The operator's program writes limits as matrices over nodes and margins as functions of one scalar.
Here flows are sums over what hangs behind a line, voltages fall line by line, every forecast error
is followed on its own through loads, wind and the devices that answer it, and each margin comes
straight from the covariance of the errors or from their box. Nothing of the program's own residuals
enters, but for one thing: voltages at the forecast are those of the dispatch, which the operator
has anchored to the exact power flow; that flow checks them again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...core.units import PHASES, BoolArray, FloatArray
from ...grid.dispatch import Dispatch
from ...grid.feeder import ConnectionPoint, Feeder
from ...grid.forecast_errors import sample_errors, support_kw
from ...grid.realised_load import RealisedLoad, build_realised_load
from ...uncertainty.ambiguity import Shape, safety_factor
from ...uncertainty.margins import RiskTreatment
from ...uncertainty.seeds import generator
from ..case import Case
from ..options import EpisodeOptions

#: Sides of the polygon inscribed in a rating's circle, corners at 0 degrees and every 30.
_SIDES = 12
_TURN = np.exp(-2j * np.pi / 3 * np.arange(3))


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much a limit is exceeded: parts of a rating, pu of a voltage; below 0 it is kept."""

    amount: float
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Risk:
    """What errors the operator guards against, from the scenarios that it learned from."""

    covariance: FloatArray  #: [time, source, source]
    box_kw: FloatArray  #: [time, source]
    factor: float  #: standard deviations to keep free; infinite if the box alone counts

    def margin(self, by_error: FloatArray) -> FloatArray:
        """Margin [time, ...] of what moves by ``by_error`` [time, source, ...] per kW of error.

        Both the moments and the box are guarantees, so the smaller margin will do.
        """
        rows = by_error.reshape(*by_error.shape[:2], -1)
        box = np.einsum("ts,tsr->tr", self.box_kw, np.abs(rows))
        if math.isfinite(self.factor):
            variance = np.einsum("tsr,tsr->tr", rows, self.covariance @ rows)
            box = np.minimum(box, self.factor * np.sqrt(np.maximum(variance, 0)))
        return np.asarray(box.reshape(by_error.shape[:1] + by_error.shape[2:]))


def worst_excess(
    case: Case,
    options: EpisodeOptions,
    points: tuple[ConnectionPoint, ...],
    dispatch: Dispatch,
    withdrawal_kw: FloatArray,
) -> Excess:
    """The limit that the dispatch comes nearest to, or exceeds by most, margins included.

    Voltages, unbalance, loading, power and reserves of devices, and shares that do not sum to 1.

    Args:
        case: as it was when the operator approved.
        options: of the episode: seed, scenarios and risk of the operator.
        points: where stations are connected.
        dispatch: as approved.
        withdrawal_kw: as approved [time, point].
    """
    feeder, risk = case.feeder, _risk(case, options)
    load = build_realised_load(feeder, case.grid_day, dispatch, points, withdrawal_kw)
    s_kva, by_error = _flows(feeder, load)
    found = [
        *_loading(feeder, s_kva, by_error, risk),
        *_voltages(feeder, dispatch, by_error, risk),
        *_devices(feeder, dispatch, risk),
        _mismatch(feeder, dispatch, s_kva),
    ]
    return max(found, key=lambda excess: excess.amount)


def _risk(case: Case, options: EpisodeOptions) -> _Risk:
    rng = generator(options.seed, "grid errors", "learn")
    feeder, day, model = case.feeder, case.grid_day, case.error_model
    errors_kw = sample_errors(feeder, day, model, rng, options.samples)
    shape = Shape.GAUSSIAN if options.treatment is RiskTreatment.SP else Shape.CANTELLI
    robust = options.treatment is RiskTreatment.RO
    return _Risk(
        covariance=np.einsum("nts,ntu->tsu", errors_kw, errors_kw) / len(errors_kw),
        box_kw=np.maximum(support_kw(feeder, day, model), np.abs(errors_kw).max(axis=0)),
        factor=math.inf if robust else safety_factor(shape, options.risk),
    )


def _flows(feeder: Feeder, load: RealisedLoad) -> tuple[FloatArray, FloatArray]:
    """Complex power away from the source [time, line, phase], and per kW of error [.., source, ..].

    Without losses a line carries what hangs behind it.
    """
    behind = _behind(feeder).astype(np.float64)
    at_buses = load.p_kw + 1j * load.q_kvar
    by_error = load.p_by_error + 1j * load.q_by_error
    carried = np.einsum("lb,tbp->tlp", behind, at_buses)
    return carried, np.einsum("lb,tsbp->tslp", behind, by_error)


def _behind(feeder: Feeder) -> BoolArray:
    """Which buses hang behind which line [line, bus]; lines may be written in either direction."""
    number = {bus: k for k, bus in enumerate(feeder.buses)}
    ends = [(number[line.from_bus], number[line.to_bus]) for line in feeder.lines]
    behind = np.zeros((len(ends), len(number)), dtype=bool)
    for k in range(len(ends)):
        cut_off = {number[feeder.source_bus]}
        for _ in ends:  # as many sweeps as there are lines reach everywhere
            for other, (a, b) in enumerate(ends):
                if other != k and (a in cut_off) != (b in cut_off):
                    cut_off |= {a, b}
        behind[k] = [bus not in cut_off for bus in range(len(number))]
    return behind


def _loading(
    feeder: Feeder, s_kva: FloatArray, by_error: FloatArray, risk: _Risk
) -> Iterator[Excess]:
    rating = np.array([line.s_max_kva for line in feeder.lines])[:, None]
    names = [line.id for line in feeder.lines]
    for side in range(_SIDES):
        turn = np.exp(-2j * np.pi / _SIDES * (side + 0.5))
        most = (turn * s_kva).real + risk.margin((turn * by_error).real)
        yield _worst("line", names, most / rating - math.cos(math.pi / _SIDES))


def _voltages(
    feeder: Feeder, dispatch: Dispatch, flow_by_error: FloatArray, risk: _Risk
) -> Iterator[Excess]:
    """Limits are on squares; half an excess of the square is one of the magnitude near 1 pu."""
    w, limits = np.square(dispatch.vm_pu), feeder.limits
    by_error = -np.einsum("lb,tslp->tsbp", _behind(feeder), _drop(feeder, flow_by_error))
    margin = risk.margin(by_error)
    margin[:, feeder.buses.index(feeder.source_bus)] = np.nan
    yield _worst("highest voltage at bus", feeder.buses, (w + margin - limits.vm_max_pu**2) / 2)
    yield _worst("lowest voltage at bus", feeder.buses, (limits.vm_min_pu**2 - w + margin) / 2)
    for sign in (1, -1):
        part = (1 + sign * limits.vur_max) ** 2
        # NaN of a missing phase passes into the mean: only whole buses have a rate.
        beyond = sign * (w - part * w.mean(axis=-1, keepdims=True))
        swing = risk.margin(by_error - part * by_error.mean(axis=-1, keepdims=True))
        excess = (beyond + swing + 0 * margin) / 2
        yield _worst("voltage unbalance at bus", feeder.buses, excess)


def _drop(feeder: Feeder, s_kva: FloatArray) -> FloatArray:
    """Fall of the squared voltage over every line [..., line, phase] in pu, of flows in kVA."""
    turned = _TURN[:, None] / _TURN[None, :] * np.conj([line.z_ohm for line in feeder.lines])
    per_phase_kv = feeder.vn_kv / math.sqrt(3)
    fall = 2 * np.einsum("lpq,...lq->...lp", turned, s_kva).real
    return np.asarray(fall / (1e3 * per_phase_kv**2))


def _devices(feeder: Feeder, dispatch: Dispatch, risk: _Risk) -> Iterator[Excess]:
    """Power with reserves in parts of what a device can do, and reserves against its share."""
    missing = np.repeat([1.0, -1.0], [len(feeder.loads), len(feeder.wind_turbines)])
    need = risk.margin(np.tile(missing, (len(risk.box_kw), 1))[..., None])
    makers, stores = feeder.generators, feeder.batteries
    most, least = (np.array([getattr(g, n) for g in makers]) for n in ("p_max_kw", "p_min_kw"))
    made = dispatch.generator_p_kw.sum(axis=-1)
    charge, discharge = (
        power.sum(axis=-1) for power in (dispatch.battery_charge_kw, dispatch.battery_discharge_kw)
    )
    up, down = dispatch.generator_reserve_up_kw, dispatch.generator_reserve_down_kw
    more, less = dispatch.battery_reserve_up_kw, dispatch.battery_reserve_down_kw
    into, out = (
        np.array([getattr(b, n) for b in stores]) for n in ("p_charge_max_kw", "p_discharge_max_kw")
    )
    names, cells = [g.id for g in makers], [b.id for b in stores]
    share, part = dispatch.generator_alpha * need, dispatch.battery_alpha * need
    yield _worst("power of", names, np.maximum(made + up - most, least - made + down) / most)
    yield _worst("reserve of", names, (share - np.minimum(up, down)) / most)
    yield _worst(
        "power of", cells, np.maximum((charge + less) / into, (discharge + more) / out) - 1
    )
    yield _worst("reserve of", cells, (part - np.minimum(more, less)) / np.maximum(into, out))
    total = (
        dispatch.upstream_alpha + dispatch.generator_alpha.sum(1) + dispatch.battery_alpha.sum(1)
    )
    yield _worst("shares in balancing", ("",), np.abs(total - 1)[:, None])


def _mismatch(feeder: Feeder, dispatch: Dispatch, s_kva: FloatArray) -> Excess:
    """Flows that the dispatch states against those that its own loads and devices make."""
    stated = np.hypot(dispatch.line_p_kw, dispatch.line_q_kvar)
    rating = np.array([line.s_max_kva for line in feeder.lines])[:, None]
    return _worst(
        "stated flow of line",
        [line.id for line in feeder.lines],
        np.abs(stated - np.abs(s_kva)) / rating,
    )


def _worst(what: str, names: tuple[str, ...] | list[str], excess: FloatArray) -> Excess:
    """The largest of ``excess`` [time, element(, phase)], NaN where there is no limit."""
    known = np.where(np.isnan(excess), -np.inf, excess)
    if not known.size:
        return Excess(-math.inf, "")
    place = np.unravel_index(np.argmax(known), known.shape)
    phase = f" phase {PHASES[place[2]]}" if len(place) == 3 else ""
    name = f"{what} {names[place[1]]}".strip()
    return Excess(float(known[place]), f"{name}{phase} {place[0]:02d}:00")
