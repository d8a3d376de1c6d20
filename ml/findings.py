"""What is found of a model beside its figures: groups of visitors, errors, an ablation, and a look at training rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ml import subgroup_card
from ml.bundle import BundleFeature
from ml.datasets import Split
from ml.error_analysis import ErrorReport, find_errors
from ml.evaluation import Outcomes
from ml.exploration import Exploration, draw_exploration, explore
from ml.pruning import Ablation
from ml.subgroup_plots import draw_errors, draw_subgroups
from ml.subgroups import Breakdown, subgroups
from ml.training import Fitted


@dataclass(frozen=True)
class Findings:
    """Groups and errors are of the test days, the exploration is of the training days."""

    groups: tuple[Breakdown, ...]
    errors: ErrorReport
    ablation: Ablation | None
    exploration: Exploration

    @classmethod
    def of(
        cls,
        fitted: Fitted[BundleFeature],
        ablation: Ablation | None,
        features: Sequence[BundleFeature],
        split: Split,
        outcomes: Outcomes,
    ) -> Self:
        """The findings of a model; `features` are all that it might read, `outcomes` those of the test days."""
        return cls(
            groups=subgroups(features, split.test, outcomes, fitted.threshold),
            errors=find_errors(fitted, split.test, outcomes),
            ablation=ablation,
            exploration=explore(fitted, features, split.train),
        )

    @property
    def sections(self) -> dict[str, str]:
        """Sections of the model card, by their headings."""
        return {
            "Groups of visitors": subgroup_card.subgroup_section(self.groups),
            "Where it errs": subgroup_card.error_section(self.errors),
            **({"What it could do without": str(self.ablation)} if self.ablation else {}),
        }

    def as_metadata(self) -> dict[str, float]:
        """Every figure by name."""
        return self.ablation.as_metadata() if self.ablation else {}

    def draw(self, folder: Path) -> tuple[Path, ...]:
        """Pictures of all of them."""
        return (
            *draw_subgroups(self.groups, folder),
            *draw_errors(self.errors, folder),
            *draw_exploration(self.exploration, folder),
        )
