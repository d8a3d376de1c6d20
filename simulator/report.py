"""What can be known of a shop whose truth is known, as figures."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.actions import ACTIONS, NOTHING, POP_UP
from simulator.bounds import BUDGETS, Worth, auc_range, average_precision, best_value, drawn, mean, roc_auc, value
from simulator.columns import Floats, Ints
from simulator.popups import POLICIES
from simulator.segments import SEGMENTS
from simulator.shop import Shop
from simulator.stages import STAGES
from simulator.truth import Truth, changes

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
NOTICEABLE = 0.002
"""Uplift, as a probability, from which on a visitor counts as persuaded, or below its negative as put off."""

CHOICES = {"pop_up_alone": [NOTHING, POP_UP], "pop_up_or_offer": list(range(len(ACTIONS)))}
"""The actions that a policy may choose from."""


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
        "roc_auc_of_last_fifth": _last_fifth(truth, repetitions),
        "uplift": _uplift(truth.uplift(POP_UP)),
        "conversions_a_1000_moments": {name: _policies(truth.converts, actions) for name, actions in CHOICES.items()},
        "dollars_a_1000_moments": {name: _policies(worth, actions) for name, actions in CHOICES.items()},
        "stages": _shares(STAGES, truth.stage),
        "segments": _shares([segment.name for segment in SEGMENTS], truth.segment),
        "changes": changes(shop),
    }


def as_json(figures: Mapping[str, Any]) -> str:
    """The figures as JSON, which has no NaN: null."""
    return json.dumps(json.loads(json.dumps(figures), parse_constant=lambda _: None), indent=1)


def _last_fifth(truth: Truth, repetitions: int) -> dict[str, float]:
    """Between which ROC-AUCs 95 % of those of the true ranking fall, on as many moments as a test set may have."""
    latest = truth.converts[np.argsort(truth.at_us), POP_UP][len(truth) * 4 // 5 :]
    low, high = auc_range(latest, repetitions)
    return {"moments": len(latest), "positives_expected": float(latest.sum()), "low": low, "high": high}


def _policies(values: Floats, actions: Sequence[int]) -> dict[str, float]:
    """The value of 1,000 moments of policies with no other actions: those a shop may have followed, and the best."""
    shares = {policy.name: np.array(policy.shares) / sum(policy.shares) for policy in POLICIES}
    followed = {
        name: value(values, np.tile(share, (len(values), 1)))
        for name, share in shares.items()
        if set(np.flatnonzero(share)) <= set(actions)
    }
    best = {f"best_within_{budget:.0%}": best_value(values[:, actions], budget) for budget in BUDGETS}
    return {name: 1000 * figure for name, figure in (followed | best).items()}


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
