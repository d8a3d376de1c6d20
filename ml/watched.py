"""What is watched for drift: sessions by their features, and decisions by their answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml import relabelling
from ml.datasets import EVENT_TIMESTAMP
from ml.reference import ComparedDays
from ml.relabelling import MISSING, Relabelling

DAY, USER = "session_date", "user_pseudo_id"
"""The columns of sessions and answers that say when and whose they are; days are dates."""

Score = Callable[[pd.DataFrame], NDArray[np.float64]]


@dataclass(frozen=True)
class DriftColumns:
    """The columns to measure, by how their values are compared: in bins or one by one."""

    numeric: Sequence[str]
    categorical: Sequence[str]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical)


@dataclass(frozen=True)
class Answers:
    """Rows whose truth is known, one a decision: what the champion's `score` reads, and the column `label`.

    Rows whose label is still open must not be among them. Without a champion there is no score.
    """

    frame: pd.DataFrame
    label: str
    score: Score | None = None

    @classmethod
    def settled(
        cls, frame: pd.DataFrame, label: str, horizon: timedelta, known_to: pd.Timestamp, score: Score | None
    ) -> "Answers":
        """The rows of a training set whose label was no longer open at `known_to`, the end of what is known.

        Rows are left out by their moment, never by their answer: one that came true early is settled early.
        """
        is_settled = frame[EVENT_TIMESTAMP] + horizon <= known_to
        dated = frame[is_settled].assign(**{DAY: pd.to_datetime(frame[DAY]).dt.date})
        return cls(dated, label, score)


@dataclass(frozen=True)
class Watched:
    """What is watched: sessions by the columns of `columns`, and answers where there are any."""

    sessions: pd.DataFrame
    columns: DriftColumns
    answers: Answers | None = None

    def on(self, days: ComparedDays) -> "Watched":
        """What falls on the days of a comparison."""
        answers = self.answers
        return replace(
            self,
            sessions=self.sessions[days.holds(self.sessions[DAY])],
            answers=answers and replace(answers, frame=answers.frame[days.holds(answers.frame[DAY])]),
        )

    def undone(self, relabelled: Sequence[Relabelling]) -> "Watched":
        """The same as if no level had got another name."""
        answers = self.answers
        return replace(
            self,
            sessions=relabelling.undo(self.sessions, relabelled),
            answers=answers and replace(answers, frame=relabelling.undo(answers.frame, relabelled)),
        )

    def as_text(self) -> "Watched":
        """The sessions with each number as a float and each level as a text; what is null is a level of its own."""
        sessions, columns = self.sessions, self.columns
        made: dict[str, pd.Series[Any]] = {name: sessions[name].astype("float64") for name in columns.numeric}
        made |= {
            name: sessions[name].astype(object).where(sessions[name].notna(), MISSING).astype(str)
            for name in columns.categorical
        }
        return replace(self, sessions=sessions[[DAY, USER]].assign(**made))

    def only(self, relabelled: Sequence[Relabelling]) -> "Watched":
        """The sessions that relabellings are about, by their other columns."""
        others = [name for name in self.columns.categorical if name not in {one.column for one in relabelled}]
        is_concerned = relabelling.concerned(self.sessions, relabelled)
        return Watched(self.sessions[is_concerned], replace(self.columns, categorical=others))
