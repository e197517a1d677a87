"""Signatures under an agreement: one per party, all of them, each with the key that the roster holds for the party."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.envelopes import add_signature, find_signers, open_envelope, seal
from safeborders.privacy.agreement.errors import AgreementRolledBack, SignaturesMissing
from safeborders.privacy.agreement.source import parse_canonical
from safeborders.privacy.agreement.terms import Agreement

PAYLOAD_TYPE = "application/vnd.safeborders.mta+json"


@dataclass(frozen=True)
class SignatureState:
    """Who has signed an agreement and who has not."""

    agreement: Agreement
    signed: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties whose signature is missing or does not hold, in the agreement's order."""
        return tuple(name for name in self.agreement.party_names if name not in self.signed)


def draft(agreement: Agreement) -> bytes:
    """Return the envelope that travels from party to party, unsigned."""
    return seal(agreement.canonical(), kind=PAYLOAD_TYPE)


def read_agreement(content: bytes) -> Agreement:
    """Return what the document says, whoever signed it. Raises EnvelopeRefused or TermsUnreadable."""
    return parse_canonical(open_envelope(content, kind=PAYLOAD_TYPE))


def sign(content: bytes, *, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope with one more signature. Raises EnvelopeRefused or TermsUnreadable."""
    read_agreement(content)  # nobody signs what this version cannot read
    return add_signature(content, kind=PAYLOAD_TYPE, key=key)


def look_at_signatures(content: bytes, *, keys: Mapping[str, str]) -> SignatureState:
    """Return the agreement and who has signed it.

    Args:
        content: The envelope.
        keys: The agreement keys of the roster, hexadecimal, by party.

    Raises:
        EnvelopeRefused: If it is no envelope with an agreement.
        TermsUnreadable: If this version does not understand it.
    """
    agreement = read_agreement(content)
    known = {name: keys[name] for name in agreement.party_names if name in keys}
    return SignatureState(agreement=agreement, signed=find_signers(content, kind=PAYLOAD_TYPE, keys=known))


def verify(content: bytes, *, keys: Mapping[str, str]) -> Agreement:
    """Return the agreement that every party has signed.

    Raises:
        SignaturesMissing: If one has not; the sentence names who.
        EnvelopeRefused: If it is no envelope with an agreement.
        TermsUnreadable: If this version does not understand it.
    """
    state = look_at_signatures(content, keys=keys)
    if state.missing:
        who = ", ".join(state.missing)
        raise SignaturesMissing(f"The agreement lacks the signature of {who}: it binds nobody until they sign.")
    return state.agreement


def check_succession(new: Agreement, *, current: Agreement | None) -> None:
    """Refuse a document that is not the very next version of the agreement that is kept; the same again is no change.

    Raises:
        AgreementRolledBack: If it is older, skips a version, or succeeds another text.
    """
    if current is None or new.sha256() == current.sha256():
        return
    succeeds = (new.id, new.version, new.parent) == (current.id, current.version + 1, current.sha256())
    if not succeeds:
        raise AgreementRolledBack("The document does not succeed the agreement kept here: get the next version of it.")
