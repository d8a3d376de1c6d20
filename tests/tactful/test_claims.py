from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest

from tactful.claims import CLAIM, Claim, ClaimError, Days, claimed


def _claim(run_id: str, *days: int) -> Claim:
    return Claim(run_id, Days(date(2026, 1, days[0]), date(2026, 1, days[-1])) if days else None)


def _refusal(home: Path, claim: Claim, told: list[str]) -> str:
    """Why a run that has no patience does not get the home."""
    with pytest.raises(ClaimError) as refused, claimed(home, claim, told.append, patience=0):
        pass
    return str(refused.value)


@pytest.mark.parametrize("days", [(1, 9), (4, 5), (9,)])
def test_a_run_whose_days_are_being_built_leaves_them(tmp_path: Path, days: tuple[int, ...]) -> None:
    claim = _claim("second", *days)

    with claimed(tmp_path, _claim("first", 1, 9), print):
        assert _refusal(tmp_path, claim, []) == (
            f"{claim.days} is being built by run first already: this run leaves it to that one."
        )


@pytest.mark.parametrize(("held", "days"), [((1, 9), (9, 10)), ((1, 9), ()), ((), (1, 9)), ((), ())])
def test_any_other_run_waits_as_long_as_it_has_patience(
    tmp_path: Path, held: tuple[int, ...], days: tuple[int, ...]
) -> None:
    with claimed(tmp_path, _claim("first", *held), print):
        assert _refusal(tmp_path, _claim("second", *days), []) == (
            "run first has not ended yet, and one works on a home at a time: run again after its end."
        )


def test_who_waits_is_told_for_whom_and_goes_on_after_it(tmp_path: Path) -> None:
    with ExitStack() as first:
        first.enter_context(claimed(tmp_path, _claim("first", 1), print))
        # the first run ends as soon as the second has said that it waits
        told: list[str] = []

        def tell(message: str) -> None:
            told.append(message)
            first.close()

        with claimed(tmp_path, _claim("second", 2), tell, patience=60):
            assert told == ["Waiting for the end of run first."]
            assert "by run second" in _refusal(tmp_path, _claim("third", 2), [])


def test_a_run_that_has_the_home_has_it_in_each_of_its_steps(tmp_path: Path) -> None:
    claim = _claim("first", 1, 9)

    with claimed(tmp_path, claim, print):
        with claimed(tmp_path, claim, print):
            pass
        assert "by run first" in _refusal(tmp_path, _claim("second", 1), [])
    assert (tmp_path / CLAIM).read_text() == ""


def test_what_a_killed_run_left_behind_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / CLAIM).write_text(_claim("killed", 1, 9).to_json())

    with claimed(tmp_path, _claim("second", 1), print, patience=0):
        assert Claim.from_json((tmp_path / CLAIM).read_text()) == _claim("second", 1)
