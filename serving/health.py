"""Whether the service can decide: each dependency pinged, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from serving.audit import AuditLog, AuditUnavailableError
from serving.champions import Champions
from serving.features import FeaturesUnavailableError, OnlineFeatures
from serving.problems import NO_SESSIONS
from serving.session_stores import Sessions, SessionsUnavailableError

NOBODY = "readiness"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a dependency, and what would mend it; decisions are made all the same if it isn't grave."""

    code: str
    detail: str
    is_grave: bool = True


def ping(champions: Champions, online: OnlineFeatures, audit: AuditLog, sessions: Sessions) -> dict[str, Fault | None]:
    """Each dependency with its fault, the gravest first; none where all is well.

    A model without a champion is grave where no other has one: not every model is good enough to decide.
    """
    loaded = {model: champions.of(model) for model in champions.models}
    decides = any(loaded.values())
    views = [champion.assembler.views for champion in loaded.values() if champion]
    return {
        "audit": _fault("E_AUDIT_UNAVAILABLE", audit.check),
        **{model: None if champion else _untrained(model, not decides) for model, champion in loaded.items()},
        "features": _fault("E_FEATURES_UNAVAILABLE", lambda: [online.read([NOBODY], view) for view in views]),
        "sessions": _fault(NO_SESSIONS, sessions.check),
    }


def _fault(code: str, check: Callable[[], object]) -> Fault | None:
    try:
        check()
    except (AuditUnavailableError, FeaturesUnavailableError, SessionsUnavailableError) as error:
        return Fault(code, str(error))
    return None


def _untrained(model: str, is_grave: bool) -> Fault:
    mend = "`make run` trains one, and `tactful models list` tells which versions were kept back"
    return Fault("E_NO_CHAMPION", f"{model} has no champion: {mend}.", is_grave)
