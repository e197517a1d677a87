"""Seeds of masks: agreed between two countries, or drawn by one; and commitments to them."""

import hashlib
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from safeborders.kit.canonical import document_sha256
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import Advert, AggregationContext, Signed
from safeborders.privacy.aggregation.errors import BadSignature, TooFewParties, WrongContext, WrongParties
from safeborders.privacy.aggregation.masking import SEED_BYTES

_PAIR = b"SafeBorders-aggregation-v1|pair|"
_COMMITMENT = b"SafeBorders-aggregation-v1|commitment|"


def pair_seed(private: X25519PrivateKey, *, peer: str, transcript: str, pair: tuple[Country, Country]) -> bytes:
    """Return the seed that two countries share in one round (RFC 7748, RFC 5869).

    Args:
        private: The own ephemeral key.
        peer: The other's ephemeral public key, hexadecimal.
        transcript: Hash of all adverts of the round, so that both masks fail where the coordinator showed two sets.
        pair: Both countries, in any order.

    Raises:
        ValueError: If the peer's key is of small order.
    """
    shared = private.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(peer)))
    names = "|".join(sorted(pair)).encode()
    derive = HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=bytes.fromhex(transcript), info=_PAIR + names)
    return derive.derive(shared)


def commitment(seed: bytes, *, transcript: str) -> str:
    """Return the commitment to ``seed``, which has 256 bits and so cannot be guessed from it."""
    return hashlib.sha256(_COMMITMENT + bytes.fromhex(transcript) + seed).hexdigest()


def check_adverts(
    adverts: Mapping[Country, Signed[Advert]], *, context: AggregationContext, roster: Mapping[Country, str]
) -> str:
    """Check that each advert is a party's own and that they are not too few, and return the hash of them all.

    Args:
        adverts: What is said to be each party's advert.
        context: Of the round.
        roster: Ed25519 keys from the own copy of the roster, hexadecimal; the coordinator's is not believed.

    Raises:
        WrongParties: If one is not a party's, stands under another's name, or repeats another's key.
        TooFewParties: If they are fewer than the floor.
        WrongContext: If one is for another round.
        BadSignature: If one is not signed by the party's key in the roster.
    """
    if not set(adverts) <= set(context.parties) or len(set(context.parties)) != len(context.parties):
        raise WrongParties("The keys are not those of countries that may take part: the round is not joined.")
    if len(adverts) < context.floor:
        raise TooFewParties("Fewer countries than the floor take part: the round is not joined.")
    for country, advert in adverts.items():
        if advert.body.country is not country:
            raise WrongParties("A key stands under another country's name: the round is not joined.")
        if advert.body.context_sha256 != context.sha256():
            raise WrongContext("A key is for another round: the round is not joined.")
        if country not in roster or not advert.is_signed_by(roster[country]):
            raise BadSignature("A key is not signed by its country's key in the roster: the round is not joined.")
    keys = {country.value: adverts[country].body.key for country in sorted(adverts)}
    if len(set(keys.values())) != len(keys):
        raise WrongParties("Two countries advertise the same key: the round is not joined.")
    return document_sha256({"context": context.sha256(), "keys": keys})
