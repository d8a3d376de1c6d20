"""Names for segments, read off the themes that the contract gives its columns; no column is named here."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Vectors = NDArray[np.float64]

# More of a theme is a larger value of its columns; of recency: a longer time since.
THEMES = ("purchase", "cart", "engagement", "promotion", "recency", "loyalty", "popup")

# What sets each kind of visitor apart from the average one.
_PERSONAS: Mapping[str, Mapping[str, float]] = {
    "Loyal buyers": {"purchase": 1, "loyalty": 1},
    "One-off buyers": {"purchase": 1, "loyalty": -1},
    "Buyers": {"purchase": 1},
    "Lapsed buyers": {"purchase": 1, "recency": 1},
    "Keen buyers": {"purchase": 1, "engagement": 1},
    "Quick buyers": {"purchase": 1, "engagement": -1},
    "Bargain buyers": {"purchase": 1, "promotion": 1},
    "Full-price buyers": {"purchase": 1, "promotion": -1},
    "Cart abandoners": {"cart": 1, "purchase": -1},
    "Bargain hunters": {"promotion": 1, "purchase": -1},
    "Browsers": {"engagement": 1},
    "Engaged browsers": {"engagement": 1, "purchase": -1},
    "Window shoppers": {"engagement": 1, "cart": -1},
    "Regular visitors": {"loyalty": 1, "purchase": -1},
    "Newcomers": {"recency": -1, "loyalty": -1},
    "Occasional visitors": {"loyalty": -1, "purchase": -1},
    "Passers-by": {"engagement": -1, "loyalty": -1},
    "Lapsed visitors": {"recency": 1, "engagement": -1},
    "Pop-up responders": {"popup": 1},
}


# Agreement of a segment with a number, below that with any name, and with a name that says what is not so.
_NUMBERED, _UNTRUE = -1e3, -1e9


class PersonaError(ValueError):
    """Segments can't be named; the message says which theme is wrong."""


def name_segments(profiles: Sequence[Mapping[str, float]], taken: Collection[str] = ()) -> tuple[str, ...]:
    """One name a segment, none twice: those that are true and together agree best; a number for want of one.

    Args:
        profiles: How far each segment lies from the average user in each theme, in standard deviations.
        taken: Names that others have already.

    Raises:
        PersonaError: a theme is unknown.
    """
    unknown = sorted({theme for profile in profiles for theme in profile} - set(THEMES))
    if unknown:
        raise PersonaError(f"Themes {unknown} are unknown; a column's meta may say one of {THEMES}.")
    free = [name for name in _PERSONAS if name not in taken]
    numbered = [f"Segment {number}" for number in range(1, len(profiles) + len(taken) + 1)]
    names = [*free, *(name for name in numbered if name not in taken)]
    found, claimed = _vectors(profiles), _unit(_vectors([_PERSONAS[name] for name in free]))
    agreement = np.full((len(profiles), len(names)), _NUMBERED)
    is_true = ((found[:, None] * claimed > 0) | (claimed == 0)).all(axis=2)
    agreement[:, : len(free)] = np.where(is_true, found @ claimed.T, _UNTRUE)
    _, persona = linear_sum_assignment(agreement, maximize=True)
    return tuple(names[index] for index in persona)


def _vectors(profiles: Sequence[Mapping[str, float]]) -> Vectors:
    rows = [[profile.get(theme, 0.0) for theme in THEMES] for profile in profiles]
    return np.array(rows, dtype=float).reshape(-1, len(THEMES))


def _unit(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
