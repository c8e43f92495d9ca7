"""Errors cross processes: each must come back as itself, with its fields and its message."""

import inspect
import pickle

import pytest

from roadvolt.core import errors
from roadvolt.core.errors import (
    AgreementError,
    CaseError,
    HostLost,
    InfeasibleError,
    LimitMiss,
    MessageLost,
    NegotiationError,
    OutOfTurn,
    PowerFlowError,
    Problem,
    ResultsError,
    RoadvoltError,
    RoundMismatch,
    SolveError,
    SolverMissing,
    UnreachableCorrelation,
)

MISSES = tuple(LimitMiss(f"line {k} phase a 14:00", 2.5 + k, "kVA") for k in range(8))

#: One of each class, and words that its message must hold.
EXAMPLES = [
    (RoadvoltError("anything"), ["anything"]),
    (
        CaseError("town", (Problem("loads.csv row 3", "bus 'x' is unknown", "name a bus"),)),
        ["'town'", "1 problem:", "loads.csv row 3", "bus 'x' is unknown", "name a bus"],
    ),
    (SolveError("market", "HiGHS", "limit", "Time limit"), ["market", "'limit'", "Time limit"]),
    (
        InfeasibleError("review", "Clarabel", MISSES),
        ["review", "infeasible", "line 0 phase a 14:00 is missed by 2.5 kVA", "and 2 more"],
    ),
    (SolverMissing("MOSEK", "install it"), ["MOSEK", "missing", "install it"]),
    (UnreachableCorrelation(0.9, -0.5, 0.8), ["0.9 is out of reach", "-0.5000 to 0.8000"]),
    (PowerFlowError("verification", 3, 24), ["verification", "3 of 24"]),
    (AgreementError(4, ("line 7",), ("s1", "s2")), ["4 rounds", "line 7", "s1, s2"]),
    (NegotiationError(900, 2e-3, 1e-3), ["900 iterations", "0.002 > 0.001"]),
    (RoundMismatch("station-2", 5, 4), ["station-2", "from round 4", "expected 5"]),
    (OutOfTurn("runtime", "start it"), ["runtime", "start it first"]),
    (HostLost("stations-0", 3), ["'stations-0'", "3 restarts"]),
    (MessageLost("dso", 8), ["'dso'", "8 sendings"]),
    (ResultsError("runs/x", "summary.json is missing"), ["runs/x", "summary.json is missing"]),
]


def test_there_is_an_example_of_every_error():
    classes = {c for _, c in inspect.getmembers(errors, inspect.isclass)}
    assert {type(e) for e, _ in EXAMPLES} == {c for c in classes if issubclass(c, Exception)}


@pytest.mark.parametrize(("error", "words"), EXAMPLES, ids=lambda x: type(x).__name__)
def test_an_error_comes_back_from_another_process_as_itself(error, words):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert back.args == error.args
    assert str(back) == str(error)
    for word in words:
        assert word in str(back)
