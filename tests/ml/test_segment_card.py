from dataclasses import replace

import pytest

from ml import segments
from ml.card import Origin
from ml.identity import Event
from ml.segment_card import segment_card
from ml.segments import SegmentReport
from tests.ml.segment_users import COLUMNS, DAY, SPEC, users

ORIGIN = Origin(DAY, DAY, is_simulated=True)
MERGED = Event(DAY, "merge", "S7", "Newcomers", 1200, ("S2",))


@pytest.fixture(scope="module")
def report() -> SegmentReport:
    return segments.fit(SPEC, users(), COLUMNS[:4], DAY)[1]


def _card(report: SegmentReport, *ledger: Event) -> str:
    return segment_card(SPEC, report, ledger, ORIGIN)


def test_segments_are_listed_with_id_share_and_profile(report: SegmentReport) -> None:
    (buyers,) = (segment for segment in report.segments if segment.name == "Loyal buyers")
    row = f"| {buyers.id} | Loyal buyers | 100 | 33.3% | purchase {buyers.profile['purchase']:+.1f}, "
    assert row in _card(report)


def test_all_figures_of_every_size_are_told_beside_the_rule(report: SegmentReport) -> None:
    card = _card(report)
    for size in report.tried:
        chosen = " (chosen)" if size.groups == 3 else ""
        told = f"| {size.groups}{chosen} | {size.silhouette:.3f} | {size.davies_bouldin:.2f} | {size.stability:.2f} |"
        assert told in card
    assert "best mean rank by the three figures" in card


def test_a_silhouette_is_told_as_a_property_of_the_data_and_no_target(report: SegmentReport) -> None:
    card = _card(report)
    assert f"Silhouette {report.separation.silhouette} with 95 % interval" in card
    assert "a property of the data" in card


def test_dbscan_stands_beside_for_comparison(report: SegmentReport) -> None:
    density = replace(report.density, groups=1, silhouette=float("nan"), noise=0.125, agreement=0.0)
    card = _card(replace(report, density=density))
    assert "1 groups, with 12% of the users in none" in card
    assert "It decides nothing here" in card


def test_what_ended_and_began_is_told_with_the_newest_first(report: SegmentReport) -> None:
    born = replace(MERGED, day="2026-01-13", kind="birth", others=())
    card = _card(replace(report, continuity=replace(report.continuity, kept=0.84)), born, MERGED)
    assert "84.0% of the users are in the segment" in card
    told = f"| {DAY} | S7 Newcomers (1,200 users) merged into S2 |\n| 2026-01-13 | S7 Newcomers (1,200 users) is new |"
    assert told in card


def test_the_first_clustering_says_that_there_is_none_to_compare(report: SegmentReport) -> None:
    assert "no clustering before this one" in _card(report)
