"""The clearing iteration in NumPy: the reference, and what small shards run."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.sparse as sp

from ..core.units import IntArray, frozen
from .limit_prox import limit_shift_kw
from .splitting import Tables, Work


def run(
    tables: Tables,
    plan: Work,
    copy_a: Work,
    copy_b: Work,
    border_kw: Work,
    balance_dual: Work,
    energy_dual: Work,
    steps: int,
) -> tuple[float, float]:
    """Makes ``steps`` iterations, *in place* on the caller's own copies.

    Args:
        tables: the shard's tables.
        plan: w of grid supply g, charge, discharge [kW] and stored energy [kWh], as
            [quantity, station, time].
        copy_a: w of the trade copy at station a of the inner links [link, time], kW received.
        copy_b: the same at station b.
        border_kw: what the border links add to the trade balance [station, time].
        balance_dual: receives nu of the balance rows [station, time]; price = -nu.
        energy_dual: receives nu of the energy rows [station, time].
        steps: at least 1.

    Returns:
        Sum of squares, at the last step, of what plans and copies miss the balance halves by
        (primal, kW^2), and of how far the inner trades moved (dual, kW^2).
    """
    ends, trade = to_ends(tables), inner_trade_kw(tables, copy_a, copy_b)
    for _ in range(steps):
        reflected = np.concatenate([2 * trade - copy_a, -2 * trade - copy_b])
        received = border_kw + ends @ reflected
        primal = _move_plans(tables, plan, received, balance_dual, energy_dual)
        shift = -tables.spread[:, None] * balance_dual
        primal += _move_copies(tables, copy_a, trade, shift[tables.link_a])
        primal += _move_copies(tables, copy_b, -trade, shift[tables.link_b])
        before, trade = trade, inner_trade_kw(tables, copy_a, copy_b)
        dual = float(np.sum((trade - before) ** 2))
    return primal, dual


def to_ends(tables: Tables) -> sp.csr_matrix:
    """Sums up copies of inner links at stations [station, copy at a then copy at b]."""
    ends = np.concatenate([tables.link_a, tables.link_b])
    copies = np.arange(len(ends))
    return sp.csr_matrix(
        (np.ones(len(ends)), (ends, copies)), shape=(len(tables.need_kw), len(ends))
    )


def inner_trade_kw(tables: Tables, copy_a: Work, copy_b: Work) -> Work:
    """The trade between both copies of each inner link [link, time], into station a.

    The minimiser of fee |z| + rho_a/2 (z - copy_a)^2 + rho_b/2 (z + copy_b)^2, |z| <= capacity.
    """
    meeting = tables.weight_a[:, None] * copy_a - tables.weight_b[:, None] * copy_b
    fee_kw, capacity_kw = tables.fee_kw[:, None], tables.capacity_kw[:, None]
    wanted = meeting - np.clip(meeting, -fee_kw, fee_kw)
    return np.asarray(np.clip(wanted, -capacity_kw, capacity_kw))


def nearest_plan(tables: Tables, plan: Work) -> Work:
    """The plan nearest to ``plan`` in cost and distance that keeps bounds and limits.

    For each station and hour: the minimiser over (g, charge, discharge, energy) of the grid
    supply's cost plus rho/2 the squared distance. The cost of g is piecewise linear and
    convex with pieces, cheapest first: own PV, selling less, buying, leaving demand unserved; g
    is the sum of what is used of each.
    """
    battery_kw = tables.battery_kw[:, None]
    nearest = np.empty_like(plan)
    pv, sell, buy, unserved = _supply(tables, plan[0])
    nearest[0] = pv - sell + buy + unserved
    np.clip(plan[1:3], 0, battery_kw, out=nearest[1:3])
    np.clip(plan[3], tables.e_min_kwh[:, None], tables.e_max_kwh[:, None], out=nearest[3])
    nearest[3, :, -1] = np.clip(plan[3, :, -1], tables.e_last_kwh, tables.e_max_kwh)
    limited = frozen(np.flatnonzero(tables.limit_row >= 0), np.int64)
    if limited.size:
        withdrawal = tables.need_kw + nearest[1] - nearest[2] - pv - unserved
        _keep_limits(tables, plan, nearest, withdrawal, limited)
    return nearest


def _supply(tables: Tables, wanted_kw: Work) -> tuple[Work, Work, Work, Work]:
    """PV used, sold, bought and unserved of the nearest g."""
    pv_kw, limit_kw = tables.pv_kw, tables.grid_limit_kw[:, None]
    beyond_pv = wanted_kw - pv_kw
    pv = np.clip(wanted_kw + limit_kw, 0, pv_kw)
    sell = np.clip(tables.sell_kw - beyond_pv, 0, limit_kw)
    buy = np.clip(beyond_pv - tables.buy_kw, 0, limit_kw)
    unserved = np.clip(beyond_pv - limit_kw - tables.unserved_kw, 0, np.maximum(tables.need_kw, 0))
    return pv, sell, buy, unserved


def _keep_limits(
    tables: Tables, plan: Work, nearest: Work, withdrawal: Work, rows: IntArray
) -> None:
    """Replaces the entries of ``nearest`` whose withdrawal breaks a limit."""
    lower = tables.limit_min_kw[tables.limit_row[rows]]
    upper = tables.limit_max_kw[tables.limit_row[rows]]
    target = np.clip(withdrawal[rows], lower, upper)
    which, hour = np.nonzero(target != withdrawal[rows])
    if which.size:
        station = rows[which]
        nearest[:3, station, hour] = limit_shift_kw(
            plan[:3, station, hour],
            target[which, hour],
            tables.need_kw[station, hour],
            tables.pv_kw[station, hour],
            tables.battery_kw[station],
            tables.grid_limit_kw[station],
            (tables.sell_kw[hour], tables.buy_kw[hour], tables.unserved_kw),
        )


def _move_plans(
    tables: Tables, plan: Work, received: Work, balance_dual: Work, energy_dual: Work
) -> float:
    """Projects the reflected plans on the balance rows and relaxes; returns the sum of squares."""
    gain, drain = tables.gain[:, None], tables.drain[:, None]
    nearest = nearest_plan(tables, plan)
    move = nearest - plan  # z - w, to become x - z = z - w - (costs + rows' nu) / rho
    move[1] -= tables.charge_kw[:, None]
    move[2] -= tables.discharge_kw[:, None]
    point = move + nearest
    balance = point[0] - point[1] + point[2] + received - tables.need_kw
    energy = point[3] - gain * point[1] + drain * point[2]
    energy[:, 0] -= tables.e_start_kwh
    energy[:, 1:] -= point[3, :, :-1]
    _solve_rows(tables, balance, energy, balance_dual, energy_dual)
    move[0] -= tables.step * balance_dual
    move[1] += tables.step * (balance_dual + gain * energy_dual)
    move[2] -= tables.step * (balance_dual + drain * energy_dual)
    move[3] -= tables.energy_step * energy_dual
    move[3, :, :-1] += tables.energy_step * energy_dual[:, 1:]
    plan += tables.relaxation * move
    return float(np.sum(move * move))


def _solve_rows(
    tables: Tables, balance: Work, energy: Work, balance_dual: Work, energy_dual: Work
) -> None:
    """Solves K nu = residual by eliminating the balance rows."""
    starts = tables.group_start
    for group, (start, stop) in enumerate(itertools.pairwise(starts)):
        rows = tables.order[start:stop] if len(starts) > 2 else slice(None)
        ratio = tables.cross[group] / tables.balance[group]
        energy_dual[rows] = (energy[rows] - ratio * balance[rows]) @ tables.inverse[group]
        balance_dual[rows] = (
            balance[rows] - tables.cross[group] * energy_dual[rows]
        ) / tables.balance[group]


def _move_copies(tables: Tables, copy: Work, trade: Work, shift: Work) -> float:
    """One end's copies: the projection adds the same ``shift`` to all links of a station."""
    move = trade - copy + shift
    copy += tables.relaxation * move
    return float(np.sum(move * move))
