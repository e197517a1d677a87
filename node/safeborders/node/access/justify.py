"""From three headers to a justification; anything missing or wrong is refused, and nothing of it is repeated."""

import re

from safeborders.models.domain.governance import PURPOSE_CODES
from safeborders.node.access.callers import Caller, Justification
from safeborders.node.access.errors import JustificationMissing, NotAuthenticated, PurposeRefused
from safeborders.node.access.journal import Tokens

_CASE_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 /_.:-]{2,63}")
_MAX_SECRET = 128


def justify(secret: str | None, *, purpose: str | None, case_reference: str | None, tokens: Tokens) -> Justification:
    """Return who looks and why.

    Raises:
        NotAuthenticated: Without a valid token.
        JustificationMissing: Without a purpose code or a case reference.
        PurposeRefused: If the token's role is not for the purpose.
    """
    caller = find_caller(secret, tokens=tokens)
    if caller is None:
        raise NotAuthenticated("A valid token is needed: ask this node's operator for one.")
    asked = PURPOSE_CODES.get(purpose or "")
    if asked is None:
        raise JustificationMissing("State the purpose of the look-up in X-Purpose, one of P1 to P5.")
    if not is_case_reference(case_reference):
        raise JustificationMissing("State the reference of your case in X-Case: 3 to 64 letters, digits and / _ . : -")
    if asked not in caller.grant.purposes:
        raise PurposeRefused("Your token is not for this purpose: ask this node's operator.")
    return Justification(caller=caller, purpose=asked, case_reference=str(case_reference))


def is_case_reference(text: str | None) -> bool:
    """Return whether ``text`` has the form of a reference: 3 to 64 letters, digits and a few signs."""
    return bool(text and _CASE_REFERENCE.fullmatch(text))


def find_caller(secret: str | None, *, tokens: Tokens) -> Caller | None:
    """Return whose token ``secret`` is; None when it is missing, too long, revoked or nobody's."""
    return tokens.find_caller(secret) if secret and len(secret) <= _MAX_SECRET else None
