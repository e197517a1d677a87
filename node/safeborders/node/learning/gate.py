"""The gate between an order and everything that costs or leaves: papers, agreement, consent; each answer recorded.

The order of a coordinator counts for nothing here. A run is worked on only if the roster is known to be fresh, the
manifest is signed by the coordinator and two countries of that roster and says what the order says, the agreement that
it names is the one that binds this country today, and the operator consented under it.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from safeborders.kit.clock import Clock
from safeborders.kit.errors import SafeBordersError
from safeborders.models.defaults import BUNDLE_SHA256
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.aggregation import SMALLEST_FLOOR
from safeborders.models.protocol.echoes import Expectation, ModelsDiffer, check_echoes
from safeborders.models.protocol.manifest import (
    Aggregation,
    ManifestRefused,
    RunManifest,
    check_manifest_covers,
    verify_manifest,
)
from safeborders.models.protocol.messages import Header, Kind
from safeborders.models.protocol.papers import Papers, parse_papers
from safeborders.models.protocol.payloads import Order
from safeborders.models.protocol.roster import KeyRole, RosterRefused
from safeborders.node.learning.masked_rounds import KnownKeys
from safeborders.node.learning.policy import ApprovalPending
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.conditions import PrivacyUnit
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.points import check_model_order, check_send, check_start, check_training_message
from safeborders.privacy.agreement.release import Release, find_evidence_flaw

SUPPORTED = frozenset({Aggregation.PLAIN, Aggregation.SECURE})
"""What this version can do; a run that promises more than is done is refused."""
_REASONS: dict[type[SafeBordersError], Reason] = {
    RosterRefused: Reason.ROSTER_STALE,
    ModelsDiffer: Reason.MODELS_DIFFER,
}


@dataclass(frozen=True)
class Spending:
    """What the country's own accountant says about a run.

    Attributes:
        epsilon: Of everything released with this run, at ``delta``, by our own arithmetic.
        delta: Of the run.
        consented_agreement: Version under which the operator approved; None without an approval.
    """

    epsilon: float
    delta: float
    consented_agreement: str | None


@dataclass(frozen=True)
class HandedModel:
    """A final model as an order brings it.

    Attributes:
        model_sha256: Of its weights.
        papers: Of the order.
        took_part: Whether this country's records may be in it, by its own ledger.
    """

    model_sha256: str
    papers: bytes
    took_part: bool


class AgreementGate:
    """Stands before a country's learning.

    Args:
        cabinet: Roster, agreement and declarations that are kept.
        engine: Decides and records.
        node_key: This node's own public key, hexadecimal.
        clock: The time.
    """

    def __init__(self, cabinet: Cabinet, *, engine: PolicyEngine, node_key: str, clock: Clock) -> None:
        self._cabinet = cabinet
        self._engine = engine
        self._node_key = node_key
        self._clock = clock

    def check_start(self) -> Decision:
        """E1: own key in the roster, all signatures, the term. If not, the node runs on and answers no order."""
        try:
            listed = self._cabinet.roster().keys(KeyRole.NODE).get(self._engine.own)
        except RosterRefused:
            listed = None
        if listed != self._node_key:
            return self._engine.note(Point.NODE_START, reason=Reason.NOT_IN_ROSTER, clause="parties")
        return check_start(self._engine)

    def read_papers(self, order: Order, *, header: Header, own_base: str | None) -> RunManifest:
        """Return the manifest that stands behind an order.

        Args:
            order: The order.
            header: Of the message that brought it.
            own_base: Model that we worked on in the round before; None if we took no part.

        Raises:
            ModelsDiffer: If the countries had different models in the round before, or it cannot be seen.
            ManifestRefused: If it is missing, wrongly signed, out of date, or says something else.
            RosterRefused: If the roster is not known to be the newest, or does not hold our key.
        """
        try:
            papers = parse_papers(order.papers)
            manifest = self._checked(papers, order=order, header=header)
            keys = self._cabinet.roster().keys(KeyRole.NODE)
            expected = Expectation(floor=manifest.plan.floor, own_base=own_base, keys=keys)
            check_echoes(papers.echoes, order=header, expected=expected)
        except SafeBordersError as error:
            reason = _REASONS.get(type(error), Reason.MANIFEST_REFUSED)
            self._engine.note(Point.TRAINING_MESSAGE, reason=reason, clause="parties", run=header.run)
            raise
        return manifest

    def check_training(self, manifest: RunManifest, *, spending: Spending) -> None:
        """E2: may we work on this run?

        Raises:
            ApprovalPending: If only the operator's consent under this version is missing.
            TransferRefused: If the agreement does not cover it.
        """
        facts = _facts(manifest, spending=spending)
        _enforce(check_training_message(self._engine, purpose=manifest.plan.purpose, facts=facts))

    def check_sending(self, manifest: RunManifest, *, spending: Spending) -> None:
        """E3: may the update that is stored leave? Raises as ``check_training`` does."""
        facts = _facts(manifest, spending=spending)
        _enforce(check_send(self._engine, purpose=manifest.plan.purpose, facts=facts))

    def check_activation(self, manifest: RunManifest, *, spending: Spending, handed: HandedModel) -> None:
        """E2 for the final model: may we take it into use? Raises as ``check_training`` does.

        Where the agreement asks for evidence, it is looked at here again: the coordinator may have asked for none. This
        country's own evidence must be there if its records may be in the model, and what it keeps itself counts too,
        so that nobody can leave out a file that speaks against the model.
        """
        flaw = self._find_evidence_flaw(manifest, handed)
        facts = replace(_facts(manifest, spending=spending), has_evidence=flaw is None, evidence_flaw=flaw)
        _enforce(check_model_order(self._engine, purpose=manifest.plan.purpose, facts=facts))

    def _find_evidence_flaw(self, manifest: RunManifest, handed: HandedModel) -> Reason | None:
        brought = [one.encode() for one in parse_papers(handed.papers).evidence]
        release = Release(
            model_sha256=handed.model_sha256,
            plan=manifest.plan,
            countries=frozenset({Country(self._engine.own)} if handed.took_part else ()),
            least=manifest.plan.floor,
        )
        return find_evidence_flaw(
            [*brought, *self._cabinet.list_evidence(manifest.plan.run)],
            release=release,
            keys=self._cabinet.roster().keys(KeyRole.NODE),
            now=self._clock(),
        )

    def known_keys(self) -> KnownKeys:
        """Return the countries' node keys of the roster in force. Raises RosterRefused."""
        roster = self._cabinet.roster()
        keys = {Country(name): key for name, key in roster.keys(KeyRole.NODE).items() if name != COORDINATOR}
        return KnownKeys(sha256=roster.sha256, keys=keys)

    def _checked(self, papers: Papers, *, order: Order, header: Header) -> RunManifest:
        now = self._clock()
        self._cabinet.check_fresh(papers.timestamp.encode(), now=now)
        keys = self._cabinet.roster().keys(KeyRole.NODE)
        if keys.get(self._engine.own) != self._node_key:
            raise RosterRefused("The roster does not hold this node's key: it was revoked or not yet enrolled.")
        manifest = verify_manifest(papers.manifest.encode(), keys=keys, now=now)
        check_manifest_covers(
            manifest,
            order.plan,
            # The final model of a run of one round is not the model that the run began with.
            round_number=header.round + (header.kind is Kind.ACTIVATE),
            model_sha256=header.base_model_sha256,
            bundles=(BUNDLE_SHA256,),
        )
        if manifest.aggregation not in SUPPORTED:
            raise ManifestRefused("The manifest names an aggregation that this version lacks: the run is not answered.")
        if manifest.aggregation is Aggregation.SECURE and manifest.plan.floor < SMALLEST_FLOOR:
            raise ManifestRefused("The manifest's floor is too low for masks to hide a country: it is not answered.")
        return manifest


def _facts(manifest: RunManifest, *, spending: Spending) -> Facts:
    """What is known beforehand; the trainer clips always, for no plan lacks a clip_norm."""
    return Facts(
        point=Point.TRAINING_MESSAGE,
        run=manifest.plan.run,
        named_agreement=manifest.agreement_sha256,
        consented_agreement=spending.consented_agreement,
        is_roster_fresh=True,  # read_papers has raised otherwise
        unit=PrivacyUnit.PERSON,
        epsilon_total=Decimal(str(spending.epsilon)),
        delta=Decimal(str(spending.delta)),
        is_clipped=True,
        is_masked=manifest.aggregation is Aggregation.SECURE,
        cohort=manifest.plan.floor,
    )


def _enforce(decision: Decision) -> None:
    if decision.reason is Reason.CONSENT_MISSING:
        raise ApprovalPending("The operator has not approved runs under this agreement: the operator has to decide.")
    decision.enforce()
