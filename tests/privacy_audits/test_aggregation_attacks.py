"""A coordinator, countries or both cheat in secure aggregation; each attack has a control in which it succeeds."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from benchmarks.circle import Adverts, Circle, build_circle, play_round, upload_all
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import (
    Advert,
    AggregationContext,
    Confirmation,
    Reveal,
    Signed,
    Upload,
)
from safeborders.privacy.aggregation.errors import (
    AggregationRefused,
    BadSignature,
    BrokenCommitment,
    Contradiction,
    OutOfOrder,
    TooFewParties,
    Unconfirmed,
    WrongContext,
    WrongParties,
)
from safeborders.privacy.aggregation.masking import Mask, apply_masks, decode
from safeborders.privacy.aggregation.seeds import pair_seed
from sbtest.flower_secagg import recover_from_flower

pytestmark = pytest.mark.audit

LENGTH = 400
VICTIM = Country.PL
OTHERS = tuple(Country(name) for name in ("ro", "bg", "gr", "it", "pt", "be", "fi", "wb"))


def updates_of(circle: Circle) -> dict[Country, NDArray[np.int64]]:
    chance = np.random.default_rng(5)
    return {country: chance.integers(-(10**6), 10**6, LENGTH) for country in circle.countries}


def correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(np.corrcoef(first.astype(float), second.astype(float))[0, 1])


def masked_by_victim(
    circle: Circle, context: AggregationContext, adverts: Adverts
) -> tuple[Signed[Upload], bytes, NDArray[np.int64]]:
    update = updates_of(circle)[VICTIM]
    upload, content = circle.parties[VICTIM].mask(update, context=context, adverts=adverts)
    return upload, content, update


def vector_of(content: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(content, dtype="<u4").copy()


class TestKeySubstitution:
    """The coordinator stands between two countries with keys of its own."""

    def test_a_substituted_key_is_refused(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        adverts = circle.adverts(context)
        circle.parties[VICTIM].advertise(context)
        for forger in (Ed25519PrivateKey.generate(), circle.keys[VICTIM]):
            forged, _ = substituted(adverts, context, signer=forger)
            with pytest.raises(BadSignature):
                masked_by_victim(circle, context, forged)

    def test_control_without_the_signatures_the_update_is_recovered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        adverts, keys = substituted(circle.adverts(context), context, signer=Ed25519PrivateKey.generate())
        monkeypatch.setattr(Signed, "is_signed_by", lambda _self, _key: True)
        upload, content, update = masked_by_victim(circle, context, adverts)
        recovered = vector_of(content)
        own = adverts[VICTIM].body.key
        transcript = upload.body.transcript_sha256
        seeds = {c: pair_seed(k, peer=own, transcript=transcript, pair=(VICTIM, c)) for c, k in keys.items()}
        apply_masks(recovered, [Mask(seed, is_added=VICTIM.value > c.value) for c, seed in seeds.items()])
        # The own mask is left: in the same attack the coordinator opens it by an honest-looking round.
        session_seed = own_seed_of(circle, context)
        apply_masks(recovered, [Mask(session_seed, is_added=False)])
        assert correlation(decode(recovered), update) > 0.999


def substituted(
    adverts: Adverts, context: AggregationContext, *, signer: Ed25519PrivateKey
) -> tuple[Adverts, dict[Country, X25519PrivateKey]]:
    """Return adverts in which everybody but the victim has the coordinator's key."""
    keys = {country: X25519PrivateKey.generate() for country in OTHERS}
    forged = {
        country: Signed[Advert].sign(
            Advert(context_sha256=context.sha256(), country=country, key=key.public_key().public_bytes_raw().hex()),
            key=signer,
        )
        for country, key in keys.items()
    }
    return {**adverts, **forged}, keys


def own_seed_of(circle: Circle, context: AggregationContext) -> bytes:
    session = circle.parties[VICTIM]._sessions.find(context.sha256())
    assert session is not None
    return bytes.fromhex(session.own_seed)


class TestActiveAndDropped:
    """The victim is listed as a survivor to some and as dropped to others, so that both kinds of its seeds come out."""

    def test_only_one_set_of_survivors_is_ever_confirmed(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        survivors = upload_all(circle, context, updates_of(circle)).close_uploads()
        without = survivors.model_copy(
            update={"vectors": {name: sha for name, sha in survivors.vectors.items() if name != VICTIM.value}}
        )
        for country in OTHERS:
            circle.parties[country].confirm(survivors, context=context)
            with pytest.raises(Contradiction):
                circle.parties[country].confirm(without, context=context)
        with pytest.raises(WrongParties):  # and the victim never signs a set without itself
            circle.parties[VICTIM].confirm(without, context=context)

    def test_nothing_is_revealed_for_a_set_that_not_all_its_members_signed(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        survivors = upload_all(circle, context, updates_of(circle)).close_uploads()
        confirmed = {c: circle.parties[c].confirm(survivors, context=context) for c in circle.countries}
        for missing in circle.countries:
            some = {c: one for c, one in confirmed.items() if c is not missing}
            with pytest.raises(Unconfirmed):
                circle.parties[Country.GR if missing is not Country.GR else Country.RO].reveal(some, context=context)
        forged = {**confirmed, VICTIM: Signed[Confirmation].sign(confirmed[VICTIM].body, key=circle.keys[Country.RO])}
        with pytest.raises(BadSignature):
            circle.parties[Country.GR].reveal(forged, context=context)

    def test_control_flowers_own_protocol_gives_the_update_away(self) -> None:
        update = np.random.default_rng(2).normal(0, 0.1, LENGTH)
        recovered = recover_from_flower(update)
        assert correlation(recovered, update) > 0.99999
        assert float(np.abs(recovered - update).max()) < 1e-4


class TestContradictions:
    """The coordinator tells different stories to different countries, or the same country twice."""

    def test_two_models_give_two_contexts_and_no_common_round(self) -> None:
        circle = build_circle()
        one = circle.context(length=LENGTH)
        other = circle.context(length=LENGTH, base_model_sha256="9" * 64)
        adverts = circle.adverts(one)
        mixed = {**adverts, **{c: circle.parties[c].advertise(other) for c in OTHERS[:4]}}
        with pytest.raises(WrongContext):
            masked_by_victim(circle, one, mixed)

    def test_control_one_model_gives_a_common_round(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        updates = updates_of(circle)
        assert (play_round(circle, context, updates) == sum(updates.values())).all()

    def test_an_update_is_masked_for_one_circle_of_countries_only(self) -> None:
        circle = build_circle()
        everybody = circle.context(length=LENGTH)
        fewer = circle.context(length=LENGTH, parties=tuple(c for c in circle.countries if c is not Country.FI))
        masked_by_victim(circle, everybody, circle.adverts(everybody))
        with pytest.raises(Contradiction):
            masked_by_victim(circle, fewer, circle.adverts(fewer))

    def test_control_two_circles_would_single_a_country_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        circle = build_circle()
        monkeypatch.setattr("benchmarks.circle.MemorySessions.find_masked", lambda _self, _run, **_named: None)
        updates = updates_of(circle)
        fewer = circle.context(length=LENGTH, parties=tuple(c for c in circle.countries if c is not VICTIM))
        both = play_round(circle, circle.context(length=LENGTH), updates), play_round(circle, fewer, updates)
        assert (both[0] - both[1] == updates[VICTIM]).all()

    def test_two_transcripts_are_refused(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        adverts = circle.adverts(context)
        masked_by_victim(circle, context, adverts)
        other = build_circle_with_keys(circle)
        again = {**adverts, Country.RO: other.parties[Country.RO].advertise(context)}
        with pytest.raises(Contradiction):
            masked_by_victim(circle, context, again)

    def test_a_late_vector_is_not_counted(self) -> None:
        circle = build_circle()
        context, updates = circle.context(length=LENGTH), updates_of(circle)
        aggregator = upload_all(circle, context, updates, absent=[VICTIM])
        adverts = circle.adverts(context)
        late = circle.parties[VICTIM].mask(updates[VICTIM], context=context, adverts=adverts)
        aggregator.close_uploads()
        with pytest.raises(OutOfOrder):
            aggregator.add_upload(late[0], content=late[1])

    def test_control_the_same_vector_in_time_is_counted(self) -> None:
        circle = build_circle()
        context, updates = circle.context(length=LENGTH), updates_of(circle)
        aggregator = upload_all(circle, context, updates, absent=[VICTIM])
        adverts = circle.adverts(context)
        upload, content = circle.parties[VICTIM].mask(updates[VICTIM], context=context, adverts=adverts)
        aggregator.add_upload(upload, content=content)
        assert VICTIM.value in aggregator.close_uploads().vectors


class TestFewParties:
    """A sum over few is no sum."""

    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_a_roster_below_the_floor_is_not_joined(self, count: int) -> None:
        circle = build_circle()
        named = (VICTIM, *OTHERS[: count - 1])
        with pytest.raises(TooFewParties):
            circle.parties[VICTIM].advertise(circle.context(length=LENGTH, parties=named))

    def test_control_at_the_floor_it_is_joined(self) -> None:
        circle = build_circle()
        circle.parties[VICTIM].advertise(circle.context(length=LENGTH, parties=(VICTIM, *OTHERS[:5])))

    def test_no_floor_below_six_can_be_written(self) -> None:
        with pytest.raises(ValueError, match="floor"):
            build_circle().context(length=LENGTH, floor=5)

    def test_a_country_named_many_times_or_unknown_to_the_roster_is_not_joined(self) -> None:
        circle = build_circle(DEMO_WITHOUT_FINLAND)
        for parties in ((VICTIM,) * 6, (VICTIM, *OTHERS[:4], Country.FI)):
            with pytest.raises(WrongParties):
                circle.parties[VICTIM].advertise(circle.context(length=LENGTH, parties=parties))

    def test_a_set_of_survivors_below_the_floor_is_not_confirmed(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        survivors = upload_all(circle, context, updates_of(circle)).close_uploads()
        few = {name: survivors.vectors[name] for name in (VICTIM.value, *OTHERS[:4])}
        with pytest.raises(TooFewParties):
            circle.parties[VICTIM].confirm(survivors.model_copy(update={"vectors": few}), context=context)


DEMO_WITHOUT_FINLAND = tuple(country for country in (VICTIM, *OTHERS) if country is not Country.FI)


class TestReplay:
    """A message of one round is worth nothing in another, whenever it comes."""

    def test_messages_of_another_round_are_refused(self) -> None:
        circle = build_circle()
        first, second = circle.context(length=LENGTH), circle.context(length=LENGTH, round=2)
        with pytest.raises(WrongContext):
            masked_by_victim(circle, second, circle.adverts(first) | {VICTIM: circle.parties[VICTIM].advertise(second)})
        old = upload_all(circle, first, updates_of(circle))
        survivors = old.close_uploads()
        confirmation = circle.parties[Country.GR].confirm(survivors, context=first)
        new = upload_all(circle, second, updates_of(circle))
        new.close_uploads()
        with pytest.raises(AggregationRefused):
            circle.parties[VICTIM].confirm(survivors, context=second)
        with pytest.raises(WrongContext):
            new.add_confirmation(confirmation)

    def test_a_signature_of_one_kind_of_message_is_none_of_another(self) -> None:
        circle = build_circle()
        body = Confirmation(context_sha256="1" * 64, survivors_sha256="2" * 64, country=VICTIM)
        signed = Signed[Confirmation].sign(body, key=circle.keys[VICTIM])
        assert signed.is_signed_by(circle.roster[VICTIM])
        other = Reveal(
            context_sha256="1" * 64, survivors_sha256="2" * 64, country=VICTIM, own_seed="3" * 64, pair_seeds={}
        )
        assert not Signed[Reveal](body=other, signature=signed.signature).is_signed_by(circle.roster[VICTIM])


class TestBadCountry:
    """A country that lies is found out before the sum is spoilt, and is named by what it sent."""

    def test_a_false_seed_is_found(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        aggregator = upload_all(circle, context, updates_of(circle), absent=[Country.IT])
        survivors = aggregator.close_uploads()
        left = [Country(name) for name in survivors.vectors]
        for country in left:
            aggregator.add_confirmation(circle.parties[country].confirm(survivors, context=context))
        confirmed = aggregator.close_confirmations()
        honest = circle.parties[VICTIM].reveal(confirmed, context=context).body
        for lie in ({"own_seed": "0" * 64}, {"pair_seeds": {"it": "0" * 64}}):
            with pytest.raises(BrokenCommitment):
                aggregator.add_reveal(Signed[Reveal].sign(honest.model_copy(update=lie), key=circle.keys[VICTIM]))
        with pytest.raises(WrongParties):
            aggregator.add_reveal(
                Signed[Reveal].sign(honest.model_copy(update={"pair_seeds": {}}), key=circle.keys[VICTIM])
            )
        aggregator.add_reveal(Signed[Reveal].sign(honest, key=circle.keys[VICTIM]))  # control

    def test_another_commitment_for_a_shared_seed_is_found_at_once(self) -> None:
        circle = build_circle()
        context, updates = circle.context(length=LENGTH), updates_of(circle)
        aggregator = upload_all(circle, context, updates, absent=[VICTIM])
        upload, content = circle.parties[VICTIM].mask(updates[VICTIM], context=context, adverts=circle.adverts(context))
        lie = {**upload.body.pair_commitments, "ro": "0" * 64}
        body = upload.body.model_copy(update={"pair_commitments": lie})
        with pytest.raises(BrokenCommitment):
            aggregator.add_upload(Signed[Upload].sign(body, key=circle.keys[VICTIM]), content=content)

    @pytest.mark.parametrize("spoil", [lambda c: c[:-4], lambda c: c + b"1234", lambda c: b"1234" + c[4:]])
    def test_another_vector_than_the_signed_one_is_refused(self, spoil: Any) -> None:
        circle = build_circle()
        context, updates = circle.context(length=LENGTH), updates_of(circle)
        aggregator = upload_all(circle, context, updates, absent=[VICTIM])
        upload, content = circle.parties[VICTIM].mask(updates[VICTIM], context=context, adverts=circle.adverts(context))
        with pytest.raises(AggregationRefused):
            aggregator.add_upload(upload, content=spoil(content))


class TestCollusion:
    """The coordinator and k of nine countries learn the sum over the others, and nothing finer."""

    @pytest.mark.parametrize("colluding", [1, 3, 7])
    def test_a_vector_is_uniform_to_the_coordinator_and_its_helpers(self, colluding: int) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        adverts = circle.adverts(context)
        _, content, update = masked_by_victim(circle, context, adverts)
        stripped = strip(circle, context, content, helpers=OTHERS[:colluding], adverts=adverts)
        assert abs(correlation(decode(stripped), update)) < 0.3

    def test_control_all_eight_and_the_own_seed_give_the_update(self) -> None:
        circle = build_circle()
        context = circle.context(length=LENGTH)
        adverts = circle.adverts(context)
        _, content, update = masked_by_victim(circle, context, adverts)
        stripped = strip(circle, context, content, helpers=OTHERS, adverts=adverts)
        apply_masks(stripped, [Mask(own_seed_of(circle, context), is_added=False)])
        assert (decode(stripped) == update).all()


def strip(
    circle: Circle, context: AggregationContext, content: bytes, *, helpers: Iterable[Country], adverts: Adverts
) -> NDArray[np.uint32]:
    """Take away every mask that ``helpers`` share with the victim."""
    vector = vector_of(content)
    for helper in helpers:
        circle.parties[helper].mask(updates_of(circle)[helper], context=context, adverts=adverts)
        session = circle.parties[helper]._sessions.find(context.sha256())
        assert session is not None
        seed = bytes.fromhex(session.pair_seeds[VICTIM.value])
        apply_masks(vector, [Mask(seed, is_added=VICTIM.value > helper.value)])
    return vector


def build_circle_with_keys(circle: Circle) -> Circle:
    """Return the same countries with the same signing keys and empty memories."""
    fresh = build_circle(circle.countries)
    for country in circle.countries:
        fresh.parties[country] = type(fresh.parties[country])(
            circle.parties[country]._identity, sessions=fresh.parties[country]._sessions
        )
    return fresh
