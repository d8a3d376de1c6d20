"""What is trained: one frozen value a model. The contract, not this module, says what a model reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

Family = Literal["logistic_regression", "random_forest", "xgboost"]
Metric = Literal["roc_auc", "average_precision", "recall_within_budget"]

DECISIONS = "fct_decision_labels"
PURCHASES = "fct_purchase_labels"
STAGES = "fct_stage_labels"
ABSENCES = "fct_churn_labels"


@dataclass(frozen=True)
class Candidate:
    """A family of estimators and the settings of it that are tried, in scikit-learn's names."""

    family: Family
    grid: Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class ModelSpec:
    """A yes-or-no question put to the data.

    `decides` is true where the answer is whether to show the pop-up. `horizon` is how long after its moment a row's
    label is still open. `group` is the column of those whose rows must stay together in cross-validation and in
    resampling; None where every row is somebody else. `current` is a column that is true of the rows of visitors as
    they are now, which tell how often the answer is yes and where the threshold lies; None where all are. A feature of
    which a share of `missing_limit` or more is missing is left out, and so is one whose importance is below
    `least_importance`, if the model is none the worse for it.
    """

    name: str
    description: str
    label: str
    labels_table: str
    feature_service: str
    horizon: timedelta
    metric: Metric
    candidates: tuple[Candidate, ...]
    decides: bool = False
    group: str | None = "user_pseudo_id"
    current: str | None = None
    min_positives: int = 50
    missing_limit: float = 1.0
    least_importance: float = 0.0
    folds: int = 4
    seed: int = 7

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that hold answers."""
        return (self.label,)


@dataclass(frozen=True)
class StageSpec:
    """A question with several answers, the `stages` in their order, of which nobody knows how to define them.

    `definitions` are columns that each define them, two at least; where `answer`, what users said when asked, can't
    tell which of them is right, the first one stands. `horizon`, `group` and `seed` are as of a ModelSpec. Rivals are
    compared on `folds` folds of `most_rows` rows at most, users drawn at random; settings on `inner_folds` of what is
    learnt from.
    """

    name: str
    description: str
    stages: tuple[str, ...]
    definitions: tuple[str, ...]
    answer: str
    labels_table: str
    feature_service: str
    horizon: timedelta
    candidate: Candidate
    group: str | None = "user_pseudo_id"
    min_rows: int = 50
    most_rows: int = 6_000
    folds: int = 3
    inner_folds: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        if len(self.definitions) < 2:
            raise ValueError(f"{self.name} has definitions {self.definitions}; two rivals or more are compared.")

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that hold answers."""
        return self.definitions


@dataclass(frozen=True)
class SegmentSpec:
    """A grouping of users by likeness; the number of groups is chosen among `sizes`.

    How stable a size is, is measured on so many bootstrap `resamples` of users.
    """

    name: str
    description: str
    feature_service: str
    sizes: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    initialisations: int = 100
    resamples: int = 8
    min_users: int = 10
    seed: int = 7


# Few converters: shallow, strongly regularised trees.
_SHALLOW = Candidate(
    "xgboost",
    {
        # as many trees as held-out rows ask for, at most
        "n_estimators": (400,),
        "early_stopping_rounds": (25,),
        "learning_rate": (0.05,),
        "max_depth": (1, 2, 3),
        "min_child_weight": (3.0,),
        "subsample": (0.8,),
        "colsample_bytree": (0.5,),
        "reg_lambda": (5.0,),
    },
)

POPUP_PROFILE = ModelSpec(
    name="popup_profile",
    description="Will this visitor answer the pop-up, judged from how the session began?",
    label="converts",
    labels_table=DECISIONS,
    feature_service="popup_profile_v1",
    # a session that lasts longer than this is a tab left open
    horizon=timedelta(hours=4),
    metric="recall_within_budget",
    candidates=(_SHALLOW,),
    decides=True,
    missing_limit=0.1,
)

POPUP_BEHAVIOUR = ModelSpec(
    name="popup_behaviour",
    description="Will this visitor answer the pop-up, judged from all that the session has shown so far?",
    label="converts",
    labels_table=DECISIONS,
    feature_service="popup_behaviour_v1",
    horizon=timedelta(hours=4),
    metric="recall_within_budget",
    candidates=(_SHALLOW,),
    decides=True,
    missing_limit=0.1,
)

PURCHASE_PROPENSITY = ModelSpec(
    name="purchase_propensity",
    description="Will this visitor buy within the next seven days?",
    label="will_purchase_7d",
    labels_table=PURCHASES,
    feature_service="purchase_propensity_v1",
    horizon=timedelta(days=7),
    metric="average_precision",
    least_importance=0.01,
    candidates=(
        Candidate("logistic_regression", {"logisticregression__C": (0.1,)}),
        Candidate(
            "random_forest",
            {
                "n_estimators": (40,),
                "max_depth": (14,),
                # of a hundredth that buy, 30 rows
                "min_child_weight": (0.3,),
                "subsample": (0.5,),
                "colsample_bynode": (0.3,),
                "reg_lambda": (0.1,),
            },
        ),
        Candidate(
            "xgboost",
            {
                "n_estimators": (120,),
                "learning_rate": (0.08,),
                "max_depth": (2, 4),
                "min_child_weight": (10.0,),
            },
        ),
    ),
)

CHURN = ModelSpec(
    name="churn",
    description="Will this visitor stay away for thirty days?",
    label="will_churn_30d",
    labels_table=ABSENCES,
    feature_service="churn_v1",
    horizon=timedelta(days=30),
    metric="roc_auc",
    least_importance=0.01,
    candidates=PURCHASE_PROPENSITY.candidates,
)

USER_SEGMENTS = SegmentSpec(
    name="user_segments",
    description="Which kinds of visitors does the shop have?",
    feature_service="user_segments_v1",
)

BUYER_STAGE = StageSpec(
    name="buyer_stage",
    description="Where in the buyer's journey will this visitor stand, if they come back within seven days?",
    stages=("dreamer", "browser", "comparer", "ready", "owner"),
    definitions=("stage_by_depth", "stage_by_time"),
    answer="survey_answer",
    labels_table=STAGES,
    feature_service="buyer_stage_v1",
    horizon=timedelta(days=7),
    candidate=Candidate(
        "xgboost",
        {
            "n_estimators": (40,),
            "learning_rate": (0.15,),
            "max_depth": (2, 3),
            "min_child_weight": (5.0,),
            "subsample": (0.8,),
            "colsample_bytree": (0.3,),
            "reg_lambda": (5.0,),
            "max_bin": (64,),
        },
    ),
)

MODELS = (POPUP_PROFILE, POPUP_BEHAVIOUR, PURCHASE_PROPENSITY, CHURN)

REGISTERED = tuple(spec.name for spec in (*MODELS, BUYER_STAGE, USER_SEGMENTS))
"""The names of all that the platform keeps versions of."""

USER_MODELS: tuple[ModelSpec | StageSpec, ...] = (PURCHASE_PROPENSITY, CHURN, BUYER_STAGE)
"""The models of users as a day of theirs ends; the others are about a moment of a session, and are asked then."""
