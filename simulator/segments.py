"""The kinds of visitors that the shop has, told by what their visitors share and never by a column of the export."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulator.columns import Floats


class Segment(NamedTuple):
    """`share` is in percent of visitors; the others are the means of its visitors' traits."""

    name: str
    share: float
    affinity: float
    price_sensitivity: float
    patience: float
    annoyance: float


SEGMENTS = (
    Segment("window_shopper", 45.0, -0.3, 0.0, -0.2, 0.1),
    Segment("bargain_hunter", 20.0, 0.15, 1.0, 0.2, 0.0),
    Segment("connoisseur", 20.0, 0.5, -0.8, 0.5, -0.2),
    Segment("hurried", 15.0, 0.05, -0.2, -0.4, 0.3),
)
"""Kinds that overlap: traits differ less between them than within them."""

FAR_APART = (
    Segment("window_shopper", 25.0, -1.1, -0.55, 0.55, -0.55),
    Segment("bargain_hunter", 25.0, -0.35, 1.7, 0.55, -0.55),
    Segment("connoisseur", 25.0, 1.5, -0.55, 0.55, -0.55),
    Segment("hurried", 25.0, -0.05, -0.55, -1.7, 1.65),
)
"""The same kinds in the same order, each far from the others in at least one trait."""

TRAITS = Segment._fields[2:]
"""What visitors of a segment share, by name."""


def shares_of(segments: Sequence[Segment]) -> Floats:
    """What share of visitors each segment has, in percent."""
    return np.array([segment.share for segment in segments])


def means_of(segments: Sequence[Segment]) -> Floats:
    """Means by segment, of each of TRAITS."""
    return np.array([segment[2:] for segment in segments])


def spread_within(segments: Sequence[Segment]) -> Floats:
    """What spread of each trait is left within segments, where all visitors together have a spread of one.

    Raises:
        ValueError: the means of a trait differ by more than that.
    """
    shares = shares_of(segments)
    left = 1 - shares @ (means_of(segments) ** 2) / shares.sum()
    for trait, square in zip(TRAITS, left, strict=True):
        if square < 0:
            raise ValueError(f"The mean square of segments' {trait} is {1 - square:.2f}; at most 1 is possible.")
    within: Floats = np.sqrt(left)
    return within
