"""The sum of a round's updates, in the way that the run's manifest names; and who is in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import (
    Advert,
    Adverts,
    Confirmation,
    Confirmations,
    Reveal,
    Signed,
    Survivors,
    Upload,
    parse_part,
    parse_upload,
    part_to_bytes,
)
from safeborders.models.protocol.echoes import ECHOES, Echo, echo_of
from safeborders.models.protocol.messages import Kind, MessageRefused, SignedMessage, country_of
from safeborders.models.protocol.plan import RunPlan
from safeborders.privacy.aggregation.aggregator import Aggregator
from safeborders.privacy.aggregation.errors import AggregationRefused
from safeborders.server.federation.gathering import Gathering
from safeborders.server.federation.replies import parse_update_of
from safeborders.server.federation.strategy import entry_bound, sum_updates
from safeborders.server.registry.records import AggregationNotes, Reply, ReplyState


class TooFewCountries(SafeBordersError):
    """A round did not reach the floor; the run rests and may be resumed."""

    code: ClassVar[str] = "federation.too_few_countries"


class RoundVoid(SafeBordersError):
    """A country fell silent before a masked sum was opened; nothing was learnt, and nobody is unmasked for it."""

    code: ClassVar[str] = "federation.round_void"


@dataclass(frozen=True)
class RoundSum:
    """What a round gave.

    Attributes:
        total: Sum of the counted updates.
        countries: Whose they are.
        replies: What became of every participant's part.
        echoes: The signed headers of the updates, masked or not.
    """

    total: NDArray[np.int64]
    countries: frozenset[Country]
    replies: tuple[Reply, ...]
    echoes: tuple[Echo, ...]


@dataclass(frozen=True)
class VoidRound:
    """A round that was given up.

    Attributes:
        replies: What became of every participant's part; who sent an update is told apart, for it is spent.
        echoes: One signed header a country that joined: of its update, else of its key.
        silent: Who joined and fell silent; the next round begins without them.
    """

    replies: tuple[Reply, ...]
    echoes: tuple[Echo, ...]
    silent: frozenset[Country]


class Ask(Protocol):
    """Begins to ask one question of the round."""

    def __call__(self, kind: Kind, *, aggregation: bytes, accept: Callable[[SignedMessage], None]) -> Gathering:
        """Return the gathering of the answers."""
        ...


def sum_in_the_clear(plan: RunPlan, *, ask: Ask, length: int, patience: int) -> RoundSum:
    """Return the sum of single updates, each under its country's own full noise.

    Raises:
        TooFewCountries: If fewer than the floor answered in time.
    """
    updates: dict[Country, NDArray[np.int64]] = {}
    echoes: list[Echo] = []

    def accept(reply: SignedMessage) -> None:
        country = reply.header.country
        updates[country] = parse_update_of(reply, length=length, bound=entry_bound(plan, country))
        echoes.append(echo_of(reply))

    gathering = ask(Kind.TRAIN, aggregation=b"", accept=accept)
    for _ in range(patience):
        gathering.gather(plan.participants, seconds=plan.deadline_seconds)
        if len(updates) >= plan.floor:
            break
    replies = gathering.close(plan.participants)
    if len(updates) < plan.floor:
        raise _too_few(plan)
    return RoundSum(sum_updates(updates.values(), length=length), frozenset(updates), replies, tuple(echoes))


@dataclass(frozen=True)
class _Question:
    kind: Kind
    aggregation: bytes
    countries: tuple[Country, ...]


class MaskedSum:
    """One round of secure aggregation (crypto.md 2.3): keys, masked updates, survivors, seeds.

    Args:
        plan: Of the run.
        aggregator: Of the round.
        ask: Asks the countries.
        notes: Of the round.
        patience: How often a deadline may pass.
        without: Countries that are not asked to join, because a round was given up for their silence.
    """

    def __init__(  # house: what a protocol needs to know, and nothing that could be grouped
        self,
        plan: RunPlan,
        aggregator: Aggregator,
        *,
        ask: Ask,
        notes: AggregationNotes,
        patience: int,
        without: frozenset[Country] = frozenset(),
    ) -> None:
        self._plan = plan
        self._aggregator = aggregator
        self._ask = ask
        self._notes = notes
        self._patience = patience
        self._asked = tuple(country for country in plan.participants if country not in without)
        self._replies: dict[Country, Reply] = {}
        self._keys: dict[Country, Echo] = {}
        self._updates: dict[Country, Echo] = {}

    def play(self) -> RoundSum:
        """Return the opened sum.

        Raises:
            TooFewCountries: If fewer than the floor advertised, or sent an update, in time.
            RoundVoid: If a survivor did not confirm or reveal.
        """
        adverts = self._agree_on_keys()
        survivors = self._collect_updates(adverts)
        names = tuple(Country(name) for name in survivors.vectors)
        self._collect_all(_Question(Kind.SURVIVORS, part_to_bytes(survivors), names), take=self._take_confirmation)
        confirmed = tuple(self._aggregator.close_confirmations().values())
        opening = part_to_bytes(Confirmations(confirmations=confirmed))
        self._collect_all(_Question(Kind.OPENING, opening, names), take=self._take_reveal)
        total = self._aggregator.open_sum()
        replies = tuple(self._replies[country] for country in sorted(self._replies))
        return RoundSum(total, frozenset(names), replies, tuple(self._updates.values()))

    @property
    def may_be_given_up(self) -> bool:
        """Whether another round could do better than asking again in this one, once ``play`` has raised.

        Keys that were passed on are the only ones of a round, so no other countries can stand in for a silent one, and
        a second set of survivors is refused by every country. Where enough others are left, a round of its own with
        new keys, a new sample and new noise ends what this one cannot.
        """
        left, floor = len(set(self._asked) - self._silent()), self._plan.floor
        return left >= floor and len(self._keys | self._updates) >= floor  # as many show which model they had

    def give_up(self) -> VoidRound:
        """Return what became of the round; nobody is asked anything more about it."""
        sent = {
            country: replace(reply, state=ReplyState.REJECTED)  # it has left its country, and counts as spent
            for country, reply in self._replies.items()
            if country in self._updates and reply.state is not ReplyState.ACCEPTED
        }
        replies = self._replies | sent
        echoes = self._keys | self._updates
        return VoidRound(
            replies=tuple(replies[one] for one in sorted(replies)),
            echoes=tuple(echoes[one] for one in sorted(echoes)),
            silent=self._silent(),
        )

    def _silent(self) -> frozenset[Country]:
        replies = self._replies.values()
        away = {reply.country for reply in replies if reply.state is not ReplyState.ACCEPTED}
        return frozenset(away & (self._keys | self._updates).keys())

    def _agree_on_keys(self) -> Adverts:
        """Return the keys of the round; those that were passed on before a restart are the only ones."""
        kept = self._notes.find_adverts()
        if kept:
            adverts = parse_part(kept, kind=Adverts)
            for advert in adverts.adverts:
                self._aggregator.add_advert(advert)
            echoes = ECHOES.validate_json(self._notes.find_echoes() or b"[]")
            self._keys = {country_of(echo.header.encode()): echo for echo in echoes}
            self._aggregator.close_adverts()
            return adverts
        question = _Question(Kind.KEYS, b"", self._asked)
        self._gather(question, needed=self._plan.floor, take=self._take_advert)
        try:
            adverts = Adverts(adverts=tuple(self._aggregator.close_adverts().values()))
        except AggregationRefused as error:
            raise _too_few(self._plan) from error
        self._notes.keep_adverts(part_to_bytes(adverts), echoes=ECHOES.dump_json(tuple(self._keys.values())))
        return adverts

    def _collect_updates(self, adverts: Adverts) -> Survivors:
        kept = self._notes.find_survivors()
        named = parse_part(kept, kind=Survivors) if kept else None
        names = [one.body.country for one in adverts.adverts] if named is None else list(map(Country, named.vectors))
        question = _Question(Kind.TRAIN, part_to_bytes(adverts), tuple(names))
        self._gather(question, needed=self._plan.floor if named is None else len(names), take=self._take_upload)
        try:
            survivors = self._aggregator.close_uploads()
        except AggregationRefused as error:
            raise _too_few(self._plan) from error
        if named is None:
            self._notes.keep_survivors(part_to_bytes(survivors))
        elif named != survivors:
            raise RoundVoid("A country whose masked update was counted before is away: resume the run when it is back.")
        return survivors

    def _collect_all(self, question: _Question, *, take: Callable[[SignedMessage], None]) -> None:
        answered = self._gather(question, needed=len(question.countries), take=take)
        if answered != set(question.countries):
            raise RoundVoid("A country fell silent before the sum was opened: resume the run when it is back.")

    def _gather(self, question: _Question, *, needed: int, take: Callable[[SignedMessage], None]) -> set[Country]:
        """Ask, note what became of each country, and return those whose answers count."""
        gathering = self._ask(question.kind, aggregation=question.aggregation, accept=take)
        for _ in range(self._patience):
            gathering.gather(question.countries, seconds=self._plan.deadline_seconds)
            counted = [reply for reply in gathering.replies.values() if reply.state is ReplyState.ACCEPTED]
            if len(counted) >= needed:
                break
        for reply in gathering.close(question.countries):
            before = self._replies.get(reply.country)
            seconds = reply.seconds + (before.seconds if before else 0.0)
            size = reply.payload_bytes + (before.payload_bytes if before else 0)
            self._replies[reply.country] = replace(reply, seconds=seconds, payload_bytes=size)
        return {one for one in question.countries if self._replies[one].state is ReplyState.ACCEPTED}

    def _take_advert(self, reply: SignedMessage) -> None:
        message = parse_part(reply.payload, kind=Signed[Advert])
        _check_own(message, reply)
        self._aggregator.add_advert(message)
        self._keys[reply.header.country] = echo_of(reply)

    def _take_upload(self, reply: SignedMessage) -> None:
        upload, vector = parse_upload(reply.payload)
        _check_own(upload, reply)
        self._aggregator.add_upload(upload, content=vector)
        self._updates[reply.header.country] = echo_of(reply)

    def _take_confirmation(self, reply: SignedMessage) -> None:
        message = parse_part(reply.payload, kind=Signed[Confirmation])
        _check_own(message, reply)
        self._aggregator.add_confirmation(message)

    def _take_reveal(self, reply: SignedMessage) -> None:
        message = parse_part(reply.payload, kind=Signed[Reveal])
        _check_own(message, reply)
        self._aggregator.add_reveal(message)


def _check_own(
    message: Signed[Advert] | Signed[Upload] | Signed[Confirmation] | Signed[Reveal], reply: SignedMessage
) -> None:
    if message.body.country is not reply.header.country:
        raise MessageRefused("A country has sent another country's message: it was not counted.")


def _too_few(plan: RunPlan) -> TooFewCountries:
    return TooFewCountries(
        "Too few countries answered the round: see why in the run's replies, then resume it.", run=plan.run
    )
