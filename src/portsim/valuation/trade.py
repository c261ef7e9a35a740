"""Account A, the trade indicator: cargo that shorter truck waits let into the US, by the documents' rule.

The rule is linear; its exponential form is an option. Gross cargo value, no benefit. The rule speaks of the whole
border, so that each port has its share, and shares sum to no more than one. Minutes are those saved by the same trucks,
at the port they use in the base; a port without trade of its own has no share, and adds none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from portsim.valuation.economics import AS_IS_MIN, EXTRAPOLATED, EXTRAPOLATED_MIN, Rule, Saving
from portsim.valuation.parameters import Parameter, Parameters
from portsim.valuation.terms import Term

Floats = npt.NDArray[np.float64]

ACCOUNT = "trade"
BEYOND = "beyond the rule's reach"
MONTHS = 12
ALL_LINES = "all"
RULE, RANGE = "cargo-rule", "cargo-rule-range"


def with_rule(parameters: Parameters, rule: Rule) -> Parameters:
    """Return the parameters with the figures of a study's cargo rule and of its ports' shares among them.

    Raises ValueError for shares that sum to more than one.
    """
    if sum(rule.shares.values()) > 1:
        raise ValueError("the ports' shares sum to more than one: they cannot have more than the border")
    year, growth = parameters.settings.trade_year, parameters.parameters["trade-growth"].value or 0.0
    own = {
        RULE: _figure(
            "the cargo rule, whole border",
            rule.usd_per_month_per_10_min * MONTHS / 10,
            "dollars of cargo a year per minute",
            "atlantic-council",
        ),
        RANGE: Parameter(
            label="range of the cargo rule",
            value=1.0,
            low=min(rule.low_factor, 1.0),
            high=max(rule.high_factor, 1.0),
            shape="triangular",
            unit="factor",
            source="atlantic-council",
            **{"class": "derived"},
        ),
        "imports": _figure(
            f"truck imports of the border, {year}",
            parameters.trade.imports(year, growth),
            "dollars of cargo a year",
            parameters.trade.source,
        ),
    }
    linear = parameters.settings.trade_form == "linear"
    for port, share in rule.shares.items():
        held = share if linear else parameters.trade.share(port, year)
        dated = "" if linear else f", {year}"
        own[f"share-{port}"] = _figure(
            f"share of {port} in truck imports{dated}", held, "share", parameters.trade.source
        )
    return parameters.model_copy(update={"parameters": {**parameters.parameters, **own}})


def _figure(label: str, value: float, unit: str, source: str) -> Parameter:
    return Parameter(label=label, value=value, unit=unit, source=source, **{"class": "derived"})


def terms(saving: Saving, parameters: Parameters, flags: Mapping[str, str]) -> list[Term]:
    """Return the terms of the account: the cargo of each port with a share, and the US content of it.

    `parameters` hold the rule (`with_rule`); `flags` say what limits a port's figure. Beyond the rule's reach the
    value is NaN.
    """
    found: list[Term] = []
    linear = parameters.settings.trade_form == "linear"
    for number, port in enumerate(saving.ports):
        share = f"share-{port}"
        minutes = saving.minutes[:, number]
        if share not in parameters.parameters or not parameters.parameters[share].value or np.isnan(minutes).any():
            continue
        quantity, flag = within_reach(minutes)
        figures = (RULE, RANGE, share) if linear else ("imports", share)
        exponent = "" if linear else "trade-response"
        note = "; ".join(dict.fromkeys(word for word in (flags.get(port, ""), flag) if word))
        for component, extra in (("cargo", ()), ("us_content", ("us-content",))):
            found.append(
                Term(
                    ACCOUNT,
                    component,
                    *(port, "truck", ALL_LINES),
                    quantity=quantity,
                    unit="minutes",
                    figures=(*figures, *extra),
                    exponent=exponent,
                    note=note if component == "cargo" else "; ".join(filter(None, ("a part of cargo", note))),
                    chain=f"{minutes.mean():.2f} min saved by the same trucks",
                )
            )
    return found


def within_reach(minutes: Floats) -> tuple[Floats, str]:
    """Return minutes as the rule may use them, NaN where it may not, and what is said of it."""
    size = abs(float(minutes.mean()))
    if size > EXTRAPOLATED_MIN:
        return np.full_like(minutes, np.nan), BEYOND
    return minutes, EXTRAPOLATED if size > AS_IS_MIN else ""
