"""Requests and kits: only what the named key signed is read, and only the authority that was compared is believed."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.canonical import canonical_json
from safeborders.kit.envelopes import add_signature, seal
from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import (
    KIT,
    EdgeRequest,
    EnrolmentRefused,
    EnrolmentRequest,
    Kit,
    SignedRequest,
    fingerprint,
    issue_kit,
    open_kit,
    read_request,
)

AUTHORITY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
MEMBER = Ed25519PrivateKey.generate()
KEPT = Kit(
    federation="test",
    party="gr",
    signing_key=public_key_hex(MEMBER),
    flower_key="key",
    authority_key=public_key_hex(AUTHORITY),
    coordinator_key="1" * 64,
    edge_names=("localhost",),
    root="root",
    issuing="issuing",
    certificate="certificate",
    revocations="list",
    roster="",
    issued_at=datetime(2026, 11, 24, tzinfo=UTC),
)
SPOKEN = fingerprint(KEPT.authority_key)


def test_a_kit_is_believed_by_the_spoken_fingerprint_or_the_key_that_is_kept() -> None:
    content = issue_kit(KEPT, key=AUTHORITY)
    assert open_kit(content, spoken=SPOKEN) == KEPT
    assert open_kit(content, spoken=f" {SPOKEN.upper()}\n") == KEPT
    assert open_kit(content, authority_key=KEPT.authority_key) == KEPT


def _altered() -> bytes:
    document = json.loads(issue_kit(KEPT, key=AUTHORITY))
    payload = KEPT.model_copy(update={"coordinator_key": "2" * 64}).model_dump(mode="json")
    document["payload"] = base64.b64encode(canonical_json(payload)).decode()
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "content",
    [
        _altered(),
        issue_kit(KEPT, key=OTHER),
        seal(canonical_json(KEPT.model_dump(mode="json")), kind=KIT),
        add_signature(seal(canonical_json(KEPT.model_dump(mode="json")), kind="x/y"), kind="x/y", key=AUTHORITY),
        add_signature(seal(b"{}", kind=KIT), kind=KIT, key=AUTHORITY),
        b"",
        b"[]",
    ],
    ids=["altered", "another's signature", "unsigned", "another kind", "another form", "empty", "list"],
)
def test_what_the_authority_did_not_sign_is_no_kit(content: bytes) -> None:
    for trust in ({"spoken": SPOKEN}, {"authority_key": KEPT.authority_key}):
        with pytest.raises(EnrolmentRefused):
            open_kit(content, **trust)


def test_no_fingerprint_and_another_one_believe_nothing() -> None:
    content = issue_kit(KEPT, key=AUTHORITY)
    for spoken in ("", "0000-0000", SPOKEN[:-1], fingerprint(public_key_hex(OTHER))):
        with pytest.raises(EnrolmentRefused, match="fingerprint"):
            open_kit(content, spoken=spoken)
    own = KEPT.model_copy(update={"authority_key": public_key_hex(OTHER)})
    with pytest.raises(EnrolmentRefused, match="another authority"):
        open_kit(issue_kit(own, key=OTHER), authority_key=KEPT.authority_key, spoken=fingerprint(own.authority_key))


@pytest.mark.parametrize(
    "request_",
    [
        EnrolmentRequest(
            federation="test",
            country=Country.GR,
            signing_key=public_key_hex(MEMBER),
            flower_key="key",
            certificate_request="csr",
            epsilon_cap=8,
        ),
        EdgeRequest(
            federation="test",
            edge_names=("localhost",),
            signing_key=public_key_hex(MEMBER),
            certificate_request="csr",
        ),
    ],
    ids=["country", "coordinator"],
)
def test_a_request_is_read_when_its_own_key_signed_it(request_: EnrolmentRequest | EdgeRequest) -> None:
    content = SignedRequest.sign(request_, key=MEMBER).to_bytes()
    assert read_request(content) == request_
    assert request_.party in {"gr", "coordinator"}
    for wrong in (
        SignedRequest.sign(request_, key=OTHER).to_bytes(),
        content.replace(b'"test"', b'"next"'),
        content.replace(b"federation", b"fellowship"),
        content[:-1],
        b"{}",
    ):
        with pytest.raises(EnrolmentRefused):
            read_request(wrong)
