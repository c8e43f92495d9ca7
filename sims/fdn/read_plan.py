"""A plan of a finished planning study, read back from its tables."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ...core.errors import ResultsError
from ...core.units import FloatArray, frozen
from ...planning.fdn.case import FdnCase, Site
from ...planning.fdn.plan import Plan, Sop, Storage
from ..planfile.load import load_fdn_case
from ..results import Run

_KEYS = ("variant", "risk", "algorithm")


def read_plan(
    run: Run,
    *,
    variant: str | None = None,
    risk: float | None = None,
    algorithm: str | None = None,
) -> tuple[FdnCase, Plan]:
    """The case of a planning study and one of its plans; the choices say which, if there are more.

    Raises:
        ResultsError: it is no planning study, or the choices do not leave exactly one plan that
            has all stages of the case.
    """
    if not {"plans", "sops", "sites", "larger_lines"} <= run.tables.keys():
        raise ResultsError(
            str(run.folder), "holds no plans: give the folder of `roadvolt plan fdn`"
        )
    wanted = dict(zip(_KEYS, (variant, risk, algorithm), strict=True))
    keys = _only(run, {name: value for name, value in wanted.items() if value is not None})
    case = load_fdn_case(run.folder / "case")
    tables = {name: _matching(run.tables[name], keys) for name in ("sops", "sites", "larger_lines")}
    if set(tables["sites"]["stage"]) != set(range(1, len(case.stages) + 1)):
        fault = f"variant {keys['variant']} has other stages than the case; choose another variant"
        raise ResultsError(str(run.folder), fault)
    return case, _plan(case, **tables)


def _only(run: Run, wanted: dict[str, object]) -> dict[str, object]:
    plans = run.tables["plans"]
    found = _matching(plans[plans["status"] != "no plan"], wanted)
    if len(found) == 1:
        return {name: found.iloc[0][name] for name in _KEYS}
    held = "; ".join(" ".join(map(str, row)) for row in plans[list(_KEYS)].itertuples(index=False))
    fault = f"{len(found)} plans fit; choose variant, risk and algorithm among: {held}"
    raise ResultsError(str(run.folder), fault)


def _matching(table: pd.DataFrame, keys: dict[str, object]) -> pd.DataFrame:
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def _plan(
    case: FdnCase, sops: pd.DataFrame, sites: pd.DataFrame, larger_lines: pd.DataFrame
) -> Plan:
    stages = range(1, len(case.stages) + 1)

    def at_sites(kind: str, column: str, places: tuple[Site, ...]) -> FloatArray:
        rows = sites[sites["kind"] == kind]
        table = rows.pivot(index="stage", columns="bus", values=column)
        buses = [case.network.buses[site.bus] for site in places]
        return frozen(np.nan_to_num(table.reindex(index=stages, columns=buses).to_numpy(float)))

    return Plan(
        sops=tuple(tuple(_sops(case, sops[sops["stage"] == stage])) for stage in stages),
        evcs_kva=at_sites("evcs", "kva", case.evcs_sites),
        evcs_rated_kw=at_sites("evcs", "rated_kw", case.evcs_sites),
        pv_kva=at_sites("pv", "kva", case.pv_sites),
        pv_rated_kw=at_sites("pv", "rated_kw", case.pv_sites),
        reinforced=tuple(
            tuple(larger_lines[larger_lines["stage"] == stage]["feeder"]) for stage in stages
        ),
        storages=tuple(
            tuple(
                Storage(bus=case.network.index(row.bus), kva=row.kva, kwh=row.kwh)
                for row in sites.itertuples()
                if row.kind == "storage" and row.stage == stage
            )
            for stage in stages
        ),
    )


def _sops(case: FdnCase, rows: pd.DataFrame) -> Iterable[Sop]:
    for slot, ends in rows.groupby("slot"):
        yield Sop(
            slot=int(slot),
            buses=tuple(case.network.index(bus) for bus in ends["bus"]),
            kva=tuple(float(kva) for kva in ends["kva"]),
            line_km=float(ends["line_km"].iloc[0]),
        )
