"""The evidence that a released model is anonymous (domain.md R-ANON): one signed file per country and model.

It travels, so it holds verdicts and figures that no record decides: the price of the run, the settings and power of
each attack, passed or not. What an attack found in records stays in the node's own report (docs/decisions/0117).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.kit.envelopes import EnvelopeRefused, add_signature, find_signers, open_envelope, seal
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RUN_NAME, Frozen, RunPlan, Sha256, Stage
from safeborders.privacy.agreement.errors import AgreementError

PAYLOAD_TYPE = "application/vnd.safeborders.anonymity-evidence+json"
ATTACKS = ("delete_one", "canaries", "membership", "inversion")
"""Attacks that complete evidence holds, on every network of the run (``attacks_on``)."""


class EvidenceRefused(AgreementError):
    """A file is no evidence of this version, or the country that it speaks for has not signed it."""

    code: ClassVar[str] = "agreement.evidence_refused"


class AttackVerdict(Frozen):
    """What one attack on one task came to."""

    attack: str = Field(min_length=1, max_length=40)
    task: str = Field(min_length=1, max_length=40)
    passed: bool
    bar: str = Field(max_length=400, description="What it had to stay within.")
    power: str = Field(max_length=800, description="What the attack could have seen, and what it could not.")


class AnonymityEvidence(Frozen):
    """The document of R-ANON."""

    version: int = Field(default=1, ge=1, le=1)
    country: Country = Field(strict=False)
    federation: str = Field(min_length=1, max_length=64)
    run: str = Field(pattern=RUN_NAME)
    plan_sha256: Sha256
    model_sha256: Sha256
    created_at: datetime = Field(strict=False)
    epsilon_run: float = Field(ge=0, allow_inf_nan=False, description="Of one country's messages in the run.")
    epsilon_spent: float = Field(ge=0, allow_inf_nan=False, description="Of everything the country ever sent.")
    epsilon_cap: float = Field(ge=0, allow_inf_nan=False, description="What the country may ever spend.")
    delta: float = Field(gt=0, lt=1)
    unit: str = Field(min_length=1, max_length=400, description="Whose presence the noise hides.")
    accountant: str = Field(min_length=1, max_length=200)
    cohort: int = Field(ge=1, description="Fewest countries among which updates are summed.")
    attacks: tuple[AttackVerdict, ...] = Field(strict=False)
    limits: tuple[str, ...] = Field(strict=False, description="How the model may be asked, and what is not shown.")
    code_version: str = Field(min_length=1, max_length=100)
    reviewer: str = Field(max_length=200, description="Who looked at it; empty when nobody did.")

    @property
    def is_complete(self) -> bool:
        """Whether a human reviewed it, every attack was made, and all were withstood."""
        made = {verdict.attack for verdict in self.attacks}
        withstood = bool(self.attacks) and all(verdict.passed for verdict in self.attacks)
        return bool(self.reviewer.strip()) and made >= set(ATTACKS) and withstood

    def covers(self, plan: RunPlan) -> bool:
        """Whether every network of ``plan`` was attacked in every way that there is."""
        return {(verdict.attack, verdict.task) for verdict in self.attacks} >= attacks_on(plan)


def attacks_on(plan: RunPlan) -> frozenset[tuple[str, str]]:
    """Return the attacks that a run's model must withstand, each with the network that it is on.

    Gradients are inverted for encoders alone, where one row is one record.
    """
    return frozenset(
        (attack, task.name)
        for task in plan.tasks
        for attack in ATTACKS
        if attack != "inversion" or task.stage is Stage.ENCODER
    )


def seal_evidence(evidence: AnonymityEvidence, *, key: Ed25519PrivateKey) -> bytes:
    """Return the canonical document in an envelope, signed with the node's ``key``."""
    content = seal(canonical_json(evidence.model_dump(mode="json")), kind=PAYLOAD_TYPE)
    return add_signature(content, kind=PAYLOAD_TYPE, key=key)


def read_evidence(content: bytes) -> AnonymityEvidence:
    """Return what a file says, whoever signed it. Raises EvidenceRefused if it is no evidence of this version."""
    try:
        payload = open_envelope(content, kind=PAYLOAD_TYPE)
        evidence = AnonymityEvidence.model_validate_json(payload)
    except (EnvelopeRefused, ValidationError) as error:
        raise EvidenceRefused(
            "The file is no evidence of anonymity of this version: run safeborders audit privacy again."
        ) from error
    if canonical_json(evidence.model_dump(mode="json")) != payload:
        raise EvidenceRefused("The evidence is not in its canonical form: ask the country for its own file.")
    return evidence


def verify_evidence(content: bytes, *, keys: Mapping[str, str]) -> AnonymityEvidence:
    """Return the evidence if the country that it speaks for has signed it.

    Args:
        content: The file.
        keys: Node keys of the roster, hexadecimal, by country.

    Raises:
        EvidenceRefused: If it is no evidence of this version, is not canonical, or lacks that signature.
    """
    evidence = read_evidence(content)
    if evidence.country.value not in find_signers(content, kind=PAYLOAD_TYPE, keys=keys):
        raise EvidenceRefused("The evidence is not signed by the country that it speaks for: ask that country.")
    return evidence


def countries_with_evidence(
    files: Iterable[bytes], *, model_sha256: str, plan_sha256: str, keys: Mapping[str, str]
) -> frozenset[Country]:
    """Return the countries whose complete, signed evidence for this very model and plan is among ``files``.

    Files that are refused count for nobody. A country that also signed evidence which is not complete for the same
    model is left out: the unfavourable file decides.
    """
    verdicts: dict[Country, bool] = {}
    for content in files:
        try:
            evidence = verify_evidence(content, keys=keys)
        except EvidenceRefused:
            continue
        if (evidence.model_sha256, evidence.plan_sha256) == (model_sha256, plan_sha256):
            verdicts[evidence.country] = verdicts.get(evidence.country, True) and evidence.is_complete
    return frozenset(country for country, is_good in verdicts.items() if is_good)
