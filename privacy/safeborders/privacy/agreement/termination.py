"""How an agreement ends before its last day: any party may give notice; breach or lost adequacy end it at once."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.kit.envelopes import add_signature, find_signers, open_envelope, seal
from safeborders.models.protocol.plan import Frozen, Sha256
from safeborders.privacy.agreement.errors import SignaturesMissing, TermsUnreadable
from safeborders.privacy.agreement.terms import Agreement, PartyName

PAYLOAD_TYPE = "application/vnd.safeborders.mta-termination+json"


class Ground(StrEnum):
    """Why a party ends the agreement."""

    NOTICE = "notice"
    BREACH = "breach"
    ADEQUACY_LOSS = "adequacy_loss"


class Termination(Frozen):
    """A party's declaration that it ends one version of the agreement."""

    agreement_sha256: Sha256
    by: PartyName
    ground: Ground = Field(strict=False)
    notified_on: date = Field(strict=False)

    def ends_on(self, agreement: Agreement) -> date:
        """Return the first day (UTC) on which nothing may leave any more.

        A ground that the agreement does not list as immediate counts as plain notice.
        """
        immediate = self.ground.value in {ground.value for ground in agreement.termination.immediate_on}
        days = 0 if immediate else agreement.termination.notice_days
        return self.notified_on + timedelta(days=days)


def declare(termination: Termination, *, key: Ed25519PrivateKey) -> bytes:
    """Return the signed declaration."""
    content = seal(canonical_json(termination.model_dump(mode="json")), kind=PAYLOAD_TYPE)
    return add_signature(content, kind=PAYLOAD_TYPE, key=key)


def read_termination(content: bytes) -> Termination:
    """Return what a declaration says, whoever signed it.

    Raises:
        EnvelopeRefused: If it is no envelope with a declaration.
        TermsUnreadable: If the declaration has an unknown form.
    """
    try:
        return Termination.model_validate_json(open_envelope(content, kind=PAYLOAD_TYPE))
    except ValidationError as error:
        raise TermsUnreadable("The declaration has an unknown form: both ends need the same version.") from error


def parse_termination(content: bytes, *, keys: Mapping[str, str]) -> Termination:
    """Return the declaration that its party signed; once it was believed, a later change of keys revives nothing.

    Raises:
        EnvelopeRefused: If it is no envelope with a declaration.
        TermsUnreadable: If the declaration has an unknown form.
        SignaturesMissing: If it is not signed with its party's agreement key.
    """
    termination = read_termination(content)
    known = {termination.by: keys[termination.by]} if termination.by in keys else {}
    if termination.by not in find_signers(content, kind=PAYLOAD_TYPE, keys=known):
        raise SignaturesMissing("The declaration is not signed by the party that it names: it ends nothing.")
    return termination


def end_of(agreement: Agreement, *, terminations: Iterable[Termination]) -> date | None:
    """Return the first day without the agreement because of ``terminations``; None when none is about this version."""
    days = [one.ends_on(agreement) for one in terminations if one.agreement_sha256 == agreement.sha256()]
    return min(days, default=None)
