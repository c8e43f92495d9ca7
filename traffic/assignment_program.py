"""The hourly assignment as a linear program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ..core.solve import LinearProgram, LinearSolution
from ..core.units import FloatArray
from .layered_graph import LayeredGraph, incidence
from .waiting import WaitingSteps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssignmentProgram:
    """What the programs of all hours share.

    Columns: flow on every link [veh/h], then arrivals in every waiting step [EV/h]. Rows: balance
    of every node, capacity of every arc, arrivals of every site = sum of its steps.
    """

    graph: LayeredGraph
    steps: WaitingSteps
    step_cost: FloatArray
    matrix: sp.csc_matrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourSolution:
    """Flows [link] and the prices of arcs [arc] and sites [site], each >= 0."""

    link_flow: FloatArray
    road_price: FloatArray
    queue_price: FloatArray


def build_assignment_program(
    graph: LayeredGraph, steps: WaitingSteps, delay_cost_per_min: float
) -> AssignmentProgram:
    """The rows of the program; a minute in a queue costs as much as a minute of delay."""
    balance = incidence(graph.head, len(graph.place)) - incidence(graph.tail, len(graph.place))
    roads = incidence(graph.arc, len(graph.arcs))
    sites = incidence(graph.site, len(steps.wait_min))
    of_site = np.repeat(np.arange(len(steps.wait_min)), steps.wait_min.shape[1])
    matrix = sp.bmat(
        [[balance, None], [roads, None], [sites, -incidence(of_site, len(steps.wait_min))]],
        format="csc",
    )
    return AssignmentProgram(
        graph=graph,
        steps=steps,
        step_cost=delay_cost_per_min * steps.wait_min.ravel(),
        matrix=matrix,
    )


def hour_program(
    program: AssignmentProgram, link_cost: FloatArray, demand: FloatArray
) -> LinearProgram:
    """min link_cost'f + step_cost'q  s.t. the rows, 0 <= q <= width, f >= 0.

    Args:
        program: the rows.
        link_cost: cost of a vehicle on each link [link].
        demand: vehicles an hour [trip, class].
    """
    graph, steps = program.graph, program.steps
    supply = np.zeros(len(graph.place))
    np.add.at(supply, graph.source, -demand)
    np.add.at(supply, graph.terminal, demand)
    free, none = np.full(len(graph.arcs), -np.inf), np.zeros(len(steps.wait_min))
    return LinearProgram(
        cost=np.concatenate([link_cost, program.step_cost]),
        matrix=program.matrix,
        row_lower=np.concatenate([supply, free, none]),
        row_upper=np.concatenate([supply, graph.arc_capacity_veh_per_h, none]),
        col_lower=np.zeros(program.matrix.shape[1]),
        col_upper=np.concatenate([np.full(len(link_cost), np.inf), steps.width_ev_per_h.ravel()]),
    )


def read_hour(program: AssignmentProgram, solution: LinearSolution) -> HourSolution:
    """Flows and prices. A price is - d objective / d bound.

    Where nobody charges, the dual of a site is only bounded from above and may come out negative;
    0 is then a dual as well, and the sensible price of an empty queue.
    """
    nodes, arcs = len(program.graph.place), len(program.graph.arcs)
    price = np.maximum(-solution.row_dual[nodes:], 0.0)
    return HourSolution(
        link_flow=np.maximum(solution.x[: len(program.graph.tail)], 0.0),
        road_price=price[:arcs],
        queue_price=price[arcs:],
    )
