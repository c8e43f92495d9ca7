"""The errors of the domain.

RoadvoltError
├── CaseError            a case cannot be used; lists every problem with file, place and remedy
├── SolveError           an optimisation ended without a usable answer
│   ├── InfeasibleError  no point meets the limits; names them, and by how much they are missed
│   └── SolverMissing    the solver asked for is not installed or has no licence
├── UnreachableCorrelation  no normal scores give two distributions the correlation asked for
├── PowerFlowError       an exact power flow did not converge
├── AgreementError       the parties did not agree; names the limits and stations that block
├── NegotiationError     the stations' negotiation did not reach its certified gap
├── RoundMismatch        a message belongs to another round than the one under way
├── OutOfTurn            something was asked before what must come first
├── MessageLost          a message stayed without reply however often it was sent
├── HostLost             a host of agents died and could not be brought back
└── ResultsError         a results folder is missing, foreign or damaged

Every constructor passes all its arguments to ``super().__init__``: otherwise an error does not
come back from another process as itself.
"""

from __future__ import annotations

from dataclasses import dataclass


class RoadvoltError(Exception):
    """The root of all errors that this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a case: where it stands, what is wrong, what to do about it."""

    place: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.fault}; {self.remedy}"


class CaseError(RoadvoltError):
    """A case cannot be used. ``problems`` holds every fault found, not only the first."""

    def __init__(self, case: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(case, problems)
        self.case, self.problems = case, problems

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"case '{self.case}' is not usable, {count} problem{'s' * (count != 1)}:"
        return "\n".join([head, *(f"- {problem}" for problem in self.problems)])


class SolveError(RoadvoltError):
    """An optimisation ended without a usable answer."""

    def __init__(self, what: str, solver: str, ending: str, detail: str = "") -> None:
        super().__init__(what, solver, ending, detail)
        self.what, self.solver, self.ending, self.detail = what, solver, ending, detail

    def __str__(self) -> str:
        tail = f": {self.detail}" if self.detail else ""
        return f"{self.what}: {self.solver} ended '{self.ending}'{tail}"


#: How many limits the message of an ``InfeasibleError`` names; ``misses`` has all.
_MISSES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class LimitMiss:
    """A limit that cannot be kept: its name (element, phase, hour) and the smallest excess."""

    limit: str
    excess: float
    unit: str

    def __str__(self) -> str:
        return f"{self.limit} is missed by {self.excess:.4g} {self.unit}"


class InfeasibleError(SolveError):
    """No point meets all limits. ``misses`` are the smallest excesses that would be needed."""

    def __init__(
        self, what: str, solver: str, misses: tuple[LimitMiss, ...], remedy: str = ""
    ) -> None:
        parts = (_listed(misses), remedy)
        super().__init__(what, solver, "infeasible", "; ".join(part for part in parts if part))
        self.args = (what, solver, misses, remedy)
        self.misses, self.remedy = misses, remedy


def _listed(misses: tuple[LimitMiss, ...]) -> str:
    """The first few; a grid that fails may miss hundreds."""
    shown = [str(miss) for miss in misses[:_MISSES_SHOWN]]
    rest = len(misses) - len(shown)
    return "; ".join([*shown, f"and {rest} more"] if rest else shown)


class SolverMissing(SolveError):
    """The solver asked for is not installed or not licensed."""

    def __init__(self, solver: str, remedy: str) -> None:
        super().__init__("solver not available", solver, "missing", remedy)
        self.args = (solver, remedy)
        self.remedy = remedy


class UnreachableCorrelation(RoadvoltError):
    """No correlation of normal scores gives two distributions the one asked for."""

    def __init__(self, asked: float, lowest: float, highest: float) -> None:
        super().__init__(asked, lowest, highest)
        self.asked, self.lowest, self.highest = asked, lowest, highest

    def __str__(self) -> str:
        return (
            f"a correlation of {self.asked:g} is out of reach: these two distributions allow "
            f"{self.lowest:.4f} to {self.highest:.4f}"
        )


class PowerFlowError(RoadvoltError):
    """An exact power flow did not converge."""

    def __init__(self, what: str, failed: int, total: int) -> None:
        super().__init__(what, failed, total)
        self.what, self.failed, self.total = what, failed, total

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.failed} of {self.total} power flows did not converge; "
            "the load is beyond what the wires can carry: lower it, or raise the feeder's voltage"
        )


class AgreementError(RoadvoltError):
    """Stations and distribution operator did not agree within the rounds allowed."""

    def __init__(self, rounds: int, blocking: tuple[str, ...], stations: tuple[str, ...]) -> None:
        super().__init__(rounds, blocking, stations)
        self.rounds, self.blocking, self.stations = rounds, blocking, stations

    def __str__(self) -> str:
        return (
            f"no agreement after {self.rounds} rounds: "
            f"blocked by {', '.join(self.blocking) or 'no limit that could be named'}; "
            f"stations concerned: {', '.join(self.stations) or 'none'}"
        )


class NegotiationError(RoadvoltError):
    """The stations' negotiation stopped at its iteration limit, above the gap asked for."""

    def __init__(self, iterations: int, gap: float, tolerance: float) -> None:
        super().__init__(iterations, gap, tolerance)
        self.iterations, self.gap, self.tolerance = iterations, gap, tolerance

    def __str__(self) -> str:
        return (
            f"negotiation stopped after {self.iterations} iterations at a certified gap of "
            f"{self.gap:.3g} > {self.tolerance:.3g}; allow more iterations or a larger gap"
        )


class RoundMismatch(RoadvoltError):
    """A message is stamped with another round than the one under way."""

    def __init__(self, sender: str, expected: int, received: int) -> None:
        super().__init__(sender, expected, received)
        self.sender, self.expected, self.received = sender, expected, received

    def __str__(self) -> str:
        return f"message of {self.sender} is from round {self.received}, expected {self.expected}"


class OutOfTurn(RoadvoltError):
    """Something was asked before what must come first."""

    def __init__(self, asked: str, first: str) -> None:
        super().__init__(asked, first)
        self.asked, self.first = asked, first

    def __str__(self) -> str:
        return f"{self.asked}: {self.first} first"


class MessageLost(RoadvoltError):
    """A message to an agent stayed without reply."""

    def __init__(self, agent: str, sendings: int) -> None:
        super().__init__(agent, sendings)
        self.agent, self.sendings = agent, sendings

    def __str__(self) -> str:
        return f"no reply from '{self.agent}' after {self.sendings} sendings of one message"


class HostLost(RoadvoltError):
    """A host of agents died more often than it may be restarted."""

    def __init__(self, host: str, restarts: int) -> None:
        super().__init__(host, restarts)
        self.host, self.restarts = host, restarts

    def __str__(self) -> str:
        return (
            f"host '{self.host}' was lost after {self.restarts} restarts; look for what kills it "
            "(memory?) in Ray's logs"
        )


class ResultsError(RoadvoltError):
    """A results folder is missing, foreign or damaged."""

    def __init__(self, folder: str, fault: str) -> None:
        super().__init__(folder, fault)
        self.folder, self.fault = folder, fault

    def __str__(self) -> str:
        return f"{self.folder}: {self.fault}"
