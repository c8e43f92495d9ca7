"""From the answers of all tasks to the tables that ``schema`` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from ...planning.der.choices import DerMethod, DerModel
from ...planning.der.information import price_of_robustness
from ...planning.der.solve import ADAPTIVE
from .rows import BENCHMARK_KEYS
from .schema import DER_TABLES

KEYS: Final = ["model", "load_budget", "pv_budget", "method"]


def build_tables(answers: Sequence[Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    """All tables in the order of models, budgets and methods, whatever the order of tasks."""
    plans = sorted((one for one in answers if one["what"] == "plan"), key=_place)
    benchmark, curve = (_only(answers, what) for what in ("benchmark", "curve"))
    evaluated = [*plans, {**benchmark, "keys": BENCHMARK_KEYS}]
    tables = {name: _table(name, plans) for name in ("plans", "steps", "sites", "worst")}
    tables |= {name: _table(name, evaluated) for name in ("out_of_sample", "days")}
    tables["benchmark"] = pd.DataFrame(benchmark["tables"].get("benchmark", {}))
    tables["autonomy_curve"] = pd.DataFrame(curve["tables"].get("autonomy_curve", {}))
    tables["deviation"] = _deviation(tables)
    tables["robustness"] = _robustness(tables)
    return {
        name: tables[name].reindex(columns=list(columns)) for name, columns in DER_TABLES.items()
    }


def _place(answer: Mapping[str, Any]) -> tuple[int, int, int, int]:
    keys = answer["keys"]
    model, method = DerModel(keys["model"]), DerMethod(keys["method"])
    budgets = keys["load_budget"], keys["pv_budget"]
    return list(DerModel).index(model), *budgets, list(DerMethod).index(method)


def _only(answers: Sequence[Mapping[str, Any]], what: str) -> Mapping[str, Any]:
    return next(answer for answer in answers if answer["what"] == what)


def _table(name: str, answers: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    columns = list(DER_TABLES[name])
    parts = [
        pd.DataFrame({**_repeated(answer["keys"], rows), **rows})
        for answer in answers
        if (rows := _rows(name, answer)) and len(next(iter(rows.values())))
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _rows(name: str, answer: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Columns of one plan's table; a plan that is not there has one row among the plans."""
    if not answer["failure"]:
        rows: dict[str, list[Any]] = answer["tables"][name]
        return rows
    if name != "plans":
        return {}
    missing = {column: [float("nan")] for column in DER_TABLES["plans"] if column not in KEYS}
    return missing | {
        "status": ["no plan"],
        "reason": [answer["failure"]],
        "certificate": [""],
        **{name: [0] for name in ("iterations", "pv_sites", "battery_sites")},
    }


def _repeated(keys: Mapping[str, Any], rows: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    count = len(next(iter(rows.values())))
    return {name: [value] * count for name, value in keys.items()}


def _deviation(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """By how much every plan differs from the benchmark."""
    table = _there(tables["plans"])[[*KEYS, "pv_kw", "battery_kwh"]]
    if table.empty or tables["benchmark"].empty:
        return table.head(0)
    best = tables["benchmark"].iloc[0]
    table = table.merge(tables["out_of_sample"][[*KEYS, "row_cost"]], on=KEYS, how="left")
    for name in ("pv_kw", "battery_kwh"):
        table[name] = table[name].astype(float) - best[name]
    # Where nothing is built with perfect information there is no share of it.
    table["pv_share"] = table["pv_kw"] / (best["pv_kw"] or float("nan"))
    table["battery_share"] = table["battery_kwh"] / (best["battery_kwh"] or float("nan"))
    table["cost_share"] = table["row_cost"] / best["objective"] - 1
    return table


def _robustness(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Of models with budgets, where budget 0 is among them."""
    plans = _there(tables["plans"])
    plans = plans[plans["model"].isin(ADAPTIVE)]
    fresh = tables["out_of_sample"].set_index(KEYS)["cost_mean"]
    rows: list[dict[str, Any]] = []
    for (model, method), group in plans.groupby(["model", "method"], sort=False):
        budgets = group.drop_duplicates("load_budget").set_index("load_budget")
        prices = price_of_robustness(budgets["objective"].to_dict())
        mean = {
            budget: float(fresh[model, budget, row["pv_budget"], method])
            for budget, row in budgets.iterrows()
        }
        outside = price_of_robustness(mean)
        rows += [
            {
                "model": model,
                "load_budget": budget,
                "pv_budget": budgets["pv_budget"][budget],
                "method": method,
                "objective": budgets["objective"][budget],
                "price": prices[budget],
                "out_of_sample": outside[budget],
            }
            for budget in prices
        ]
    return pd.DataFrame(rows, columns=list(DER_TABLES["robustness"]))


def _there(plans: pd.DataFrame) -> pd.DataFrame:
    return plans[plans["status"] != "no plan"]
