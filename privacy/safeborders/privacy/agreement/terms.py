"""The agreement in typed terms: who may send what to whom, for which purpose, under which conditions, until when.

A grant names a ``Material``; raw records (M8) are no member of that type, so no grant for them exists, on paper or in
memory. Onward transfer can only be false. What is not granted is prohibited.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from safeborders.kit.canonical import canonical_json, sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.models.domain.governance import Regime
from safeborders.models.domain.materials import COORDINATOR, Material, Prohibition
from safeborders.models.protocol.plan import Frozen, Sha256
from safeborders.privacy.agreement.conditions import REQUIRED, Conditions

EVERY_COUNTRY = "*"
_THIRD_COUNTRY = "wb"


def _known_party(name: str) -> str:
    if name != COORDINATOR and name not in set(Country):
        raise ValueError("it must be a country's code, such as gr, or coordinator")
    return name


PartyName = Annotated[str, AfterValidator(_known_party)]


def _listed(names: object) -> object:
    return (names,) if isinstance(names, str) else names


def _every_or_some(names: tuple[str, ...]) -> tuple[str, ...]:
    if names != (EVERY_COUNTRY,):
        for name in names:
            _known_party(name)
    return names


PartyNames = Annotated[
    tuple[str, ...], Field(min_length=1, strict=False), BeforeValidator(_listed), AfterValidator(_every_or_some)
]
"""Parties of a grant; ``*`` alone means every country, and never the coordinator."""

PurposeCode = Annotated[str, Field(pattern=r"^P[1-5]$")]
ClauseName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}$")]
Text = Annotated[str, Field(min_length=1, max_length=400)]


class Terms(Frozen):
    """A part of the agreement; it is written by the names that people use in the file."""

    model_config = ConfigDict(serialize_by_alias=True)


class PartyRole(StrEnum):
    """What a party does with material."""

    PROVIDER = "provider"
    RECIPIENT = "recipient"
    PROVIDER_RECIPIENT = "provider+recipient"
    PROCESSOR = "processor"


class Party(Terms):
    """A legal entity that signs. Its key stands in the roster alone, so that rotating a key is no amendment."""

    id: PartyName
    legal_name: Text
    role: PartyRole = Field(strict=False)
    regime: tuple[Regime, ...] = Field(min_length=1, strict=False)
    dpo: Text
    supervisory_authority: Text


class Grant(Terms):
    """One permission; ``clause`` names it in every decision."""

    clause: ClauseName
    material: Material = Field(strict=False)
    senders: PartyNames = Field(alias="from")
    recipients: PartyNames = Field(alias="to")
    purposes: tuple[PurposeCode, ...] = Field(min_length=1, strict=False)
    conditions: Conditions

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = sorted(name for name in REQUIRED[self.material] if not getattr(self.conditions, name))
        if lacking:
            raise ValueError(f"a grant of {self.material} needs the condition {lacking[0]}")
        return self

    def covers(self, *, sender: str, recipient: str) -> bool:
        """Tell whether the grant is about this way; nobody sends to itself, and * means every country."""
        return sender != recipient and _is_among(sender, self.senders) and _is_among(recipient, self.recipients)


class OnwardTransfer(Terms):
    """Passing on what another party provided: there is no way to allow it."""

    allowed: Literal[False]


class Instrument(Terms):
    """The legal ground of a transfer to a third country (LED article 37)."""

    treaty_ref: Text
    assessment_ref: Text


class ThirdCountry(Terms):
    """A party outside the Union; the strict profile holds until an instrument is recorded."""

    instrument: Instrument | None
    profile: Literal["third_country_strict"]


class Term(Terms):
    """First and last day, UTC, both included."""

    first: date = Field(alias="from", strict=False)
    last: date = Field(alias="to", strict=False)


class ImmediateGround(StrEnum):
    """What ends the agreement at once."""

    BREACH = "breach"
    ADEQUACY_LOSS = "adequacy_loss"


class TerminationTerms(Terms):
    """How a party ends it."""

    by: Literal["any_party"]
    notice_days: int = Field(ge=0, le=365)
    immediate_on: tuple[ImmediateGround, ...] = Field(default=(), strict=False)


class AuditTerms(Terms):
    """How soon a log is handed over."""

    log_export_days: int = Field(ge=1, le=365)


class PublicationTerms(Terms):
    """What may be published."""

    aggregate_only: Literal[True]
    approval: Literal["all"]


class Agreement(Terms):
    """One version of an agreement between all its parties."""

    mta_version: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    version: int = Field(ge=1, le=10_000)
    parent: Sha256 | None
    federation: Annotated[str, Field(min_length=1, max_length=64)]
    parties: tuple[Party, ...] = Field(min_length=2, strict=False)
    purposes: dict[PurposeCode, Text] = Field(min_length=1)
    grants: tuple[Grant, ...] = Field(strict=False)
    prohibited: tuple[Prohibition, ...] = Field(strict=False)
    onward_transfer: OnwardTransfer
    third_countries: dict[PartyName, ThirdCountry] = Field(default_factory=dict)
    breach_notice_hours: int = Field(ge=1, le=72)
    audit: AuditTerms
    term: Term
    termination: TerminationTerms
    publication: PublicationTerms
    liability: Text
    law: Text
    texts: dict[ClauseName, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for sentence in _contradictions(self):
            raise ValueError(sentence)
        return self

    @property
    def party_names(self) -> tuple[str, ...]:
        """Who must sign."""
        return tuple(party.id for party in self.parties)

    def canonical(self) -> bytes:
        """Return the bytes that are signed: RFC 8785, the same for every order of keys."""
        return canonical_json(self.model_dump(mode="json"))

    def sha256(self) -> str:
        """Return the hash that names this version in manifests, decisions and its successor."""
        return sha256_hex(self.canonical())


def is_third_country(name: str) -> bool:
    """Tell whether a party lies outside the Union."""
    return name.split("-", 1)[0] == _THIRD_COUNTRY


def _is_among(name: str, names: tuple[str, ...]) -> bool:
    return name != COORDINATOR if names == (EVERY_COUNTRY,) else name in names


def _contradictions(terms: Agreement) -> Iterator[str]:
    parties = set(terms.party_names)
    if len(parties) != len(terms.parties):
        yield "a party is named twice"
    if COORDINATOR not in parties:
        yield "the coordinator must be a party"
    if len({grant.clause for grant in terms.grants}) != len(terms.grants):
        yield "a clause is named twice"
    if set(terms.prohibited) != set(Prohibition):
        yield f"prohibited must name each of {', '.join(sorted(Prohibition))}"
    if terms.term.last < terms.term.first:
        yield "the term ends before it begins"
    if (terms.version == 1) != (terms.parent is None):
        yield "version 1 has no parent, and every later version names the hash of the one before"
    if {name for name in parties if is_third_country(name)} != set(terms.third_countries):
        yield "third_countries must name exactly the parties outside the Union (wb and wb-..)"
    for grant in terms.grants:
        yield from _stray_names(grant, terms=terms)


def _stray_names(grant: Grant, *, terms: Agreement) -> Iterator[str]:
    for names in (grant.senders, grant.recipients):
        if names != (EVERY_COUNTRY,) and not set(names) <= set(terms.party_names):
            yield f"the grant {grant.clause} names somebody who is no party"
    if not set(grant.purposes) <= set(terms.purposes):
        yield f"the grant {grant.clause} names a purpose that the agreement does not define"
