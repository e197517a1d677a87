"""The evidence of anonymity counts for one country, one model and one plan, and only whole and signed."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.canonical import canonical_json
from safeborders.kit.envelopes import add_signature, seal
from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.privacy.agreement.evidence import (
    ATTACKS,
    PAYLOAD_TYPE,
    AnonymityEvidence,
    AttackVerdict,
    EvidenceRefused,
    countries_with_evidence,
    seal_evidence,
    verify_evidence,
)

KEYS = {name: Ed25519PrivateKey.generate() for name in ("gr", "it")}
PUBLIC = {name: public_key_hex(key) for name, key in KEYS.items()}
MODEL, PLAN = "1" * 64, "2" * 64


def verdict(attack: str, *, passed: bool = True) -> AttackVerdict:
    return AttackVerdict(attack=attack, task="typology", passed=passed, bar="within chance", power="one person")


EVIDENCE = AnonymityEvidence(
    country=Country.GR,
    federation="test",
    run="spring",
    plan_sha256=PLAN,
    model_sha256=MODEL,
    created_at=datetime(2026, 11, 24, tzinfo=UTC),
    epsilon_run=3.0,
    epsilon_spent=4.0,
    epsilon_cap=8.0,
    delta=1e-5,
    unit="person",
    accountant="pld",
    cohort=6,
    attacks=tuple(verdict(attack) for attack in ATTACKS),
    limits=(),
    code_version="0.1.0",
    reviewer="Data protection officer",
)


def signed(*, by: str = "gr", **changes: object) -> bytes:
    return seal_evidence(EVIDENCE.model_copy(update=changes), key=KEYS[by])


def counted(*files: bytes, model: str = MODEL, plan: str = PLAN) -> frozenset[Country]:
    return countries_with_evidence(files, model_sha256=model, plan_sha256=plan, keys=PUBLIC)


def test_whole_evidence_counts_for_its_country() -> None:
    assert verify_evidence(signed(), keys=PUBLIC) == EVIDENCE
    assert counted(signed(), signed(by="it", country=Country.IT)) == {Country.GR, Country.IT}


@pytest.mark.parametrize(
    "changes",
    [
        {"reviewer": " \t"},
        {"attacks": EVIDENCE.attacks[1:]},
        {"attacks": (verdict(ATTACKS[0], passed=False), *EVIDENCE.attacks[1:])},
        {"attacks": (*EVIDENCE.attacks, verdict(ATTACKS[0], passed=False))},
        {"attacks": ()},
    ],
)
def test_what_is_not_whole_counts_for_nobody_and_against_the_whole_file_of_the_same_country(
    changes: dict[str, object],
) -> None:
    partial = seal_evidence(EVIDENCE.model_copy(update=changes), key=KEYS["gr"])
    assert not verify_evidence(partial, keys=PUBLIC).is_complete
    assert counted(partial) == counted(signed(), partial) == counted(partial, signed()) == frozenset()
    assert counted(partial, signed(by="it", country=Country.IT)) == {Country.IT}


def test_evidence_for_another_model_or_plan_neither_counts_nor_harms() -> None:
    assert counted(signed(), model="3" * 64) == counted(signed(), plan="3" * 64) == frozenset()
    assert counted(signed(), signed(model_sha256="3" * 64, reviewer="")) == {Country.GR}


def test_evidence_that_another_country_signed_is_refused() -> None:
    with pytest.raises(EvidenceRefused, match="not signed"):
        verify_evidence(signed(by="it"), keys=PUBLIC)
    with pytest.raises(EvidenceRefused, match="not signed"):
        verify_evidence(signed(), keys={"it": PUBLIC["it"]})
    assert counted(signed(by="it"), signed()) == {Country.GR}


@pytest.mark.parametrize(
    "payload",
    [
        b" " + canonical_json(EVIDENCE.model_dump(mode="json")),
        canonical_json(EVIDENCE.model_dump(mode="json")).replace(b'"cohort":6,', b'"cohort":6,"cohort":9,'),
    ],
)
def test_two_readings_of_one_signed_file_are_refused(payload: bytes) -> None:
    """What was signed must be what is read: of two values of a key one program reads the first, another the last."""
    content = add_signature(seal(payload, kind=PAYLOAD_TYPE), kind=PAYLOAD_TYPE, key=KEYS["gr"])
    with pytest.raises(EvidenceRefused):
        verify_evidence(content, keys=PUBLIC)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", signed()[:-9], seal(b"{}", kind=PAYLOAD_TYPE)])
def test_what_is_no_evidence_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceRefused, match="no evidence"):
        verify_evidence(content, keys=PUBLIC)
