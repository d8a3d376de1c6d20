"""The model card: what a version is for and how far to trust it, in Markdown that a marketer can read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from ml.bundle import BundleFeature
from ml.evaluation import Scorecard
from ml.intervals import Interval
from ml.policy_evaluation import PolicyComparison, ThresholdChoice, recommendation
from ml.power import least_difference
from ml.search import nearby_spread
from ml.training import Fitted

SHOWN_FEATURES = 8

_MEANINGS: Mapping[str, str] = {
    "roc_auc": "how often a converter is scored above somebody else; 0.5 is chance (ROC-AUC)",
    "average_precision": "precision averaged over all recalls; chance is the share of positives",
    "recall": "share of converters at or above the threshold",
    "precision": "share of converters among those at or above the threshold",
    "specificity": "share of the others that are spared",
    "impressions_share": "share of rows at or above the threshold",
    "lift_top_decile": "conversions in the best-scored tenth, against average",
    "brier": "mean squared error of the probabilities; lower is better",
    "calibration_error": "mean distance of predicted from observed rates; lower is better",
    "train_test_gap": "ROC-AUC lost from training to test; large means learnt by heart",
}


@dataclass(frozen=True)
class Origin:
    """Where a version's data come from; days are YYYY-MM-DD."""

    trained_from: str
    trained_to: str
    is_simulated: bool

    def __str__(self) -> str:
        kind = "Simulated data; says nothing of a real shop" if self.is_simulated else "Data of the shop"
        return f"{kind}. Training days {self.trained_from} to {self.trained_to}."


def model_card(
    fitted: Fitted[BundleFeature],
    scorecard: Scorecard,
    policies: PolicyComparison | None,
    choices: Sequence[ThresholdChoice],
    origin: Origin,
) -> str:
    """The card of a yes-or-no model; `policies` and `choices` are given where the score decides what is shown."""
    spec, best = fitted.spec, fitted.trials[0]
    settings = ", ".join(f"{name} {value}" for name, value in best.params.items())
    features = ", ".join(f"`{name}` {share:.0%}" for name, share in list(fitted.importance().items())[:SHOWN_FEATURES])
    sections = {
        spec.name: spec.description,
        "In short": "\n\n".join(
            [_verdict(scorecard), *_power(scorecard), *(_policies(policies, scorecard) if policies else ())]
        ),
        "Data": f"{origin} Label `{spec.label}`: {fitted.positives:,} of {fitted.rows:,} training rows and "
        f"{scorecard.positives:,} of {scorecard.rows:,} test rows, which are the last days, are positive.",
        "Figures on the test days": _figures(scorecard.intervals),
        **({"Other thresholds": _choices(spec.name, choices)} if choices else {}),
        "How it was chosen": f"{len(fitted.trials)} settings were compared by {spec.metric} on {spec.folds} "
        f"folds of the training rows; best was {best.candidate.family} at {best.mean:.3f} ± "
        f"{best.deviation:.3f} ({settings}){_beside(fitted)}. The threshold {fitted.threshold:.4f} keeps "
        "the most conversions that the impression budget allows, on rows that the model had not seen.",
        "What it looks at": features + _left_out(fitted),
        "Limits": "A score says how likely an answer is, not why, nor what showing something would change. "
        "Intervals resample users of these test days; another season may lie outside them.",
        "Pictures": "`plots/` of the run: ROC, precision and recall, calibration, lift, importance; what pushes "
        "scores up or down; groups of visitors, and errors; of the training rows, levels "
        "that tell of the label and principal components.",
    }
    return markdown(sections)


def markdown(sections: Mapping[str, str]) -> str:
    """A card of sections by their heading; the first one is the title with the purpose."""
    (title, purpose), *rest = sections.items()
    return "\n\n".join((f"# {title}", purpose, further(dict(rest))))


def further(sections: Mapping[str, str]) -> str:
    """Sections of a card by their headings, to follow others."""
    return "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections.items()) + "\n"


def _verdict(scorecard: Scorecard) -> str:
    if scorecard.cannot_tell:
        return (
            f"**Cannot tell.** {scorecard.positives} positives among {scorecard.rows:,} test rows do not "
            f"show that this model ranks better than chance: ROC-AUC {scorecard.roc_auc}."
        )
    return f"It ranks better than chance: ROC-AUC {scorecard.roc_auc}, with 95 % interval."


def _power(scorecard: Scorecard) -> tuple[str, ...]:
    negatives = scorecard.rows - scorecard.positives
    if not min(scorecard.positives, negatives):
        return ()
    least = least_difference(scorecard.roc_auc.value, scorecard.positives, negatives)
    return (
        f"What these rows can show: another test set of {scorecard.positives:,} positives would tell a rival apart "
        f"four times in five only if its ROC-AUC differed by {least:.3f} or more; "
        "half of that needs four times the rows.",
    )


def _beside(fitted: Fitted[BundleFeature]) -> str:
    spread = nearby_spread(fitted.trials)
    return "" if isnan(spread) else f"; settings one step away differ by at most {spread:.3f}"


def _left_out(fitted: Fitted[BundleFeature]) -> str:
    missing = ", ".join(f"`{name}` {share:.0%}" for name, share in fitted.left_out.items())
    limit = fitted.spec.missing_limit
    return f"\n\nLeft out, since {limit:.0%} or more of it is missing: {missing}." if missing else ""


def _policies(policies: PolicyComparison, scorecard: Scorecard) -> tuple[str, str]:
    always, model = policies.always, policies.model
    compared = (
        f"Showing always: {always.impressions:,} shown, {always.conversions:,} conversions "
        f"({_percent(always.conversion_rate)}). Showing at the threshold: {model.impressions:,} shown, "
        f"{model.conversions:,} conversions ({_percent(model.conversion_rate)}), which keeps "
        f"{_percent(policies.conversions_kept)} of the conversions."
    )
    return compared, f"**Recommendation.** {recommendation(policies, scorecard.cannot_tell)}"


def _choices(name: str, choices: Sequence[ThresholdChoice]) -> str:
    rows = [
        f"| {choice.threshold:.4f} | {choice.impressions_share:.0%} | {_percent(choice.conversions_kept)} |"
        for choice in choices
    ]
    head = "| threshold | shown | conversions kept, with 95 % interval |"
    told = f"On the test days. `tactful threshold {name} SCORE` sets one, without training again."
    return "\n".join((told, "", head, "|---|---|---|", *rows))


def _percent(interval: Interval) -> str:
    if interval.value != interval.value:
        return "rate not defined"
    return f"{interval.value:.1%}, {interval.low:.1%} to {interval.high:.1%}"


def _figures(intervals: Mapping[str, Interval]) -> str:
    rows = [f"| {name} | {interval} | {_MEANINGS[name]} |" for name, interval in intervals.items()]
    return "\n".join(("| figure | value, 95 % interval | meaning |", "|---|---|---|", *rows))
