"""What either side of secure aggregation refuses, by whom it was sent and when; each beside what it accepts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from benchmarks.circle import Circle, build_circle, upload_all
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import (
    Advert,
    AggregationContext,
    Confirmation,
    Reveal,
    Signed,
    Survivors,
    Upload,
)
from safeborders.privacy.aggregation.aggregator import Aggregator
from safeborders.privacy.aggregation.errors import (
    BadSignature,
    BadVector,
    BrokenCommitment,
    Contradiction,
    OutOfOrder,
    TooFewParties,
    Unconfirmed,
    WrongContext,
    WrongParties,
)
from safeborders.privacy.aggregation.party import check_confirmations
from safeborders.privacy.aggregation.seeds import check_adverts, commitment

LENGTH = 8
ABSENT = Country.IT


class Stage:
    """One round of nine countries, of which Italy falls silent after the keys."""

    def __init__(self) -> None:
        self.circle: Circle = build_circle()
        self.context: AggregationContext = self.circle.context(length=LENGTH)
        self.updates: dict[Country, NDArray[np.int64]] = {
            country: np.arange(LENGTH) * (number + 1) for number, country in enumerate(self.circle.countries)
        }

    def uploaded(self) -> Aggregator:
        return upload_all(self.circle, self.context, self.updates, absent=[ABSENT])

    def upload(self, country: Country) -> tuple[Signed[Upload], bytes]:
        adverts = self.circle.adverts(self.context)
        return self.circle.parties[country].mask(self.updates[country], context=self.context, adverts=adverts)

    def confirmed(self) -> tuple[Aggregator, Survivors]:
        aggregator = self.uploaded()
        survivors = aggregator.close_uploads()
        for name in survivors.vectors:
            party = self.circle.parties[Country(name)]
            aggregator.add_confirmation(party.confirm(survivors, context=self.context))
        return aggregator, survivors

    def reveal(self, country: Country, aggregator: Aggregator) -> Signed[Reveal]:
        confirmations = aggregator.close_confirmations()
        return self.circle.parties[country].reveal(confirmations, context=self.context)

    def signed(self, body: Any, *, key: Ed25519PrivateKey | None = None) -> Any:
        """Sign ``body`` as its country, or with another key."""
        return Signed[type(body)].sign(body, key=key or self.circle.keys[body.country])  # type: ignore[misc]  # any kind

    def advert(self, country: Country, **changes: object) -> Any:
        """Return the country's own advert with changes, signed by it."""
        return self.signed(self.circle.parties[country].advertise(self.context).body.model_copy(update=changes))


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestCoordinator:
    """Messages that do not count."""

    def test_a_key_after_the_keys_were_passed_on_does_not_count(self, stage: Stage) -> None:
        aggregator = stage.uploaded()
        with pytest.raises(OutOfOrder):
            aggregator.add_advert(stage.advert(Country.GR))

    def test_a_second_key_of_a_country_does_not_count_and_the_first_is_passed_on(self, stage: Stage) -> None:
        aggregator = Aggregator(stage.context, roster=stage.circle.roster)
        adverts = stage.circle.adverts(stage.context)
        for advert in (*adverts.values(), adverts[Country.GR]):  # the same again is no other
            aggregator.add_advert(advert)
        with pytest.raises(Contradiction):
            aggregator.add_advert(stage.advert(Country.GR, key="7" * 64))
        assert aggregator.close_adverts() == adverts

    def test_a_vector_before_the_keys_are_closed_does_not_count(self, stage: Stage) -> None:
        upload, content = stage.upload(Country.GR)
        with pytest.raises(OutOfOrder):
            Aggregator(stage.context, roster=stage.circle.roster).add_upload(upload, content=content)

    def test_a_vector_masked_for_other_keys_does_not_count(self, stage: Stage) -> None:
        aggregator = stage.uploaded()
        upload, content = stage.upload(ABSENT)
        other = stage.signed(upload.body.model_copy(update={"transcript_sha256": "8" * 64}))
        with pytest.raises(WrongContext):
            aggregator.add_upload(other, content=content)
        aggregator.add_upload(upload, content=content)  # control

    def test_a_vector_that_comes_twice_is_added_once_and_another_one_never(self, stage: Stage) -> None:
        aggregator = stage.uploaded()
        upload, content = stage.upload(Country.GR)
        before = aggregator._total.copy()
        aggregator.add_upload(upload, content=content)
        assert (aggregator._total == before).all()
        other = stage.signed(upload.body.model_copy(update={"own_commitment": "8" * 64}))
        with pytest.raises(Contradiction):
            aggregator.add_upload(other, content=content)
        assert (aggregator._total == before).all()

    @pytest.mark.parametrize("named", ["fewer", "more"])
    def test_a_vector_that_is_not_masked_for_each_other_country_does_not_count(self, stage: Stage, named: str) -> None:
        aggregator = stage.uploaded()
        upload, content = stage.upload(ABSENT)
        pairs = dict(upload.body.pair_commitments)
        if named == "fewer":
            del pairs["gr"]
        else:
            pairs["it"] = "8" * 64
        with pytest.raises(WrongParties):
            aggregator.add_upload(
                stage.signed(upload.body.model_copy(update={"pair_commitments": pairs})), content=content
            )

    @pytest.mark.parametrize("entries", [1, LENGTH - 1, LENGTH + 1])
    def test_a_vector_of_another_length_does_not_count_although_it_is_signed(self, stage: Stage, entries: int) -> None:
        """One entry would be added to every coordinate; other lengths would stop the coordinator."""
        aggregator = stage.uploaded()
        upload, _ = stage.upload(ABSENT)
        content = bytes(4 * entries)
        other = stage.signed(upload.body.model_copy(update={"vector_sha256": sha256_hex(content)}))
        with pytest.raises(BadVector):
            aggregator.add_upload(other, content=content)

    def test_the_survivors_are_named_once_and_for_ever(self, stage: Stage) -> None:
        aggregator = stage.uploaded()
        first = aggregator.close_uploads()
        assert aggregator.close_uploads() is first
        assert set(first.vectors) == {country.value for country in stage.circle.countries} - {ABSENT.value}

    def test_exactly_the_floor_may_survive_and_one_fewer_may_not(self) -> None:
        stage = Stage()
        gone = list(stage.circle.countries[:3])
        assert len(upload_all(stage.circle, stage.context, stage.updates, absent=gone).close_uploads().vectors) == 6
        stage = Stage()
        with pytest.raises(TooFewParties):
            upload_all(stage.circle, stage.context, stage.updates, absent=stage.circle.countries[:4]).close_uploads()

    def test_before_the_survivors_are_named_nothing_is_confirmed_or_revealed(self, stage: Stage) -> None:
        aggregator = stage.uploaded()
        body = Confirmation(context_sha256=stage.context.sha256(), survivors_sha256="1" * 64, country=Country.GR)
        with pytest.raises(OutOfOrder):
            aggregator.add_confirmation(stage.signed(body))
        with pytest.raises(OutOfOrder):
            aggregator.close_confirmations()
        reveal = Reveal(**body.model_dump(), own_seed="1" * 64, pair_seeds={})
        with pytest.raises(OutOfOrder):
            aggregator.add_reveal(stage.signed(reveal))

    def test_a_confirmation_of_another_set_or_of_an_absent_country_does_not_count(self, stage: Stage) -> None:
        aggregator, survivors = stage.confirmed()
        body = Confirmation(
            context_sha256=stage.context.sha256(), survivors_sha256=survivors.sha256(), country=Country.GR
        )
        for changes in ({"survivors_sha256": "1" * 64}, {"country": ABSENT}):
            with pytest.raises(Unconfirmed):
                aggregator.add_confirmation(stage.signed(body.model_copy(update=changes)))
        aggregator.add_confirmation(stage.signed(body))  # control

    def test_seeds_for_another_set_or_of_an_absent_country_do_not_count(self, stage: Stage) -> None:
        aggregator, _ = stage.confirmed()
        honest = stage.reveal(Country.GR, aggregator).body
        for changes in ({"survivors_sha256": "1" * 64}, {"country": ABSENT}):
            with pytest.raises(Unconfirmed):
                aggregator.add_reveal(stage.signed(honest.model_copy(update=changes)))

    def test_a_commitment_made_twice_is_opened_twice(self, stage: Stage) -> None:
        """A liar promises its own seed with the commitment to a shared one, and then reveals any own seed it likes."""
        adverts = stage.circle.adverts(stage.context)
        aggregator = Aggregator(stage.context, roster=stage.circle.roster)
        for advert in adverts.values():
            aggregator.add_advert(advert)
        aggregator.close_adverts()
        for country in stage.circle.countries:
            upload, content = stage.upload(country)
            if country is Country.GR:
                shared = upload.body.pair_commitments[ABSENT.value]
                upload = stage.signed(upload.body.model_copy(update={"own_commitment": shared}))
            if country is not ABSENT:
                aggregator.add_upload(upload, content=content)
        survivors = aggregator.close_uploads()
        for name in survivors.vectors:
            body = Confirmation(
                context_sha256=stage.context.sha256(), survivors_sha256=survivors.sha256(), country=Country(name)
            )
            aggregator.add_confirmation(stage.signed(body))
        session = stage.circle.parties[Country.GR]._sessions.find(stage.context.sha256())
        assert session is not None
        lie = Reveal(
            context_sha256=stage.context.sha256(),
            survivors_sha256=survivors.sha256(),
            country=Country.GR,
            own_seed="0" * 64,
            pair_seeds={ABSENT.value: session.pair_seeds[ABSENT.value]},
        )
        with pytest.raises(BrokenCommitment):
            aggregator.add_reveal(stage.signed(lie))

    def test_the_sum_is_not_opened_before_anybody_revealed(self, stage: Stage) -> None:
        with pytest.raises(Unconfirmed):
            Aggregator(stage.context, roster=stage.circle.roster).open_sum()

    def test_messages_of_strangers_other_rounds_and_forgers_do_not_count(self, stage: Stage) -> None:
        some = stage.circle.countries[:7]
        context = stage.circle.context(length=LENGTH, parties=some)
        stranger = stage.circle.countries[-1]
        aggregator = Aggregator(context, roster=stage.circle.roster)
        body = Advert(context_sha256=context.sha256(), country=some[0], key="7" * 64)
        with pytest.raises(WrongParties):
            aggregator.add_advert(stage.signed(body.model_copy(update={"country": stranger})))
        with pytest.raises(WrongContext):
            aggregator.add_advert(stage.signed(body.model_copy(update={"context_sha256": "1" * 64})))
        with pytest.raises(BadSignature):
            aggregator.add_advert(stage.signed(body, key=stage.circle.keys[stranger]))
        without = {country: key for country, key in stage.circle.roster.items() if country is not some[0]}
        with pytest.raises(BadSignature):
            Aggregator(context, roster=without).add_advert(stage.signed(body))
        aggregator.add_advert(stage.signed(body))  # control


class TestCountry:
    """What a country does not go along with."""

    @pytest.mark.parametrize(
        "update",
        [
            np.zeros(LENGTH + 1, dtype=np.int64),
            np.zeros(LENGTH, dtype=np.int32),
            np.zeros((1, LENGTH), dtype=np.int64),
        ],
    )
    def test_an_update_of_another_length_or_type_is_not_masked(self, stage: Stage, update: NDArray[Any]) -> None:
        adverts = stage.circle.adverts(stage.context)
        with pytest.raises(BadVector):
            stage.circle.parties[Country.GR].mask(update, context=stage.context, adverts=adverts)

    def test_a_round_of_others_is_not_joined(self, stage: Stage) -> None:
        others = stage.circle.context(length=LENGTH, parties=[c for c in stage.circle.countries if c is not Country.GR])
        with pytest.raises(WrongParties):
            stage.circle.parties[Country.GR].advertise(others)

    def test_keys_without_its_own_or_with_another_one_in_its_place_are_refused(self, stage: Stage) -> None:
        party, adverts = stage.circle.parties[Country.GR], stage.circle.adverts(stage.context)
        without = {**adverts}
        del without[Country.GR]
        another = {**adverts, Country.GR: stage.advert(Country.GR, key="7" * 64)}
        for others in (without, another):
            with pytest.raises(Contradiction):
                party.check_keys(others, context=stage.context)
        party.check_keys(adverts, context=stage.context)  # control

    def test_a_key_of_small_order_makes_no_seed(self, stage: Stage) -> None:
        """With the point 0 any two countries share a seed of zeros, which the coordinator knows."""
        adverts = {**stage.circle.adverts(stage.context), Country.RO: stage.advert(Country.RO, key="0" * 64)}
        with pytest.raises(BadSignature):
            stage.circle.parties[Country.GR].mask(stage.updates[Country.GR], context=stage.context, adverts=adverts)

    def test_it_confirms_nothing_before_it_sent_a_vector(self, stage: Stage) -> None:
        survivors = stage.uploaded().close_uploads()
        with pytest.raises(OutOfOrder):
            stage.circle.parties[ABSENT].confirm(survivors, context=stage.context)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"context_sha256": "1" * 64}, WrongContext),
            ({"transcript_sha256": "1" * 64}, WrongContext),
        ],
    )
    def test_it_confirms_no_set_of_another_round_or_transcript(
        self, stage: Stage, changes: dict[str, str], error: type[Exception]
    ) -> None:
        survivors = stage.uploaded().close_uploads()
        with pytest.raises(error):
            stage.circle.parties[Country.GR].confirm(survivors.model_copy(update=changes), context=stage.context)

    def test_it_confirms_no_set_with_a_stranger_or_with_another_vector_of_its_own(self, stage: Stage) -> None:
        survivors = stage.uploaded().close_uploads()
        for name in (Country.WB_AL.value, "gr"):
            vectors = {**survivors.vectors, name: "1" * 64}
            with pytest.raises(WrongParties):
                stage.circle.parties[Country.GR].confirm(
                    survivors.model_copy(update={"vectors": vectors}), context=stage.context
                )

    def test_it_confirms_a_set_of_exactly_the_floor(self, stage: Stage) -> None:
        survivors = stage.uploaded().close_uploads()
        names = ["gr", *[name for name in survivors.vectors if name != "gr"]]
        for count, is_enough in ((5, False), (6, True)):
            fewer = survivors.model_copy(update={"vectors": {name: survivors.vectors[name] for name in names[:count]}})
            if is_enough:
                stage.circle.parties[Country.GR].confirm(fewer, context=stage.context)
            else:
                with pytest.raises(TooFewParties):
                    stage.circle.parties[Country.GR].confirm(fewer, context=stage.context)

    def test_it_reveals_its_own_seed_and_only_those_that_it_shares_with_the_absent(self, stage: Stage) -> None:
        aggregator, survivors = stage.confirmed()
        reveal = stage.reveal(Country.GR, aggregator)
        promised, _ = stage.upload(Country.GR)
        assert set(reveal.body.pair_seeds) == {ABSENT.value}
        assert reveal.body.survivors_sha256 == survivors.sha256()
        transcript = survivors.transcript_sha256
        assert commitment(bytes.fromhex(reveal.body.own_seed), transcript=transcript) == promised.body.own_commitment
        assert reveal.is_signed_by(stage.circle.roster[Country.GR])

    def test_what_it_remembers_shows_no_secret_in_a_log_or_traceback(self, stage: Stage) -> None:
        stage.upload(Country.GR)
        session = stage.circle.parties[Country.GR]._sessions.find(stage.context.sha256())
        assert session is not None
        secret = (session.private_key, session.own_seed, *session.pair_seeds.values())
        assert len(secret) == 2 + 8
        shown = repr(session) + str(session)
        assert session.vector_sha256 in shown  # control: the rest is shown
        assert not any(one in shown for one in secret)

    def test_it_reveals_nothing_before_it_confirmed(self, stage: Stage) -> None:
        stage.uploaded()
        with pytest.raises(OutOfOrder):
            stage.circle.parties[Country.GR].reveal({}, context=stage.context)


Change = Callable[[Stage, dict[Country, Signed[Advert]]], dict[Country, Signed[Advert]]]


class TestKeys:
    """Adverts as the coordinator passes them on."""

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda stage, adverts: {**adverts, Country.WB_AL: adverts[Country.GR]}, WrongParties),
            (lambda stage, adverts: {**adverts, Country.GR: adverts[Country.RO]}, WrongParties),
            (
                lambda stage, adverts: {
                    **adverts,
                    Country.RO: stage.advert(Country.RO, key=adverts[Country.GR].body.key),
                },
                WrongParties,
            ),
            (lambda stage, adverts: dict(list(adverts.items())[:5]), TooFewParties),
            (
                lambda stage, adverts: {**adverts, Country.GR: stage.advert(Country.GR, context_sha256="1" * 64)},
                WrongContext,
            ),
        ],
    )
    def test_keys_that_do_not_hold_are_refused(self, stage: Stage, change: Change, error: type[Exception]) -> None:
        adverts = stage.circle.adverts(stage.context)
        with pytest.raises(error):
            check_adverts(change(stage, adverts), context=stage.context, roster=stage.circle.roster)

    def test_the_hash_of_the_keys_does_not_depend_on_their_order_and_changes_with_each(self, stage: Stage) -> None:
        adverts, roster = stage.circle.adverts(stage.context), stage.circle.roster
        transcript = check_adverts(adverts, context=stage.context, roster=roster)
        backwards = dict(reversed(adverts.items()))
        assert check_adverts(backwards, context=stage.context, roster=roster) == transcript
        changed = {**adverts, Country.RO: stage.advert(Country.RO, key="7" * 64)}
        assert check_adverts(changed, context=stage.context, roster=roster) != transcript

    def test_six_keys_are_enough_and_a_country_outside_the_roster_has_none(self, stage: Stage) -> None:
        adverts = dict(list(stage.circle.adverts(stage.context).items())[:6])
        check_adverts(adverts, context=stage.context, roster=stage.circle.roster)
        without = {country: key for country, key in stage.circle.roster.items() if country is not next(iter(adverts))}
        with pytest.raises(BadSignature):
            check_adverts(adverts, context=stage.context, roster=without)

    def test_parties_that_stand_twice_are_no_round(self, stage: Stage) -> None:
        twice = stage.circle.context(length=LENGTH, parties=(*stage.circle.countries, Country.GR))
        with pytest.raises(WrongParties):
            check_adverts(stage.circle.adverts(stage.context), context=twice, roster=stage.circle.roster)


def test_a_confirmation_stands_for_its_own_country_and_its_own_set(stage: Stage) -> None:
    aggregator, survivors = stage.confirmed()
    confirmed = aggregator.close_confirmations()
    names = set(confirmed)
    wanted = {"survivors": names, "survivors_sha256": survivors.sha256(), "roster": stage.circle.roster}
    check_confirmations(confirmed, **wanted)  # type: ignore[arg-type]  # control
    swapped = {**confirmed, Country.GR: confirmed[Country.RO]}
    other = stage.signed(confirmed[Country.GR].body.model_copy(update={"survivors_sha256": "1" * 64}))
    for wrong in (swapped, {**confirmed, Country.GR: other}):
        with pytest.raises(Unconfirmed):
            check_confirmations(wrong, **wanted)  # type: ignore[arg-type]  # the same names
    without = {country: key for country, key in stage.circle.roster.items() if country is not Country.GR}
    with pytest.raises(BadSignature):
        check_confirmations(confirmed, **{**wanted, "roster": without})  # type: ignore[arg-type]  # the same names
