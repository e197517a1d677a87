"""What stage C leaves behind at home, and the port through which it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from safeborders.models.domain.governance import Purpose
from safeborders.node.graph.records import Records
from safeborders.node.learning.home import StaysHome

LEARNING = Purpose.TYPOLOGY | Purpose.NETWORK
"""Purposes that learning may serve at all; a run names one of them."""


@dataclass(frozen=True)
class Reason:
    """Why a link is suggested (positive weight) or what speaks against it (negative weight), in plain words."""

    text: str
    weight: float


@dataclass(frozen=True, repr=False)
class SuggestedLink(StaysHome):
    """Two persons who may belong together; a hypothesis about a link, never about a person."""

    first_id: str
    second_id: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, repr=False)
class CaseTypeHypothesis(StaysHome):
    """How likely each type is for a case without a human label, and why the likeliest is before the next."""

    case_id: str
    probabilities: Mapping[str, float]
    reasons: tuple[Reason, ...] = ()

    @property
    def case_type(self) -> str:
        """The most likely type."""
        return max(self.probabilities, key=lambda case_type: self.probabilities[case_type])


@dataclass(frozen=True, repr=False)
class RoleHypothesis(StaysHome):
    """How likely each part is for a suspect of a case, in that case alone, where nobody has stated one.

    Never about a person as such: without the case it says nothing, and outside it nobody may be shown it.
    """

    person_id: str
    case_id: str
    probabilities: Mapping[str, float]
    reasons: tuple[Reason, ...] = ()

    @property
    def role(self) -> str:
        """The most likely part."""
        return max(self.probabilities, key=lambda role: self.probabilities[role])


@dataclass(frozen=True, repr=False)
class Outcomes(StaysHome):
    """All that one run leaves behind."""

    links: Sequence[SuggestedLink] = ()
    cases: Sequence[CaseTypeHypothesis] = ()
    roles: Sequence[RoleHypothesis] = ()


class LearningStore(Protocol):
    """The country's database as learning sees it."""

    def load_records(self, purposes: Purpose = LEARNING) -> Records:
        """Return what may be learnt from for one of ``purposes``.

        Nothing restricted, overdue, withheld from training, of handling H2, or about a person of unknown category.
        """

    def snapshot_mark(self) -> str:
        """Return a mark that changes when records that were read before may no longer be used as they were."""

    def load_source_keys(self) -> Mapping[str, str]:
        """Return what the source files call each case and person, by our identifier; for evaluation at home only."""

    def replace_outcomes(self, outcomes: Outcomes, *, run: str, model_sha256: str) -> None:
        """Put the hypotheses of a run in place of all earlier ones, in one transaction."""
