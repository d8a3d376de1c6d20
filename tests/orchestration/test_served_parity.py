"""Which moments of a day are held to what would have been served."""

import pandas as pd
import pytest

NOON = pd.Timestamp("2026-01-06 12:00")


def test_of_a_large_day_users_are_drawn_with_all_their_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration import served_parity

    users = [f"{number}.17720" for number in range(1_000)]
    moments = pd.DataFrame({"user_pseudo_id": users * 3})
    monkeypatch.setattr(served_parity, "MOST_MOMENTS", 3_000)
    day = NOON.date()
    assert served_parity._drawn(moments, day).equals(moments)

    monkeypatch.setattr(served_parity, "MOST_MOMENTS", 600)
    drawn = served_parity._drawn(moments, day)
    assert drawn.equals(served_parity._drawn(moments, day))
    assert set(drawn["user_pseudo_id"].value_counts()) == {3}
    # four standard errors of a fifth of 1,000 users
    assert len(drawn) == pytest.approx(600, abs=3 * 51)


def test_of_what_came_late_and_of_what_is_older_than_its_profile_nobody_knows_what_was_served() -> None:
    from orchestration.served_parity import _HEARD, _LOOKED_UP, _is_comparable

    (told,) = (table for table in _LOOKED_UP if table.join_key == "session_key")
    late, now = pd.Timedelta(hours=1), pd.Timedelta(0)
    ago = [told.ttl, told.ttl + pd.Timedelta(microseconds=1), None, now, now, now]
    moments = pd.DataFrame({"event_timestamp": [NOON] * 6, "known_at": [NOON, NOON, NOON, NOON + late, NOON, NOON]})
    began = NOON - pd.Series(ago, dtype="timedelta64[us]")
    known = {table.view: pd.DataFrame({"feature_at": began}) for table in _LOOKED_UP}
    # the fifth was not known then, and the sixth was corrected since
    heard = pd.Series([NOON, NOON, NOON, NOON, None, NOON])
    known |= {table.view: pd.DataFrame({"feature_at": heard}) for table in _HEARD}
    counts = [[1, 1, 1, 1, 1, 2] for _ in _HEARD]

    assert list(_is_comparable(moments, known, counts)) == [True, False, True, False, False, False]
