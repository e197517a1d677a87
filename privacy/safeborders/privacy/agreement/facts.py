"""What is known about a transfer that is about to happen; what is not known counts against it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from safeborders.models.domain.governance import Handling
from safeborders.models.domain.materials import ProtectedGroup
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.privacy.agreement.conditions import PrivacyUnit
from safeborders.privacy.agreement.decisions import Point, Reason


@dataclass(frozen=True)
class Facts:
    """What the caller knows; every default is the unfavourable one.

    Attributes:
        point: Where the question is asked.
        run: The run that it is about, if any.
        named_agreement: Hash of the agreement that the other side names; None where no other side is involved.
        consented_agreement: Hash of the version that this node's operator consented under; None where none is needed.
        is_roster_fresh: Whether the roster of keys was confirmed within its period.
        origin: Party that provided the material, when it is not the sender.
        unit: Whose presence the noise hides.
        epsilon_total: What everything released under the agreement has cost with this, at ``delta``.
        delta: At which ``epsilon_total`` holds.
        is_clipped: Whether every contribution was clipped.
        is_masked: Whether secure aggregation hides the single contribution.
        cohort: Countries among which it is aggregated.
        has_evidence: Whether the evidence of anonymity is complete.
        evidence_flaw: Why it is not; None says that there is none at all.
        is_working_copy: Whether a model is handed over for the next round's update, or for the audit itself, and for no
            use; evidence can only be made of a model that its auditors have.
        smallest_count: Least number of persons behind any figure.
        categories: Categories of the persons concerned.
        protected: Protected groups among them.
        handling: Strictest handling code.
        kept: How long it has been, or will be, kept.
        queries_today: Queries answered today, this one included.
        is_confirmed: Whether a person confirmed the disclosure.
    """

    point: Point
    run: str = ""
    named_agreement: str | None = None
    consented_agreement: str | None = None
    is_roster_fresh: bool = False
    origin: str | None = None
    unit: PrivacyUnit | None = None
    epsilon_total: Decimal | None = None
    delta: Decimal | None = None
    is_clipped: bool = False
    is_masked: bool = False
    cohort: int | None = None
    has_evidence: bool = False
    evidence_flaw: Reason | None = None
    is_working_copy: bool = False
    smallest_count: int | None = None
    categories: frozenset[DataSubjectCategory] | None = None
    protected: frozenset[ProtectedGroup] | None = None
    handling: Handling | None = None
    kept: timedelta | None = None
    queries_today: int | None = None
    is_confirmed: bool = False
