"""A decision about one transfer, why it was taken, and the journal that it enters before anything happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from safeborders.models.domain.materials import Material, Untransferable
from safeborders.privacy.agreement.errors import TransferRefused


class Point(StrEnum):
    """Where a decision is taken (domain.md 3.5); a code, once given, keeps its meaning for ever."""

    NODE_START = "E1"  # the node starts
    TRAINING_MESSAGE = "E2"  # before a training message is answered
    SEND = "E3"  # after clipping and noise, before anything is sent
    ROUND_START = "E4"  # the coordinator begins a round
    RELEASE = "E5"  # the coordinator hands out a model
    FILTER_EXPORT = "E6"  # a match filter leaves
    HIT_DISCLOSURE = "E7"  # a hit is disclosed
    API_EXPORT = "E8"  # the node's API gives something to another party
    RETENTION = "E9"  # the job that deletes what was kept long enough

    @property
    def words(self) -> str:
        """What is decided there, for people."""
        return _PLACES[self]


class Reason(StrEnum):
    """Why; stable codes for the journal and for tests, each with words for people."""

    PERMITTED = "permitted"
    NO_AGREEMENT = "no_agreement"
    UNREADABLE = "unreadable"
    NOT_SIGNED = "not_signed"
    NOT_A_PARTY = "not_a_party"
    NOT_YET_IN_FORCE = "not_yet_in_force"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    CLOCK_SET_BACK = "clock_set_back"
    ROSTER_STALE = "roster_stale"
    NOT_IN_ROSTER = "not_in_roster"
    MANIFEST_REFUSED = "manifest_refused"
    MODELS_DIFFER = "models_differ"
    AGREEMENT_MISMATCH = "agreement_mismatch"
    CONSENT_MISSING = "consent_missing"
    RAW_RECORDS = "raw_records"
    ONWARD_TRANSFER = "onward_transfer"
    THIRD_COUNTRY = "third_country"
    NOT_GRANTED = "not_granted"
    PURPOSE_NOT_GRANTED = "purpose_not_granted"
    EPSILON_EXCEEDED = "epsilon_exceeded"
    DELTA_EXCEEDED = "delta_exceeded"
    UNIT_DIFFERS = "unit_differs"
    NOT_CLIPPED = "not_clipped"
    NOT_MASKED = "not_masked"
    COHORT_TOO_SMALL = "cohort_too_small"
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_OTHER_MODEL = "evidence_other_model"
    EVIDENCE_STALE = "evidence_stale"
    EVIDENCE_FAILED = "evidence_failed"
    COUNT_TOO_SMALL = "count_too_small"
    CATEGORY_NOT_ALLOWED = "category_not_allowed"
    PROTECTED_GROUP = "protected_group"
    HANDLING_CODE = "handling_code"
    KEPT_TOO_LONG = "kept_too_long"
    QUERIES_EXCEEDED = "queries_exceeded"
    NOT_CONFIRMED = "not_confirmed"

    @property
    def words(self) -> str:
        """What it means, as the second half of a sentence."""
        return _WORDS[self]


_PLACES: dict[Point, str] = {
    Point.NODE_START: "when the node starts",
    Point.TRAINING_MESSAGE: "before an order of the coordinator is answered",
    Point.SEND: "when an update is ready, before it leaves",
    Point.ROUND_START: "before the coordinator begins a round",
    Point.RELEASE: "before the coordinator hands a model out",
    Point.FILTER_EXPORT: "before a match filter leaves",
    Point.HIT_DISCLOSURE: "before a hit is told to another country",
    Point.API_EXPORT: "before the API gives something to another party",
    Point.RETENTION: "at night, when kept copies are looked at",
}

_WORDS: dict[Reason, str] = {
    Reason.PERMITTED: "a grant covers it and all its conditions hold",
    Reason.NO_AGREEMENT: "there is no agreement",
    Reason.UNREADABLE: "the agreement was altered or is of another version",
    Reason.NOT_SIGNED: "a party's signature is missing or does not hold",
    Reason.NOT_A_PARTY: "sender, recipient or this node is no party",
    Reason.NOT_YET_IN_FORCE: "the agreement's first day has not come",
    Reason.EXPIRED: "the agreement's last day is over",
    Reason.TERMINATED: "a party ended the agreement",
    Reason.CLOCK_SET_BACK: "this computer's clock is behind its own journal",
    Reason.ROSTER_STALE: "the roster of keys is not known to be fresh",
    Reason.NOT_IN_ROSTER: "the roster does not hold this party's key",
    Reason.MANIFEST_REFUSED: "the run's manifest is missing or does not stand behind it",
    Reason.MODELS_DIFFER: "it cannot be seen that all countries had one model",
    Reason.AGREEMENT_MISMATCH: "the other side names another agreement",
    Reason.CONSENT_MISSING: "the operator has not consented under this version",
    Reason.RAW_RECORDS: "raw records leave under no agreement",
    Reason.ONWARD_TRANSFER: "another party provided it, and passing on is prohibited",
    Reason.THIRD_COUNTRY: "the strict profile for third countries holds, for no instrument is recorded",
    Reason.NOT_GRANTED: "no grant covers this material on this way",
    Reason.PURPOSE_NOT_GRANTED: "no grant covers this purpose",
    Reason.EPSILON_EXCEEDED: "epsilon would pass the agreed bound",
    Reason.DELTA_EXCEEDED: "delta is above the agreed bound",
    Reason.UNIT_DIFFERS: "the noise protects another unit than agreed",
    Reason.NOT_CLIPPED: "it is not clipped",
    Reason.NOT_MASKED: "secure aggregation is required and off",
    Reason.COHORT_TOO_SMALL: "fewer countries take part than agreed",
    Reason.EVIDENCE_MISSING: "the evidence of anonymity is missing",
    Reason.EVIDENCE_OTHER_MODEL: "the evidence of anonymity is about another model or plan",
    Reason.EVIDENCE_STALE: "the evidence of anonymity is out of date",
    Reason.EVIDENCE_FAILED: "an attack on the model was not withstood, or nobody reviewed it",
    Reason.COUNT_TOO_SMALL: "a count is below the agreed least",
    Reason.CATEGORY_NOT_ALLOWED: "a category of persons is not granted",
    Reason.PROTECTED_GROUP: "it concerns victims, witnesses or minors",
    Reason.HANDLING_CODE: "its handling code forbids it",
    Reason.KEPT_TOO_LONG: "it is or would be kept longer than agreed",
    Reason.QUERIES_EXCEEDED: "the day's queries are used up",
    Reason.NOT_CONFIRMED: "no person has confirmed it",
}


@dataclass(frozen=True)
class Decision:
    """What was decided, by which clause, for which reason.

    Attributes:
        at: When, UTC.
        point: Where in the program.
        material: M1 to M8; empty where the decision is about the agreement itself.
        sender: Party that would send; empty likewise.
        recipient: Party that would receive; empty likewise.
        purpose: P1 to P5; empty likewise.
        is_allowed: The answer.
        clause: The grant that allows or whose condition refuses, else the part of the agreement that refuses.
        reason: Why.
        agreement_sha256: Version that was in force; empty when there was none.
        run: The run that it is about, if any.
    """

    at: datetime
    point: Point
    material: Material | Untransferable | None
    sender: str
    recipient: str
    purpose: str
    is_allowed: bool
    clause: str
    reason: Reason
    agreement_sha256: str
    run: str = ""

    def enforce(self) -> None:
        """Do nothing if it is allowed.

        Raises:
            TransferRefused: If it is not; the reason's code is in the context.
        """
        if not self.is_allowed:
            raise TransferRefused(
                f"The agreement does not allow it ({self.reason.words}): see safeborders agreement explain.",
                reason=self.reason.value,
                clause=self.clause,
                run=self.run,
            )


class DecisionJournal(Protocol):
    """Where decisions are kept, append-only."""

    def record(self, decision: Decision) -> None:
        """Make ``decision`` durable.

        Raises:
            DecisionNotRecorded: If it cannot be written; nothing may happen then.
        """

    def find_latest_at(self) -> datetime | None:
        """Return the latest time of any decision, or None; a clock behind it was set back."""

    def list_decisions(self) -> Sequence[Decision]:
        """Return all decisions in the order in which they were taken."""
