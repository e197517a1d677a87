"""What the coordinator accepts from a country: everything is checked; that Flower delivered it proves nothing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Header, Kind, SignedMessage, parse_message
from safeborders.models.protocol.vectors import parse_update
from safeborders.server.federation.exchange import Answer


class UnexpectedHeader(SafeBordersError):
    """A well-signed reply answers another question than the one it was sent for."""

    code: ClassVar[str] = "federation.unexpected_header"


class UnknownSender(SafeBordersError):
    """No key of this country is in the roster."""

    code: ClassVar[str] = "federation.unknown_sender"


@dataclass(frozen=True)
class Question:
    """A message that was sent, and what an honest reply to it must say."""

    header: Header
    reply_kind: Kind
    sent_at: float

    @property
    def country(self) -> Country:
        """Who was asked."""
        return self.header.country


def parse_reply(question: Question, answer: Answer, *, roster: dict[Country, str]) -> SignedMessage:
    """Return the reply if the asked country signed it for exactly this question.

    Raises:
        UnknownSender: If the roster holds no key of the country.
        MessageRefused: If form, payload hash or signature does not hold.
        UnexpectedHeader: If it is for another federation, run, round, country, sequence, plan or model.
    """
    key = roster.get(question.country)
    if key is None:
        raise UnknownSender("The country is not in the roster: its reply was not counted.")
    reply = parse_message(answer.header, signature=answer.signature, payload=answer.payload, public_key=key)
    expected = question.header.model_copy(
        update={"kind": question.reply_kind, "payload_sha256": reply.header.payload_sha256}
    )
    if reply.header != expected:
        raise UnexpectedHeader("The reply is for another round or message: it was not counted.")
    return reply


def parse_update_of(reply: SignedMessage, *, length: int, bound: int) -> NDArray[np.int64]:
    """Return the update that ``reply`` carries.

    Raises:
        MessageRefused: If its length or an entry is out of bounds.
    """
    return parse_update(reply.payload, length=length, bound=bound)
