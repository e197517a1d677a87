"""A member's card of public keys, for drafting a roster; signed with each key, so that nobody lists another's."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json, sha256_hex
from safeborders.kit.signing import is_signed_by, public_key_hex
from safeborders.models.protocol.plan import Frozen
from safeborders.models.protocol.roster import MemberKeys, RosterRefused

_Key = Field(pattern=r"^[0-9a-f]{64}$")
_Signature = Field(pattern=r"^[0-9a-f]{128}$")


class KeyCard(Frozen):
    """Public keys of one party."""

    federation: str = Field(min_length=1, max_length=64)
    party: str = Field(pattern=r"^(coordinator|[a-z]{2}(-[a-z]{2})?)$")
    agreement: str = _Key
    node: str = _Key
    auditor: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

    def keys(self) -> MemberKeys:
        """Return them as a roster holds them."""
        return MemberKeys(agreement=self.agreement, node=self.node, auditor=self.auditor)

    def fingerprint(self) -> str:
        """Return the short form of the whole card that its holder reads out."""
        digits = sha256_hex(canonical_json(self.model_dump(mode="json")))[:32]
        return "-".join(digits[start : start + 4] for start in range(0, 32, 4))


class _Signed(Frozen):
    card: KeyCard
    by_agreement: str = _Signature
    by_node: str = _Signature
    by_auditor: str | None = Field(default=None, pattern=r"^[0-9a-f]{128}$")


def issue_card(
    federation: str,
    party: str,
    *,
    agreement: Ed25519PrivateKey,
    node: Ed25519PrivateKey,
    auditor: Ed25519PrivateKey | None = None,
) -> bytes:
    """Return the card of ``party``, signed with all of its keys; ``auditor`` is a key of its own for co-signatures."""
    card = KeyCard(
        federation=federation,
        party=party,
        agreement=public_key_hex(agreement),
        node=public_key_hex(node),
        auditor=None if auditor is None else public_key_hex(auditor),
    )
    content = canonical_json(card.model_dump(mode="json"))
    signed = _Signed(
        card=card,
        by_agreement=agreement.sign(content).hex(),
        by_node=node.sign(content).hex(),
        by_auditor=None if auditor is None else auditor.sign(content).hex(),
    )
    return json.dumps(signed.model_dump(mode="json"), indent=1).encode()


def parse_card(content: bytes) -> KeyCard:
    """Return the card if all of its keys signed it.

    Raises:
        RosterRefused: If its form or a signature does not hold.
    """
    try:
        signed = _Signed.model_validate_json(content)
    except ValidationError as error:
        raise RosterRefused("The file is no card of keys: ask the member for it again.") from error
    card, body = signed.card, canonical_json(signed.card.model_dump(mode="json"))
    given = [(card.agreement, signed.by_agreement), (card.node, signed.by_node)]
    if card.auditor is not None:
        given.append((card.auditor, signed.by_auditor or ""))
    for key, signature in given:
        if not is_signed_by(key, signature=bytes.fromhex(signature), content=body):
            raise RosterRefused("The card is not signed with the keys on it: ask the member for a new one.")
    return card
