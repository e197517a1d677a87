"""A country's part in rounds of secure aggregation: from an order that was allowed to the payload that answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import (
    Advert,
    Adverts,
    AggregationContext,
    Confirmations,
    Signed,
    Survivors,
    build_context,
    parse_part,
    part_to_bytes,
    upload_to_bytes,
)
from safeborders.models.protocol.manifest import RunManifest
from safeborders.models.protocol.messages import Header, Kind, MessageRefused
from safeborders.privacy.aggregation.errors import Contradiction, WrongParties
from safeborders.privacy.aggregation.party import AggregationParty, Identity
from safeborders.privacy.aggregation.session import SessionStore

_AFTER_EVERY_ROUND = 2**31 - 1


class ForgetfulSessions(SessionStore, Protocol):
    """A memory whose secrets go when their round is over."""

    def forget(self, run: str, *, before_round: int) -> None:
        """Erase the secrets of all rounds of ``run`` before ``before_round``."""

    def list_models(self, run: str, *, round_number: int) -> frozenset[str]:
        """Return the models that a key was made for in this round, as far as its secrets are kept."""


@dataclass(frozen=True)
class KnownKeys:
    """The roster as this country verified it.

    Attributes:
        sha256: Of what was signed.
        keys: Node keys of the countries, hexadecimal.
    """

    sha256: str
    keys: Mapping[Country, str]


class MaskedRounds:
    """Answers the orders of secure aggregation.

    Args:
        country: Our own.
        key: Our Ed25519 key of the roster.
        sessions: What we answered so far.
        roster: Gives the roster in force.
        catalogue: The models that are installed; they say how long an update is.
    """

    def __init__(  # house: what a protocol needs to know, and nothing that could be grouped
        self,
        country: Country,
        *,
        key: Ed25519PrivateKey,
        sessions: ForgetfulSessions,
        roster: Callable[[], KnownKeys],
        catalogue: Catalogue,
    ) -> None:
        self._country = country
        self._key = key
        self._sessions = sessions
        self._roster = roster
        self._catalogue = catalogue

    def answer(self, header: Header, *, manifest: RunManifest, content: bytes) -> bytes:
        """Return the payload that answers an order to advertise, to confirm or to reveal; asked again, the same.

        Args:
            header: Of the order.
            manifest: Of the run, verified; the run is allowed.
            content: The round's state in the order.

        Raises:
            MessageRefused: If the order has an unknown form.
            AggregationRefused: If the round must not go on.
        """
        context, party = self._begin(header, manifest=manifest)
        match header.kind:
            case Kind.KEYS:
                self._sessions.forget(header.run, before_round=header.round)
                self._check_one_model(header)
                return part_to_bytes(party.advertise(context))
            case Kind.SURVIVORS:
                return part_to_bytes(party.confirm(parse_part(content, kind=Survivors), context=context))
            case Kind.OPENING:
                given = parse_part(content, kind=Confirmations).confirmations
                confirmations = {one.body.country: one for one in given}
                if len(confirmations) != len(given):
                    raise WrongParties("A country has confirmed twice: nothing was revealed.")
                return part_to_bytes(party.reveal(confirmations, context=context))
            case _:
                raise MessageRefused("The message asks for nothing that secure aggregation has: it was ignored.")

    def mask(self, update: NDArray[np.int64], *, header: Header, manifest: RunManifest, content: bytes) -> bytes:
        """Return the payload that carries ``update`` under masks.

        Args:
            update: Noised at full strength already.
            header: Of the order to train.
            manifest: Of the run, verified.
            content: Everybody's keys, as the coordinator passed them on.
        """
        context, party = self._begin(header, manifest=manifest)
        adverts = self._read_adverts(content)
        upload, vector = party.mask(update, context=context, adverts=adverts)
        return upload_to_bytes(upload, vector=vector)

    def end(self, run: str) -> None:
        """Erase the secrets of all rounds of a run that is over: its last round has none behind it that would."""
        self._sessions.forget(run, before_round=_AFTER_EVERY_ROUND)

    def check_keys(self, header: Header, *, manifest: RunManifest, content: bytes) -> None:
        """Refuse keys that could not be masked for, before anything is charged. Raises AggregationRefused."""
        context, party = self._begin(header, manifest=manifest)
        party.check_keys(self._read_adverts(content), context=context)

    def _check_one_model(self, header: Header) -> None:
        """A key's header tells the others which model we had (``echoes``), so no round gets keys for two."""
        models = self._sessions.list_models(header.run, round_number=header.round)
        if models - {header.base_model_sha256}:
            raise Contradiction("A key was made for another model in this round: none is made for a second one.")

    @staticmethod
    def _read_adverts(content: bytes) -> dict[Country, Signed[Advert]]:
        given = parse_part(content, kind=Adverts).adverts
        adverts = {one.body.country: one for one in given}
        if len(adverts) != len(given):
            raise WrongParties("A country has advertised twice: the round is not joined.")
        return adverts

    def _begin(self, header: Header, *, manifest: RunManifest) -> tuple[AggregationContext, AggregationParty]:
        roster = self._roster()
        length = self._catalogue.get(manifest.plan).update_length
        context = build_context(manifest, header=header, roster_sha256=roster.sha256, length=length)
        identity = Identity(country=self._country, key=self._key, roster=roster.keys)
        return context, AggregationParty(identity, sessions=self._sessions)
