"""Seeds, commitments and the hash of the keys equal their definitions: two versions of us understand each other."""

import hashlib
import hmac
import json

import pytest
from benchmarks.circle import build_circle
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from safeborders.models.domain.countries import Country
from safeborders.privacy.aggregation.errors import WrongParties
from safeborders.privacy.aggregation.seeds import check_adverts, commitment, pair_seed

TRANSCRIPT = "ab" * 32
SEED = bytes(range(32))


def hkdf(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block of SHA-256."""
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_a_shared_seed_is_rfc_7748_and_rfc_5869_over_both_names_and_the_transcript() -> None:
    alice, bob = (X25519PrivateKey.from_private_bytes(content) for content in (SEED, SEED[::-1]))
    shared = alice.exchange(bob.public_key())
    expected = hkdf(shared, salt=bytes.fromhex(TRANSCRIPT), info=b"SafeBorders-aggregation-v1|pair|gr|it")
    for private, peer, pair in ((alice, bob, (Country.IT, Country.GR)), (bob, alice, (Country.GR, Country.IT))):
        public = peer.public_key().public_bytes_raw().hex()
        assert pair_seed(private, peer=public, transcript=TRANSCRIPT, pair=pair) == expected
    other = bob.public_key().public_bytes_raw().hex()
    assert pair_seed(alice, peer=other, transcript="cd" * 32, pair=(Country.GR, Country.IT)) != expected
    assert pair_seed(alice, peer=other, transcript=TRANSCRIPT, pair=(Country.GR, Country.RO)) != expected


def test_a_commitment_is_a_hash_of_its_purpose_the_transcript_and_the_seed() -> None:
    content = b"SafeBorders-aggregation-v1|commitment|" + bytes.fromhex(TRANSCRIPT) + SEED
    assert commitment(SEED, transcript=TRANSCRIPT) == hashlib.sha256(content).hexdigest()


def test_the_hash_of_the_keys_is_that_of_their_canonical_document() -> None:
    circle = build_circle()
    context = circle.context(length=4)
    adverts = circle.adverts(context)
    keys = {country.value: advert.body.key for country, advert in adverts.items()}
    document = json.dumps({"context": context.sha256(), "keys": keys}, sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(document.encode()).hexdigest()
    assert check_adverts(adverts, context=context, roster=circle.roster) == expected


def test_a_country_of_the_roster_that_was_not_asked_cannot_join() -> None:
    circle = build_circle()
    context = circle.context(length=4, parties=circle.countries[:-1])
    adverts = circle.adverts(context)
    check_adverts(adverts, context=context, roster=circle.roster)  # control
    stranger = circle.countries[-1]
    body = adverts[circle.countries[0]].body.model_copy(update={"country": stranger, "key": "7" * 64})
    signed = type(adverts[circle.countries[0]]).sign(body, key=circle.keys[stranger])
    with pytest.raises(WrongParties):
        check_adverts({**adverts, stranger: signed}, context=context, roster=circle.roster)
