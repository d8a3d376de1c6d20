"""What can be known of a shop whose truth is known, as figures."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.actions import NOTHING, POP_UP
from simulator.bounds import BUDGETS, Worth, average_precision, best_value, drawn, mean, roc_auc, value
from simulator.columns import Floats, Ints
from simulator.popups import POLICIES
from simulator.segments import SEGMENTS
from simulator.shop import Shop
from simulator.stages import STAGES
from simulator.truth import Truth, changes

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
NOTICEABLE = 0.002
"""Uplift, as a probability, from which on a visitor counts as persuaded, or below its negative as put off."""


def report(shop: Shop, truth: Truth, repetitions: int = 400) -> dict[str, Any]:
    """Which world it is, the bounds of ranking and of policies, the uplift's distribution, and when the shop changes.

    Policies are valued once, at the moments to which the shop's own policy led. What can't be known is NaN.
    """
    asked = truth.converts[:, POP_UP]
    drawn_auc, drawn_precision = drawn(asked, repetitions)
    worth = Worth().of(truth)
    return {
        "about": "A simulated shop: no figure says anything about real visitors.",
        "seed": shop.seed,
        "first_day": shop.first_day.isoformat(),
        "days": shop.days,
        "sessions_per_day": shop.sessions_per_day,
        "time_zone": shop.time_zone,
        "moments": len(truth),
        "moments_a_day": len(truth) / shop.days,
        "shown": int((truth.action != NOTHING).sum()),
        "converted": int(truth.has_converted.sum()),
        "prevalence_if_always_shown": mean(asked),
        "prevalence_if_never_shown": mean(truth.converts[:, NOTHING]),
        "bayes": {
            "roc_auc": roc_auc(asked),
            "roc_auc_drawn": drawn_auc,
            "average_precision": average_precision(asked),
            "average_precision_drawn": drawn_precision,
        },
        "uplift": _uplift(truth.uplift(POP_UP)),
        "conversions_a_1000_moments": {name: 1000 * figure for name, figure in _policies(truth.converts).items()},
        "dollars_a_1000_moments": {name: 1000 * figure for name, figure in _policies(worth).items()},
        "stages": _shares(STAGES, truth.stage),
        "segments": _shares([segment.name for segment in SEGMENTS], truth.segment),
        "changes": changes(shop),
    }


def as_json(figures: Mapping[str, Any]) -> str:
    """The figures as JSON, which has no NaN: null."""
    return json.dumps(json.loads(json.dumps(figures), parse_constant=lambda _: None), indent=1)


def _policies(values: Floats) -> dict[str, float]:
    """The mean value, a moment, of each policy a shop may have followed, and of the best one under each budget."""
    rows = len(values)
    logged = {
        policy.name: value(values, np.tile(np.array(policy.shares) / sum(policy.shares), (rows, 1)))
        for policy in POLICIES
    }
    return logged | {f"best_within_{budget:.0%}": best_value(values, budget) for budget in BUDGETS}


def _uplift(uplift: Floats) -> dict[str, Any]:
    return {
        "mean": mean(uplift),
        "quantiles": {
            f"{quantile:.0%}": float(np.quantile(uplift, quantile)) if len(uplift) else float("nan")
            for quantile in QUANTILES
        },
        "persuaded_share": mean(uplift > NOTICEABLE),
        "put_off_share": mean(uplift < -NOTICEABLE),
    }


def _shares(names: Sequence[str], codes: Ints) -> dict[str, float]:
    return {name: mean(codes == code) for code, name in enumerate(names)}
