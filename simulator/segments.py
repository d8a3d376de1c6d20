"""The kinds of visitors that the shop has, told by what their visitors share and never by a column of the export."""

from typing import NamedTuple

import numpy as np


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

SHARES = np.array([segment.share for segment in SEGMENTS])
MEANS = np.array([segment[2:] for segment in SEGMENTS])
"""Means by segment, of affinity, price sensitivity, patience and annoyance."""

WITHIN = np.sqrt(1 - SHARES @ (MEANS**2) / SHARES.sum())
"""What spread is left within segments, where all visitors together have a spread of one."""
