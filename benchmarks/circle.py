"""Nine countries and a coordinator in one process, for the protocol of secure aggregation."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.aggregation import Advert, AggregationContext, Signed
from safeborders.privacy.aggregation.aggregator import Aggregator
from safeborders.privacy.aggregation.errors import Contradiction
from safeborders.privacy.aggregation.party import AggregationParty, Identity
from safeborders.privacy.aggregation.session import Session

Adverts = dict[Country, Signed[Advert]]


class MemorySessions:
    """Implements SessionStore in this process's memory."""

    def __init__(self) -> None:
        self._kept: dict[str, Session] = {}

    def find(self, context_sha256: str) -> Session | None:
        """Return the session of a round."""
        return self._kept.get(context_sha256)

    def find_masked(self, run: str, *, round_number: int) -> Session | None:
        """Return the session in which the round's update was masked."""
        masked = [one for one in self._kept.values() if one.vector_sha256]
        return next((one for one in masked if (one.context.run, one.context.round) == (run, round_number)), None)

    def keep(self, session: Session, *, before: Session | None) -> None:
        """Replace ``before``."""
        if self._kept.get(session.context.sha256()) != before:
            raise Contradiction("Another session is kept: nothing was changed.")
        self._kept[session.context.sha256()] = session


@dataclass
class Circle:
    """The countries of one federation with their keys."""

    keys: dict[Country, Ed25519PrivateKey]
    parties: dict[Country, AggregationParty]
    roster: dict[Country, str]

    @property
    def countries(self) -> tuple[Country, ...]:
        """Everybody, in a fixed order."""
        return tuple(self.keys)

    def context(self, *, length: int, **changes: object) -> AggregationContext:
        """Return the context of a round in which all take part."""
        given = {
            "federation": "test",
            "run": "spring",
            "round": 1,
            "manifest_sha256": "1" * 64,
            "base_model_sha256": "2" * 64,
            "roster_sha256": "3" * 64,
            "parties": self.countries,
            "floor": 6,
            "length": length,
        }
        return AggregationContext.model_validate({**given, **changes})

    def adverts(self, context: AggregationContext) -> Adverts:
        """Return what every party advertises."""
        return {country: self.parties[country].advertise(context) for country in context.parties}


def build_circle(countries: Iterable[Country] = DEMONSTRATION) -> Circle:
    """Return countries with new keys that all know each other's."""
    keys = {country: Ed25519PrivateKey.generate() for country in countries}
    roster = {country: public_key_hex(key) for country, key in keys.items()}
    parties = {
        country: AggregationParty(Identity(country, key, roster), sessions=MemorySessions())
        for country, key in keys.items()
    }
    return Circle(keys=keys, parties=parties, roster=roster)


def upload_all(
    circle: Circle,
    context: AggregationContext,
    updates: dict[Country, NDArray[np.int64]],
    *,
    absent: Iterable[Country] = (),
) -> Aggregator:
    """Return the coordinator's side once everybody but ``absent``, who fell silent after the keys, has uploaded."""
    aggregator = Aggregator(context, roster=circle.roster)
    for advert in circle.adverts(context).values():
        aggregator.add_advert(advert)
    adverts = aggregator.close_adverts()
    for country in context.parties:
        if country not in set(absent):
            upload, content = circle.parties[country].mask(updates[country], context=context, adverts=adverts)
            aggregator.add_upload(upload, content=content)
    return aggregator


def play_round(
    circle: Circle,
    context: AggregationContext,
    updates: dict[Country, NDArray[np.int64]],
    *,
    absent: Iterable[Country] = (),
) -> NDArray[np.int64]:
    """Return the sum that an honest coordinator opens when ``absent`` fall silent after they advertised."""
    aggregator = upload_all(circle, context, updates, absent=absent)
    survivors = aggregator.close_uploads()
    left = [Country(name) for name in survivors.vectors]
    for country in left:
        aggregator.add_confirmation(circle.parties[country].confirm(survivors, context=context))
    confirmations = aggregator.close_confirmations()
    for country in left:
        aggregator.add_reveal(circle.parties[country].reveal(confirmations, context=context))
    return aggregator.open_sum()
