"""The card of a segmentation: who is in each segment, what changed, and how far to trust it."""

from collections.abc import Sequence
from math import isfinite

from ml.card import Origin, markdown
from ml.gate import USERS_KEPT
from ml.identity import Event
from ml.segment_choice import AS_GOOD, STABILITY_FLOOR
from ml.segments import SegmentReport
from ml.specs import SegmentSpec

SHOWN_EVENTS = 20


def segment_card(spec: SegmentSpec, report: SegmentReport, ledger: Sequence[Event], origin: Origin) -> str:
    """The card; `ledger` is of all clusterings up to this one."""
    separation, inertia = report.separation, report.inertia
    sections = {
        spec.name: spec.description,
        "Segments": _segments(report),
        "What changed": _changes(report, ledger),
        "Data": f"{origin} {report.users:,} users.",
        "How many there are": _sizes(report, spec.resamples),
        "How well they stand apart": f"Silhouette {separation.silhouette} with 95 % interval, 1 is best; "
        f"Davies-Bouldin index {separation.davies_bouldin:.2f}, lower is better. Both are a property of the data: a "
        "silhouette above 0.6, which is often asked for, tells of users who live in separate clumps, and no choice "
        "of features or numbers is made here to reach one.",
        "How sure K-Means is": f"Of {spec.initialisations} initialisations, {inertia.near_best:.0%} came within a "
        f"thousandth of the best inertia, {inertia.best:,.0f}; the mean is {inertia.mean / inertia.best - 1:.1%} "
        f"above it, the worst {inertia.worst / inertia.best - 1:.1%}.",
        "DBSCAN beside it": _density(report),
        "Limits": "Names say in which themes a segment's centre differed from the average user when the segment was "
        "first found; a user near a border could belong to its neighbour.",
        "Pictures": "`plots/` of the run: the choice of their number, silhouettes, a map of users, and the most "
        "telling features pair by pair.",
    }
    return markdown(sections)


def _segments(report: SegmentReport) -> str:
    rows = [
        f"| {segment.id} | {segment.name} | {segment.users:,} | {segment.share:.1%} | "
        + ", ".join(f"{theme} {distance:+.1f}" for theme, distance in segment.profile.items())
        + " |"
        for segment in report.segments
    ]
    head = "| id | segment | users | share | against the average user, in standard deviations |"
    return "\n".join((head, "|---|---|---|---|---|", *rows))


def _changes(report: SegmentReport, ledger: Sequence[Event]) -> str:
    kept = report.continuity.kept
    told = (
        f"{kept:.1%} of the users are in the segment in which the clustering before would put them today; at least "
        f"{USERS_KEPT:.0%} is asked for."
        if isfinite(kept)
        else "There is no clustering before this one that could be compared."
    )
    rows = "\n".join(f"| {event.day} | {event} |" for event in ledger[: -SHOWN_EVENTS - 1 : -1])
    return f"{told}\n\n| day | event, the newest first |\n|---|---|\n{rows}"


def _sizes(report: SegmentReport, resamples: int) -> str:
    rows = "\n".join(
        f"| {size.groups}{' (chosen)' if size == report.size else ''} | {size.silhouette:.3f} | "
        f"{size.davies_bouldin:.2f} | {size.stability:.2f} |"
        for size in report.tried
    )
    return (
        "| segments | silhouette, higher is better | Davies-Bouldin index, lower | stability, higher |\n"
        f"|---|---|---|---|\n{rows}\n\n"
        f"Stability is how well groupings fitted on {resamples} bootstrap resamples agree about the same users (mean "
        f"adjusted Rand index). A number below {STABILITY_FLOOR} is passed over; of the others the one with the best "
        f"mean rank by the three figures is chosen, {AS_GOOD:.0%} making no difference, and the most where ranks are "
        "equal. The number that there was before stays, unless another is better by all three."
    )


def _density(report: SegmentReport) -> str:
    density = report.density
    separate = f", silhouette {density.silhouette:.3f}" if isfinite(density.silhouette) else ""
    return (
        f"Groups by density (DBSCAN, {density.neighbours} users within a distance of {density.distance:.2f}, the knee "
        f"of the curve of distances): {density.groups} groups{separate}, with {density.noise:.0%} of the users in "
        f"none. Agreement with the segments: adjusted Rand index {density.agreement:.2f}. It decides nothing here: "
        "one large group would say that users shade into each other, so that borders are drawn rather than found."
    )
