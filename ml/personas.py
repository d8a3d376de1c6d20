"""Names for segments, read off the themes that the contract gives its columns; no column is named here."""

from collections.abc import Collection, Mapping, Sequence
from itertools import count, islice

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
    "Lapsed buyers": {"purchase": 1, "recency": 1},
    "Keen buyers": {"purchase": 1, "engagement": 1},
    "Quick buyers": {"purchase": 1, "engagement": -1},
    "Bargain buyers": {"purchase": 1, "promotion": 1},
    "Full-price buyers": {"purchase": 1, "promotion": -1},
    "Cart abandoners": {"cart": 1, "purchase": -1},
    "Bargain hunters": {"promotion": 1, "purchase": -1},
    "Engaged browsers": {"engagement": 1, "purchase": -1},
    "Window shoppers": {"engagement": 1, "cart": -1},
    "Regular visitors": {"loyalty": 1, "purchase": -1},
    "Newcomers": {"recency": -1, "loyalty": -1},
    "Passers-by": {"engagement": -1, "purchase": -1},
    "Lapsed visitors": {"recency": 1, "engagement": -1},
    "Pop-up responders": {"popup": 1},
}


class PersonaError(ValueError):
    """Segments can't be named; the message says which theme or count is wrong."""


def name_segments(profiles: Sequence[Mapping[str, float]], taken: Collection[str] = ()) -> tuple[str, ...]:
    """One name a segment, none twice: the assignment under which names and profiles agree best overall.

    Args:
        profiles: How far each segment lies from the average user in each theme, in standard deviations.
        taken: Names that others have already.

    Raises:
        PersonaError: a theme is unknown, or there are more segments than names.
    """
    unknown = sorted({theme for profile in profiles for theme in profile} - set(THEMES))
    if unknown:
        raise PersonaError(f"Themes {unknown} are unknown; a column's meta may say one of {THEMES}.")
    if not any(profiles):
        numbered = (name for number in count(1) if (name := f"Segment {number}") not in taken)
        return tuple(islice(numbered, len(profiles)))
    free = tuple(name for name in _PERSONAS if name not in taken)
    if len(profiles) > len(free):
        raise PersonaError(f"{len(profiles)} segments were found; names exist for {len(free)}.")
    told = {theme for profile in profiles for theme in profile}
    founded = tuple(name for name in free if told >= _PERSONAS[name].keys())
    # a name that says what no feature tells is for want of others
    offered = founded if len(founded) >= len(profiles) else free
    agreement = _vectors(profiles) @ _unit(_vectors([_PERSONAS[name] for name in offered])).T
    _, persona = linear_sum_assignment(agreement, maximize=True)
    return tuple(offered[index] for index in persona)


def _vectors(profiles: Sequence[Mapping[str, float]]) -> Vectors:
    return np.array([[profile.get(theme, 0.0) for theme in THEMES] for profile in profiles], dtype=float)


def _unit(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
