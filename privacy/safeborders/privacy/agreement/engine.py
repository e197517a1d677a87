"""The engine that says whether something may leave: deny by default, each answer recorded before it is given.

Order of the questions: may it ever (raw records)? does an agreement bind here and now? does the other side mean the
same one? is the way open (onward transfer, third countries)? is there a grant for material, way and purpose? do all
conditions of that grant hold? Only the last yes is a yes.
"""

from collections.abc import Callable

from safeborders.kit.clock import Clock
from safeborders.models.domain.materials import Material, Untransferable
from safeborders.privacy.agreement.breaches import find_breach
from safeborders.privacy.agreement.decisions import Decision, DecisionJournal, Point, Reason
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.standing import CLOCK_TOLERANCE, Standing
from safeborders.privacy.agreement.terms import Agreement
from safeborders.privacy.agreement.ways import find_closing_party, is_strict

_NEEDS_CONSENT = frozenset({Point.TRAINING_MESSAGE, Point.SEND})
_NEEDS_ROSTER = frozenset({Point.TRAINING_MESSAGE, Point.SEND, Point.ROUND_START, Point.RELEASE})

_Verdict = tuple[Reason, str]


class PolicyEngine:
    """Decides for one party.

    Args:
        own: Who we are: a country's code or coordinator.
        standing: Gives the agreement as it is kept at this moment.
        journal: Where every decision goes first.
        clock: The time.
    """

    def __init__(self, own: str, *, standing: Callable[[], Standing], journal: DecisionJournal, clock: Clock) -> None:
        self._own = own
        self._standing = standing
        self._journal = journal
        self._clock = clock

    @property
    def own(self) -> str:
        """Who we are."""
        return self._own

    def look(self) -> Standing:
        """Return how the agreement stands."""
        return self._standing()

    def check(
        self, material: Material | Untransferable, *, sender: str, recipient: str, purpose: str, facts: Facts
    ) -> Decision:
        """Decide whether ``material`` may go from ``sender`` to ``recipient`` for ``purpose``.

        Args:
            material: Its class.
            sender: Party that would send.
            recipient: Party that would receive.
            purpose: P1 to P5.
            facts: What is known.

        Returns:
            The decision, which is in the journal already.

        Raises:
            DecisionNotRecorded: If the journal cannot be written: no answer, so nothing may happen.
        """
        standing, now = self._standing(), self._clock()
        reason, clause = self._judge(material, way=(sender, recipient, purpose), facts=facts, standing=standing)
        decision = Decision(
            at=now,
            point=facts.point,
            material=material,
            sender=sender,
            recipient=recipient,
            purpose=purpose,
            is_allowed=reason is Reason.PERMITTED,
            clause=clause,
            reason=reason,
            agreement_sha256=standing.sha256,
            run=facts.run,
        )
        self._journal.record(decision)
        return decision

    def check_binding(self, point: Point) -> Decision:
        """Decide whether an agreement binds us at all, now; recorded like every other decision."""
        reason, clause = self._obstacle(self._standing()) or (Reason.PERMITTED, "term")
        return self.note(point, reason=reason, clause=clause)

    def note(self, point: Point, *, reason: Reason, clause: str, run: str = "") -> Decision:
        """Record a decision that is about no material: what was found before it could come to one.

        Raises:
            DecisionNotRecorded: If the journal cannot be written.
        """
        decision = Decision(
            at=self._clock(),
            point=point,
            material=None,
            sender="",
            recipient="",
            purpose="",
            is_allowed=reason is Reason.PERMITTED,
            clause=clause,
            reason=reason,
            agreement_sha256=self._standing().sha256,
            run=run,
        )
        self._journal.record(decision)
        return decision

    def _judge(
        self,
        material: Material | Untransferable,
        *,
        way: tuple[str, str, str],
        facts: Facts,
        standing: Standing,
    ) -> _Verdict:
        if isinstance(material, Untransferable):
            return Reason.RAW_RECORDS, "prohibited"
        obstacle = self._obstacle(standing) or _outside(standing, facts=facts)
        if obstacle is not None:
            return obstacle
        agreement = standing.agreement
        if agreement is None or not {way[0], way[1]} <= set(agreement.party_names):
            return Reason.NOT_A_PARTY, "parties"
        return _closed_way(agreement, material, way=way, facts=facts) or _granted(
            agreement, material, way=way, facts=facts
        )

    def _obstacle(self, standing: Standing) -> _Verdict | None:
        now, latest = self._clock(), self._journal.find_latest_at()
        if latest is not None and now < latest - CLOCK_TOLERANCE:
            return Reason.CLOCK_SET_BACK, "term"
        reason = standing.find_obstacle(self._own, now=now)
        return None if reason is None else (reason, "term")


def _outside(standing: Standing, *, facts: Facts) -> _Verdict | None:
    """What has to hold around the agreement: keys known to be fresh, one version on both sides, consent under it."""
    if facts.point in _NEEDS_ROSTER and not facts.is_roster_fresh:
        return Reason.ROSTER_STALE, "parties"
    must_match = facts.point in _NEEDS_ROSTER or facts.named_agreement is not None
    if must_match and facts.named_agreement != standing.sha256:
        return Reason.AGREEMENT_MISMATCH, "parties"
    if facts.point in _NEEDS_CONSENT and facts.consented_agreement != standing.sha256:
        return Reason.CONSENT_MISSING, "amendment"
    return None


def _closed_way(
    agreement: Agreement, material: Material, *, way: tuple[str, str, str], facts: Facts
) -> _Verdict | None:
    sender, recipient, _ = way
    if facts.origin is not None and facts.origin != sender:
        return Reason.ONWARD_TRANSFER, "onward_transfer"
    closing = find_closing_party(agreement, material, sender=sender, recipient=recipient)
    if closing is not None:
        return Reason.THIRD_COUNTRY, f"third_countries.{closing}"
    strict = next((name for name in (sender, recipient) if is_strict(agreement, name)), None)
    if strict is not None and not _is_protected(material, facts):
        return Reason.THIRD_COUNTRY, f"third_countries.{strict}"
    return None


def _is_protected(material: Material, facts: Facts) -> bool:
    """What the strict profile adds to the grant: an update is masked, a model has its evidence, noise in both."""
    if material is Material.MODEL:
        return facts.has_evidence
    return facts.epsilon_total is not None and (facts.is_masked or material is not Material.UPDATE)


def _granted(agreement: Agreement, material: Material, *, way: tuple[str, str, str], facts: Facts) -> _Verdict:
    sender, recipient, purpose = way
    on_way = [
        grant
        for grant in agreement.grants
        if grant.material is material and grant.covers(sender=sender, recipient=recipient)
    ]
    if not on_way:
        return Reason.NOT_GRANTED, "grants"
    for_purpose = [grant for grant in on_way if purpose in grant.purposes]
    if not for_purpose:
        return Reason.PURPOSE_NOT_GRANTED, on_way[0].clause
    verdicts = [(find_breach(grant, facts=facts) or Reason.PERMITTED, grant.clause) for grant in for_purpose]
    return next((verdict for verdict in verdicts if verdict[0] is Reason.PERMITTED), verdicts[0])
