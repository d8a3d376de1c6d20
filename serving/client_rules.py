"""What clients' settings do to decisions: their own thresholds, campaigns, caps and budgets."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import islice

from ml import policy
from ml.campaigns import Campaign, Offer
from ml.policy import Choice
from serving.audit import AuditLog
from serving.clients import NOTHING_SET, Clients, ClientSettings
from serving.following import Followed
from serving.problems import RefusedError
from serving.requests import DecideRequest

WINDOW = 1000
"""Decisions in a row that an impression budget is a share of."""
MOST_LISTED = 20
_DAY = 86_400_000_000

log = logging.getLogger(__name__)


@dataclass
class _Recent:
    """The last decisions of a client, of which the next one is the last in WINDOW, and how many of them show."""

    # longer than is counted, for what is taken back: that is a batch or a list of each thread at most
    decisions: deque[bool] = field(default_factory=lambda: deque(maxlen=2 * WINDOW))
    shown: int = 0

    def add(self, is_shown: bool) -> None:
        if len(self.decisions) >= WINDOW - 1:
            self.shown -= self.decisions[1 - WINDOW]
        self.decisions.append(is_shown)
        self.shown += is_shown

    def take_back(self, is_shown: bool) -> None:
        """Undo an `add`; others may have added since."""
        self.decisions.reverse()
        self.decisions.remove(is_shown)
        self.shown = sum(islice(self.decisions, WINDOW - 1))
        self.decisions.reverse()


class _Block(threading.local):
    """What takes back what this thread has counted since its block began."""

    def __init__(self) -> None:
        self.undoing: list[Callable[[], None]] = []


class ClientRules:
    """The settings of clients as decisions meet them, in whichever thread; what is not limited is not counted.

    A cap counts what is on record of the day, so that it holds over a restart. A budget counts what this process has
    decided since it began.
    """

    def __init__(self, audit: AuditLog, clients: Followed[Clients] | None = None) -> None:
        self.audit = audit
        self.clients = clients
        self._counting = threading.Lock()
        self._block = _Block()
        self._day = 0
        self._shown: dict[str, Counter[str]] = {}
        self._recent: dict[str, _Recent] = {}
        self._told: set[tuple[str, str, str]] = set()

    def of(self, client: str) -> ClientSettings:
        return NOTHING_SET if self.clients is None else self.clients.value.of(client)

    def check(self, client: str, request: DecideRequest) -> None:
        """Refuse a campaign that is not the client's (404); whether it is another's, only the log tells."""
        if request.campaign is None or request.campaign in (own := self.of(client).named):
            return
        log.warning("security: client %s named a campaign that is not its own", client)
        detail = f"This client has no such campaign; it has {_listed(list(own))}."
        raise RefusedError(HTTPStatus.NOT_FOUND, "E_NO_CAMPAIGN", detail, field="campaign")

    def threshold(self, client: str, model: str) -> float | None:
        return self.of(client).thresholds.get(model)

    def offers(
        self, client: str, model: str, campaign: str | None, features: Mapping[str, object], threshold: float
    ) -> Sequence[Offer] | None:
        """What of the client's campaigns, or of the one named, may be shown to a visitor of these features.

        None is a client whose campaigns are chosen by nobody: it is asked about the one pop-up of its pages.
        """
        settings = self.of(client)
        if campaign is None and not settings.choosable:
            return None
        # a named one may be gone since the request was checked
        asked = settings.choosable if campaign is None else [*filter(None, [settings.named.get(campaign)])]
        fitting = [each for each in asked if each.fits(features)]
        if len(fitting) < len(asked):
            self._tell_unread(client, model, asked, features)
        return [each.offered(threshold) for each in fitting]

    def _tell_unread(
        self, client: str, model: str, campaigns: Sequence[Campaign], features: Mapping[str, object]
    ) -> None:
        """Tell, once, of campaigns whose conditions can't hold, since the model reads no such feature."""
        for campaign in campaigns:
            # what is asked of the session by a rule, whatever the model reads, is always there
            absent = sorted(name for name in campaign.when if "." not in name and name not in features)
            known_as = client, model, campaign.name
            if absent and known_as not in self._told:
                self._told.add(known_as)
                names = ", ".join(absent)
                log.warning("Campaign %r of client %s never fits: %s reads no %s.", campaign.name, client, model, names)

    def hold(
        self, client: str, user: str, choice: Choice, decided_at: int, rest: Callable[[], Choice | None] = lambda: None
    ) -> Choice:
        """`choice`, as far as the client's cap and budget let it through; counts it, in a block of `counting`.

        `rest` gives what would be chosen of the offers that interrupt nobody, if there are any.

        Raises:
            AuditUnavailableError: what was shown today can't be read.
        """
        settings = self.of(client)
        cap, budget = settings.frequency_cap, settings.impression_budget
        if cap is None and budget is None and client not in self._shown:
            return choice
        quiet = rest()
        with self._counting:
            if cap is None:
                # of what is shown from now on nobody keeps count
                self._shown.pop(client, None)
            else:
                shown = self._shown_today(client, decided_at)
                choice = policy.hold_to_cap(choice, shown[user], cap, quiet)
            if budget is not None:
                recent = self._recent.setdefault(client, _Recent())
                choice = policy.hold_to_budget(choice, recent.shown, budget, WINDOW, quiet)
                recent.add(choice.interrupts)
                self._block.undoing.append(partial(recent.take_back, choice.interrupts))
            if cap is not None and choice.interrupts:
                shown[user] += 1
                self._block.undoing.append(partial(shown.subtract, [user]))
        return choice

    @contextmanager
    def counting(self) -> Iterator[None]:
        """What is counted in the block was never decided if it can't be put on record."""
        self._block.undoing = []
        try:
            yield
        except Exception:
            with self._counting:
                for undo in self._block.undoing:
                    undo()
            raise

    def _shown_today(self, client: str, decided_at: int) -> Counter[str]:
        day = decided_at // _DAY
        if day != self._day:
            self._day = day
            self._shown.clear()
        if client not in self._shown:
            self._shown[client] = Counter(self.audit.shown_since(client, day * _DAY))
        return self._shown[client]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more if names else "none"
