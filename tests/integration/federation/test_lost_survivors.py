"""A country leaves a masked round for good: the round is given up and charged, and the run ends without the country.

Every gate, ledger, party and leader is the real one (sbtest.whole_federation); only network, disk and records are not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import (
    Adverts,
    Confirmation,
    Confirmations,
    Signed,
    Survivors,
    build_context,
    parse_part,
    parse_upload,
    part_to_bytes,
)
from safeborders.models.protocol.echoes import ModelsDiffer
from safeborders.models.protocol.manifest import read_manifest
from safeborders.models.protocol.messages import Kind, SignedMessage, sign_message
from safeborders.models.protocol.papers import parse_papers
from safeborders.models.protocol.payloads import build_order, parse_order
from safeborders.privacy.aggregation.errors import Contradiction
from safeborders.privacy.aggregation.masking import decode
from safeborders.privacy.ledger import EntryState
from safeborders.server.federation.round_sums import RoundVoid, TooFewCountries
from safeborders.server.registry.records import ReplyState, RunState
from sbtest.plans import ARCHITECTURE
from sbtest.whole_federation import COUNTRIES, FIRST, RUN, WholeFederation

LOST = Country.PL
OTHERS = frozenset(COUNTRIES) - {LOST}

Hears = Callable[[SignedMessage], bool]


def silent_from(kind: Kind, *, at: int = 1) -> Hears:
    """Return whether the lost country still answers: no more once it was asked ``kind`` in round ``at``."""
    gone: list[bool] = []

    def hears(order: SignedMessage) -> bool:
        gone.extend([True] * ((order.header.kind, order.header.round) == (kind, at)))
        return not gone

    return hears


def lose(whole: WholeFederation, hears: Hears, *, lost: frozenset[Country] = frozenset({LOST})) -> None:
    """Let ``lost`` fall silent for good."""
    whole.react = lambda country, order: None if country in lost and not hears(order) else whole.honest(order)


@dataclass(frozen=True)
class Lost:
    """A run of two rounds whose first lost a survivor, with every masked vector of that round."""

    whole: WholeFederation
    uploads: Mapping[Country, bytes]


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    whole, uploads = WholeFederation(tmp_path_factory.mktemp("lost"), rounds=2), {}
    hears = silent_from(Kind.SURVIVORS)

    def watched(country: Country, order: SignedMessage) -> object:
        if country is LOST and not hears(order):
            return None
        reply = whole.honest(order)
        if isinstance(reply, SignedMessage) and (order.header.kind, order.header.round) == (Kind.TRAIN, 1):
            uploads[country] = parse_upload(reply.payload)[1]
        return reply

    whole.react = watched
    whole.lead()
    return Lost(whole, uploads)


def states_of(whole: WholeFederation, country: Country) -> dict[int, set[EntryState]]:
    found: dict[int, set[EntryState]] = {}
    for entry in whole.members[country].ledger.list_entries():
        found.setdefault(entry.charge.round, set()).add(entry.state)
    return found


@pytest.mark.parametrize("kind", [Kind.KEYS, Kind.TRAIN])
def test_a_country_lost_before_its_upload_is_left_out_of_the_same_round(tmp_path: Path, kind: Kind) -> None:
    whole = WholeFederation(tmp_path, rounds=1)
    lose(whole, silent_from(kind))

    assert whole.lead().round == 1

    assert whole.registry.states[RUN] is RunState.COMPLETED
    assert [record.is_void for record in whole.registry.rounds[RUN]] == [False]


def test_a_survivor_that_is_lost_after_it_confirmed_ends_no_run(tmp_path: Path) -> None:
    whole = WholeFederation(tmp_path, rounds=2)
    lose(whole, silent_from(Kind.OPENING))
    whole.lead()
    assert whole.registry.states[RUN] is RunState.COMPLETED
    assert [record.is_void for record in whole.registry.rounds[RUN]] == [True, False]


def test_a_survivor_lost_for_good_costs_one_round_and_the_run_ends(lost: Lost) -> None:
    whole, records = lost.whole, lost.whole.registry.rounds[RUN]
    assert whole.registry.states[RUN] is RunState.COMPLETED
    assert [record.is_void for record in records] == [True, False]
    start, first, second = whole.registry.models[RUN]
    assert first.parameters == start.parameters  # nothing was learnt in it
    assert second.parameters != first.parameters
    replies = {reply.country: reply.state for reply in records[0].replies}
    assert replies[LOST] is ReplyState.REJECTED  # it left its country: the coordinator's page counts it as spent
    assert {reply.country for reply in records[1].replies} == OTHERS  # the next round begins with who is left
    spent = {EntryState.RESERVED, EntryState.STORED, EntryState.RELEASED}
    assert states_of(whole, LOST) == {1: spent}
    assert states_of(whole, Country.GR) == {1: spent, 2: spent}


def test_the_next_round_has_new_keys_new_noise_and_a_sum_of_its_own(lost: Lost) -> None:
    whole = lost.whole
    keys = []
    for number in (1, 2):
        order = parse_order(whole.orders(Kind.TRAIN, round_number=number)[Country.GR].payload)
        adverts = parse_part(order.aggregation, kind=Adverts).adverts
        keys.append({one.body.country: one.body.key for one in adverts})
    assert set(keys[1]) == OTHERS
    assert not set(keys[0].values()) & set(keys[1].values())
    updates = whole.members[Country.GR].trainer.updates
    assert len(updates) == 2
    assert (updates[0] != updates[1]).mean() > 0.9


def test_nobody_is_unmasked_in_a_round_that_was_given_up(lost: Lost) -> None:
    """The coordinator holds all vectors, all that was revealed, and asks for more: it is left with uniform numbers."""
    whole, uploads = lost.whole, lost.uploads
    assert set(uploads) == set(COUNTRIES)
    update = whole.members[LOST].trainer.updates[0]
    total = np.zeros(ARCHITECTURE.update_length, dtype=np.uint32)
    for one in uploads.values():
        total += np.frombuffer(one, dtype="<u4")
    plain = np.sum([whole.members[one].trainer.updates[0] for one in COUNTRIES], axis=0)
    for shown, hidden in ((np.frombuffer(uploads[LOST], dtype="<u4"), update), (total, plain)):
        assert (decode(shown.copy()) != hidden).mean() > 0.9
    for country in OTHERS:  # their seeds of that round are gone, so not even a return of the lost one opens it
        assert whole.members[country].sessions.find(context_sha256(whole)) is None


def test_when_a_run_is_over_no_country_keeps_a_seed_of_any_round(lost: Lost, resting: WholeFederation) -> None:
    assert all(not list(lost.whole.members[country].sessions._kept) for country in OTHERS)
    kept = [list(resting.members[country].sessions._kept) for country in OTHERS]
    assert all(len(one) == 1 for one in kept)  # control: while a run rests, its round can still be ended


def context_sha256(whole: WholeFederation) -> str:
    order = whole.orders(Kind.TRAIN, round_number=1)[Country.GR]
    return build_context(
        read_manifest(whole.manifest),
        header=order.header,
        roster_sha256=whole.cabinet.roster().sha256,
        length=ARCHITECTURE.update_length,
    ).sha256()


def second_set(whole: WholeFederation, *, order: SignedMessage) -> SignedMessage:
    """Return the naive way out: the same round's survivors without the lost one."""
    asked = parse_order(order.payload)
    named = parse_part(asked.aggregation, kind=Survivors)
    left = {name: sha for name, sha in named.vectors.items() if name != LOST.value}
    content = part_to_bytes(named.model_copy(update={"vectors": left}))
    return resigned(whole, order, payload=build_order(type(asked)(asked.plan, asked.model, asked.papers, content)))


def resigned(whole: WholeFederation, order: SignedMessage, *, payload: bytes) -> SignedMessage:
    """Return ``order`` with another payload, as the coordinator would sign it."""
    fields = {"payload_sha256": sha256_hex(payload), "sequence": order.header.sequence + 10**9}
    key = whole.papers.node_keys["coordinator"]
    return sign_message(order.header.model_copy(update=fields), payload=payload, key=key)


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> WholeFederation:
    """Play a run of one round until the survivors were named and one is away: there is no other round, so it rests."""
    whole = WholeFederation(tmp_path_factory.mktemp("resting"), rounds=1)
    lose(whole, silent_from(Kind.SURVIVORS))
    with pytest.raises(RoundVoid):
        whole.lead()
    return whole


def test_a_second_set_of_survivors_is_refused_by_every_country(resting: WholeFederation) -> None:
    whole, orders = resting, resting.orders(Kind.SURVIVORS, round_number=1)
    for country in OTHERS:
        with pytest.raises(Contradiction):
            whole.members[country].service.answer(second_set(whole, order=orders[country]))


def test_control_a_country_that_forgot_what_it_signed_opens_a_second_sum(resting: WholeFederation) -> None:
    """Two sums over one round single the lost country out, so the memory of what was confirmed is what protects it."""
    whole, orders = resting, resting.orders(Kind.SURVIVORS, round_number=1)
    for country in OTHERS:
        forget_what_was_confirmed(whole, country)
    confirmed = {
        country: whole.members[country].service.answer(second_set(whole, order=orders[country])) for country in OTHERS
    }
    given = tuple(parse_part(one.payload, kind=Signed[Confirmation]) for one in confirmed.values())
    asked = parse_order(orders[Country.GR].payload)
    content = part_to_bytes(Confirmations(confirmations=given))
    opening = build_order(type(asked)(asked.plan, asked.model, asked.papers, content))
    for country in OTHERS:
        order = orders[country]
        header = order.header.model_copy(update={"kind": Kind.OPENING})
        question = resigned(whole, order.model_copy(update={"header": header}), payload=opening)
        assert whole.members[country].service.answer(question).header.kind is Kind.REVEAL  # and the sum is open


def forget_what_was_confirmed(whole: WholeFederation, country: Country) -> None:
    sessions = whole.members[country].sessions
    for name, session in list(sessions._kept.items()):
        sessions._kept[name] = session.model_copy(update={"survivors_sha256": "", "survivors": ()})


def test_below_the_floor_the_round_is_kept_and_its_end_waits_for_them(tmp_path: Path) -> None:
    whole = WholeFederation(tmp_path, rounds=2)
    lose(whole, silent_from(Kind.SURVIVORS), lost=frozenset({LOST, Country.PT}))
    with pytest.raises(RoundVoid):
        whole.lead()
    assert whole.registry.rounds[RUN] == []

    whole.react = None
    whole.build_grid()
    assert whole.lead().round == 2
    assert [record.is_void for record in whole.registry.rounds[RUN]] == [False, False]


def test_too_few_uploads_give_the_round_up_for_countries_that_had_not_joined(tmp_path: Path) -> None:
    """Six of seven join, one of them is lost before its upload: the seventh is back, and the next round has six."""
    whole = WholeFederation(tmp_path, rounds=2)
    late = Country.BE

    def react(country: Country, order: SignedMessage) -> object:
        is_away = country is late and order.header.round == 1
        is_lost = country is LOST and (order.header.kind is not Kind.KEYS or order.header.round > 1)
        return None if is_away or is_lost else whole.honest(order)

    whole.react = react
    assert whole.lead().round == 2
    assert [record.is_void for record in whole.registry.rounds[RUN]] == [True, False]
    # Five updates do not show that six had one model: the keys' headers do, and every country has looked at them.
    papers = parse_papers(parse_order(whole.orders(Kind.TRAIN, round_number=2)[Country.GR].payload).papers)
    kinds = sorted('"kind":"advert"' in echo.header for echo in papers.echoes)
    assert kinds == [False] * 5 + [True]


def test_keys_for_two_models_in_one_round_are_refused(tmp_path: Path) -> None:
    """Else the headers of keys could tell two groups of countries that each had what everybody had."""
    whole = WholeFederation(tmp_path, rounds=2)
    lose(whole, lambda order: order.header.kind is Kind.KEYS, lost=frozenset(COUNTRIES))
    with pytest.raises(TooFewCountries):
        whole.lead()
    asked = whole.orders(Kind.KEYS, round_number=1)[Country.GR]
    again = asked.header.model_copy(update={"base_model_sha256": "a" * 64, "round": 2})
    first = asked.header.model_copy(update={"round": 2})
    masked = whole.members[Country.GR].service._memory.masked
    manifest = read_manifest(whole.manifest)
    masked.answer(first, manifest=manifest, content=b"")
    with pytest.raises(Contradiction):
        masked.answer(again, manifest=manifest, content=b"")
    masked.answer(again.model_copy(update={"round": 3}), manifest=manifest, content=b"")  # control: the next round may


def test_a_round_given_up_hides_no_second_model(lost: Lost) -> None:
    """The order after a void round must show one model, as after any other."""
    whole = lost.whole
    order = whole.orders(Kind.KEYS, round_number=2)[Country.GR]
    asked = parse_order(order.payload)
    papers = parse_papers(asked.papers)
    assert len(papers.echoes) == len(COUNTRIES)
    fewer = papers.model_copy(update={"echoes": papers.echoes[:5]}).to_bytes()
    payload = build_order(type(asked)(asked.plan, asked.model, fewer, asked.aggregation))
    with pytest.raises(ModelsDiffer):
        whole.members[Country.GR].service.answer(resigned(whole, order, payload=payload))


def test_a_crash_between_headers_and_round_is_repeated_and_answered(tmp_path: Path) -> None:
    whole = WholeFederation(tmp_path, rounds=2)
    save, calls = whole.registry.save_round, []

    def dies_once(record: object, *, model: object) -> None:
        calls.append(record)
        if len(calls) == 2:
            raise KeyboardInterrupt  # after the headers of round 2 were kept, before the round was saved
        save(record, model=model)  # type: ignore[arg-type]  # handed on as they came

    whole.registry.save_round = dies_once  # type: ignore[method-assign]  # the crash
    with pytest.raises(KeyboardInterrupt):
        whole.lead()
    whole.build_grid()
    assert whole.lead().round == 2


def test_the_first_model_is_never_handed_out_as_the_last(tmp_path: Path) -> None:
    whole = WholeFederation(tmp_path, rounds=2)
    rounds = (silent_from(Kind.SURVIVORS), silent_from(Kind.SURVIVORS, at=2))
    lose(whole, lambda order: all(hears(order) for hears in rounds[:1]))
    inner = whole.react
    assert inner is not None
    whole.react = lambda country, order: (
        None if country is Country.BE and not rounds[1](order) else inner(country, order)
    )
    with pytest.raises(RoundVoid):
        whole.lead()
    assert whole.registry.states[RUN] is RunState.FAILED
    assert not [order for order in whole.grid.sent if order.header.kind is Kind.ACTIVATE]
    assert (np.frombuffer(whole.registry.models[RUN][-1].parameters, dtype="<f4") == FIRST).all()
