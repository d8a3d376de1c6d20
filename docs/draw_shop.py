"""Pictures of the simulated shop for docs/simulator.md: `python docs/draw_shop.py`."""

import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator import calibration, export, truth
from simulator.actions import OFFERS, POP_UP
from simulator.bounds import best_value, value
from simulator.effects import Answer
from simulator.events import NAMES, events_of
from simulator.population import Population
from simulator.popups import POLICIES
from simulator.shop import Shop
from simulator.truth import Truth

PICTURES = Path(__file__).parent / "pictures"
STEPS = ("view_item", "add_to_cart", "begin_checkout", "add_payment_info", "purchase")
MARKED = {"never": "never", "half_at_exit": "at half of the exits", "always_at_exit": "always at the exit"}
INK, FADED, ACCENT = "#1f2933", "#9aa5b1", "#c2571a"
MUTED = "#52606d"


def main() -> None:
    """Draw all pictures, of the default world, its truth of four times as many visitors."""
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "text.color": INK})
    shop, large = Shop(), Shop(sessions_per_day=4_000)
    known = truth.of(large)
    _save(_funnel(shop), shop, "shop_funnel")
    _save(_session(shop), shop, "shop_session")
    _save(_uplift(known), large, "shop_uplift")
    _save(_budget(known), large, "shop_budget")


def _funnel(shop: Shop) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        export.write(Path(folder), shop)
        figures = {figure.name: figure for figure in calibration.compare(Path(folder))}
    reached = [figures[f"Sessions with {step}, %"] for step in STEPS]
    figure, axes = _drawing("Sessions that reach a step, %")
    place = np.arange(len(STEPS))
    for offset, values, colour, label in (
        (-0.2, [step.simulated for step in reached], ACCENT, "simulated shop"),
        (0.2, [step.reference for step in reached], FADED, "Google's public sample"),
    ):
        bars = axes.barh(place + offset, values, 0.36, color=colour, label=label)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(place, map(_plain, STEPS))
    axes.invert_yaxis()
    axes.legend(frameon=False)
    return figure


def _session(shop: Shop) -> Figure:
    """A session with an order's worth of doubt: it sees the pop-up, and submits it."""
    visits = Population(shop).visits_on(shop.first_day)
    pages = np.bincount(visits.steps.session, minlength=len(visits.sessions))
    submitted = visits.sessions.answer == Answer.SUBMITTED
    chosen = np.flatnonzero(submitted if submitted.any() else visits.sessions.answer == Answer.CLOSED)
    visit = visits.take(chosen[np.argsort(np.abs(pages[chosen] - 10))][:1])
    events = events_of(visit)
    seconds = (events.at_us - visit.sessions.start_us[0]) / 1e6
    names = [NAMES[name] for name in events.name]
    rows = list(dict.fromkeys(names))
    figure, axes = _drawing("One session: seconds since it began")
    colours = [ACCENT if name.startswith("popup_") else INK for name in names]
    axes.scatter(seconds, [rows.index(name) for name in names], c=colours, s=26, zorder=3)
    axes.set_yticks(range(len(rows)), map(_plain, rows))
    axes.grid(axis="y", color="#e4e7eb")
    axes.invert_yaxis()
    return figure


def _uplift(known: Truth) -> Figure:
    figure, axes = _drawing("True uplift, percentage points")
    least, most = -10, 40
    bins = np.linspace(least, most, 51).tolist()
    best = known.converts[:, OFFERS].max(axis=1) - known.converts[:, 0]
    axes.hist(np.clip(100 * best, least, most), bins, color=FADED, label="of the best offer")
    pop_up = np.clip(100 * known.uplift(POP_UP), least, most)
    axes.hist(pop_up, bins, histtype="step", color=ACCENT, linewidth=1.6, label="of the pop-up")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks([-10, 0, 10, 20, 30, 40], ["-10 or less", "0", "10", "20", "30", "40 or more"])
    axes.set_ylabel("decision moments, log scale")
    axes.legend(frameon=False)
    return figure


def _budget(known: Truth) -> Figure:
    figure, axes = _drawing("Share of moments at which a visitor may be interrupted")
    budgets = np.linspace(0, 1, 101)
    for actions, colour, label in (
        (range(known.converts.shape[1]), FADED, "best policy, with offers"),
        ((0, POP_UP), ACCENT, "best policy, pop-up alone"),
    ):
        values = 1000 * known.converts[:, actions]
        axes.plot(budgets, [best_value(values, budget) for budget in budgets], color=colour, label=label)
    _mark(axes, known)
    axes.set_ylabel("conversions in 1,000 moments")
    axes.set_xlim(-0.02, 1.14)
    axes.set_ylim(0)
    axes.legend(frameon=False, loc="lower right")
    return figure


def _mark(axes: Axes, known: Truth) -> None:
    for policy in (policy for policy in POLICIES if policy.name in MARKED):
        worth = 1000 * value(known.converts, np.tile(policy.shares, (len(known), 1)))
        shown = 1 - policy.shares[0]
        axes.plot(shown, worth, "o", color=INK)
        axes.annotate(MARKED[policy.name], (shown, worth), textcoords="offset points", xytext=(4, -12), fontsize=8)


def _plain(event: str) -> str:
    return event.replace("popup", "pop-up").replace("_", " ")


def _drawing(title: str) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
    axes.set_xlabel(title)
    return figure, axes


def _save(figure: Figure, shop: Shop, name: str) -> None:
    world = f"Simulated shop, {shop.days} days of {shop.sessions_per_day:,} sessions; no evidence about real visitors"
    figure.supxlabel(world, fontsize=8, color=MUTED)
    figure.savefig(PICTURES / f"{name}.png", dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
