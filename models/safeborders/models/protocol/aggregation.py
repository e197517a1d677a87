"""Messages of secure aggregation (crypto.md 2.3): each is signed by its sender, and bound to one round of one run.

A signature covers the kind of the message and its canonical JSON, so that none can stand in for another.
"""

from enum import StrEnum
from typing import Annotated, Generic, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json, document_sha256
from safeborders.kit.signing import is_signed_by
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.manifest import RunManifest
from safeborders.models.protocol.messages import Header, MessageRefused
from safeborders.models.protocol.payloads import split_part, with_length
from safeborders.models.protocol.plan import RUN_NAME, Frozen, Sha256

SMALLEST_FLOOR = 6
"""Fewest survivors whose sum may be opened: with fewer, colluding countries could single one out (crypto.md 2.3)."""

_DOMAIN = b"SafeBorders-aggregation-v1|"
_Key = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Party = Annotated[Country, Field(strict=False)]


class Step(StrEnum):
    """What a message is, in the order in which they are sent."""

    ADVERT = "advert"
    UPLOAD = "upload"
    CONFIRMATION = "confirmation"
    REVEAL = "reveal"


class AggregationContext(Frozen):
    """The one round that keys, masks and signatures are for; any difference makes another context.

    It is never sent: each end builds it from what it knows, and two that know different things have no common round.

    Attributes:
        manifest_sha256: The signed document that allows the run.
        roster_sha256: The roster whose keys count.
        parties: Who may take part, in a fixed order; those who advertise a key do.
        floor: Fewest countries, at the start and at the end, at least ``SMALLEST_FLOOR``.
        length: Entries of the vector that is added.
    """

    federation: str = Field(min_length=1, max_length=64)
    run: str = Field(pattern=RUN_NAME)
    round: int = Field(ge=1, le=1000)
    manifest_sha256: Sha256
    base_model_sha256: Sha256
    roster_sha256: Sha256
    parties: tuple[_Party, ...] = Field(strict=False, max_length=64)
    floor: int = Field(ge=SMALLEST_FLOOR)
    length: int = Field(ge=1, le=2**28)

    def sha256(self) -> str:
        """Return the hash that every message of the round repeats."""
        return document_sha256(self.model_dump(mode="json"))


class Advert(Frozen):
    """A party's ephemeral X25519 key for this round."""

    context_sha256: Sha256
    country: _Party
    key: _Key


class Upload(Frozen):
    """What a masked vector belongs to, with commitments to the seeds of its masks.

    Attributes:
        transcript_sha256: Of all adverts, in the order of the context's parties.
        vector_sha256: Of the masked vector's bytes.
        own_commitment: Commitment to the seed of the party's own mask.
        pair_commitments: Commitments to the seeds shared with each other party; both ends must make the same.
    """

    context_sha256: Sha256
    transcript_sha256: Sha256
    country: _Party
    vector_sha256: Sha256
    own_commitment: Sha256
    pair_commitments: dict[str, Sha256]


class Survivors(Frozen):
    """Whose vectors arrived in time, and which; the coordinator's word, so it carries no signature of its own."""

    context_sha256: Sha256
    transcript_sha256: Sha256
    vectors: dict[str, Sha256]

    def sha256(self) -> str:
        """Return the hash that confirmations sign."""
        return document_sha256(self.model_dump(mode="json"))


class Confirmation(Frozen):
    """A survivor's word that it has seen this set of survivors, and no other, for this round."""

    context_sha256: Sha256
    survivors_sha256: Sha256
    country: _Party


class Reveal(Frozen):
    """The seed of the own mask, and the seeds shared with those who are not among the survivors; never both of one."""

    context_sha256: Sha256
    survivors_sha256: Sha256
    country: _Party
    own_seed: _Key
    pair_seeds: dict[str, _Key]


Body = TypeVar("Body", Advert, Upload, Confirmation, Reveal)

_STEPS: dict[type[Frozen], Step] = {
    Advert: Step.ADVERT,
    Upload: Step.UPLOAD,
    Confirmation: Step.CONFIRMATION,
    Reveal: Step.REVEAL,
}


class Signed(Frozen, Generic[Body]):
    """A message with its sender's Ed25519 signature."""

    body: Body
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")

    @classmethod
    def sign(cls, body: Body, *, key: Ed25519PrivateKey) -> Self:
        """Sign ``body`` with ``key``."""
        return cls(body=body, signature=key.sign(_content(body)).hex())

    def is_signed_by(self, public_key: str) -> bool:
        """Tell whether the holder of ``public_key`` (hexadecimal) signed this body as a message of its kind."""
        return is_signed_by(public_key, signature=bytes.fromhex(self.signature), content=_content(self.body))


def _content(body: Advert | Upload | Confirmation | Reveal) -> bytes:
    step = _STEPS[type(body)]
    return _DOMAIN + step.value.encode() + b"|" + canonical_json(body.model_dump(mode="json"))


def build_context(manifest: RunManifest, *, header: Header, roster_sha256: str, length: int) -> AggregationContext:
    """Return the context of the round that an order's ``header`` is for.

    Args:
        manifest: Of the run, verified.
        header: Of any order of the round.
        roster_sha256: Of the own verified roster.
        length: Entries of an update.
    """
    return AggregationContext(
        federation=header.federation,
        run=header.run,
        round=header.round,
        manifest_sha256=manifest.sha256(),
        base_model_sha256=header.base_model_sha256,
        roster_sha256=roster_sha256,
        parties=manifest.plan.participants,
        floor=manifest.plan.floor,
        length=length,
    )


class Adverts(Frozen):
    """The keys of a round as the coordinator passes them on."""

    adverts: tuple[Signed[Advert], ...] = Field(strict=False, max_length=64)


class Confirmations(Frozen):
    """The confirmations of all survivors as the coordinator passes them on."""

    confirmations: tuple[Signed[Confirmation], ...] = Field(strict=False, max_length=64)


Part = TypeVar("Part", bound=Frozen)


def part_to_bytes(part: Frozen) -> bytes:
    """Return a message, or the state of a round, as it travels."""
    return canonical_json(part.model_dump(mode="json"))


def parse_part(content: bytes, *, kind: type[Part]) -> Part:
    """Return the message of ``kind`` in ``content``, not believed yet. Raises MessageRefused if there is none."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        sentence = "A message of secure aggregation has an unknown form: both ends need the same version."
        raise MessageRefused(sentence) from error


def upload_to_bytes(upload: Signed[Upload], *, vector: bytes) -> bytes:
    """Return the payload of an UPDATE under masks."""
    return with_length(part_to_bytes(upload)) + vector


def parse_upload(payload: bytes) -> tuple[Signed[Upload], bytes]:
    """Return the message and the masked vector in ``payload``. Raises MessageRefused."""
    message, vector = split_part(payload)
    return parse_part(message, kind=Signed[Upload]), vector
