"""The hidden state of a visit, which no file ever holds."""

from dataclasses import dataclass

from simulator.columns import Columns, Floats


@dataclass(frozen=True)
class Latent(Columns):
    """How much visits want to buy, mind prices, have time, and are annoyed; each about 0 with a spread of about 1
    as a visit begins.
    """

    intent: Floats
    price_sensitivity: Floats
    patience: Floats
    annoyance: Floats
