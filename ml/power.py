"""What a test set of a size can show at all: the power of a comparison of ROC-AUCs."""

from math import sqrt
from statistics import NormalDist

_LEVEL, _POWER = 0.05, 0.8


def standard_error(roc_auc: float, positives: int, negatives: int) -> float:
    """The standard error of a ROC-AUC that rows of both answers show, after Hanley and McNeil (1982).

    Raises:
        ValueError: there is no row of one of the answers.
    """
    if min(positives, negatives) < 1:
        raise ValueError(f"There are {positives} positives and {negatives} others; at least 1 of each is needed.")
    pair_of_positives = roc_auc / (2 - roc_auc)
    pair_of_negatives = 2 * roc_auc**2 / (1 + roc_auc)
    spread = (positives - 1) * (pair_of_positives - roc_auc**2) + (negatives - 1) * (pair_of_negatives - roc_auc**2)
    return sqrt((roc_auc * (1 - roc_auc) + spread) / (positives * negatives))


def least_difference(roc_auc: float, positives: int, negatives: int) -> float:
    """How much a rival's ROC-AUC on rows of its own must differ, to be told apart by four such tests in five.

    Two-sided at 5 %; two models on the same rows are told apart by less, as far as they agree.
    """
    quantile = NormalDist().inv_cdf
    reach = quantile(1 - _LEVEL / 2) + quantile(_POWER)
    return reach * sqrt(2) * standard_error(roc_auc, positives, negatives)
