"""The latent state in which a visit begins: who the visitor is, where they come from, what happened before."""

from dataclasses import dataclass

import numpy as np

from simulator.columns import Columns, Flags, Floats, Ints
from simulator.effects import Answer
from simulator.latent import Latent
from simulator.traffic import CHANNELS
from simulator.visitors import Visitors

_CHANNEL_INTENT = np.array([channel.intent for channel in CHANNELS])
_CHANNEL_PRICE_SENSITIVITY = np.array([channel.price_sensitivity for channel in CHANNELS])


@dataclass(frozen=True)
class Moods:
    """How far a visit's latent state strays from the visitor's own, and why; `stages` are what each of STAGES adds.

    `spread` is chance; all else is weighed by `circumstances`.
    """

    stages: tuple[float, ...] = (-0.4, 0.0, 0.25, 0.55, 0.15)
    spread: float = 0.45
    circumstances: float = 1.0
    evening: float = 0.35
    weekend: float = 0.1
    visits: float = 0.25
    left_basket: float = 0.2
    ordered: float = 0.3
    submitted: float = 0.4
    annoyance_by_closing: float = 0.3


@dataclass(frozen=True)
class Journey(Columns):
    """A visitor's journey so far: what earlier visits have left behind, and when the next one begins."""

    visits: Ints
    stage: Ints
    revenue: Floats
    has_left_basket: Flags
    last_answer: Ints
    closings: Ints
    last_popup_us: Ints
    next_start_us: Ints


@dataclass(frozen=True)
class Occasion(Columns):
    """The circumstances of a visit."""

    channel: Ints
    hour: Floats
    is_weekend: Flags


def untravelled(stage: Ints, start_us: Ints) -> Journey:
    """The journeys of visitors who come in a stage, and whose first visits begin at `start_us`."""
    nothing = np.zeros(len(start_us), dtype=np.int64)
    return Journey(nothing, stage, nothing.astype(np.float64), nothing > 0, nothing, nothing, nothing, start_us)


def latent_state(
    rng: np.random.Generator, moods: Moods, visitors: Visitors, journey: Journey, occasion: Occasion
) -> Latent:
    """The state in which each visitor begins a visit."""
    stray = moods.spread * rng.standard_normal((4, len(visitors)))
    experience = (
        np.array(moods.stages)[journey.stage]
        + moods.visits * np.log1p(journey.visits)
        + moods.left_basket * journey.has_left_basket
        + moods.ordered * (journey.revenue > 0)
        + moods.submitted * (journey.last_answer == Answer.SUBMITTED)
    )
    # Highest at eight in the evening, lowest at eight in the morning.
    time = moods.evening * np.cos((occasion.hour - 20) * np.pi / 12) + moods.weekend * occasion.is_weekend
    weight = moods.circumstances
    price_sensitivity = visitors.price_sensitivity + weight * _CHANNEL_PRICE_SENSITIVITY[occasion.channel]
    return Latent(
        intent=visitors.affinity
        + weight * _CHANNEL_INTENT[occasion.channel]
        + weight * experience
        + weight * time
        + stray[0],
        price_sensitivity=price_sensitivity + stray[1],
        patience=visitors.patience + stray[2],
        annoyance=visitors.annoyance + weight * moods.annoyance_by_closing * journey.closings + stray[3],
    )
