"""A country's side of secure aggregation: four answers, each given once, and then only repeated.

The country never reveals both the seed of another's own mask (it does not have it) and the seed it shares with them,
and reveals its own seed only to a set of survivors that it belongs to and that every survivor has signed. There is no
secret sharing: where a survivor falls silent the round is void, and nothing was learnt (crypto.md 2.3).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
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
from safeborders.privacy.aggregation.errors import (
    BadSignature,
    BadVector,
    Contradiction,
    OutOfOrder,
    TooFewParties,
    Unconfirmed,
    WrongContext,
    WrongParties,
)
from safeborders.privacy.aggregation.masking import SEED_BYTES, Mask, apply_masks, encode
from safeborders.privacy.aggregation.seeds import check_adverts, commitment, pair_seed
from safeborders.privacy.aggregation.session import Session, SessionStore


@dataclass(frozen=True)
class Identity:
    """Who a country is, and whose keys it believes.

    Attributes:
        country: The own one.
        key: Its Ed25519 key of the roster.
        roster: Every country's Ed25519 public key, hexadecimal, from the own verified copy of the roster.
    """

    country: Country
    key: Ed25519PrivateKey
    roster: Mapping[Country, str]


class AggregationParty:
    """Answers the coordinator in the rounds of secure aggregation.

    Args:
        identity: Who answers.
        sessions: What was answered so far; it outlives this process.
    """

    def __init__(self, identity: Identity, *, sessions: SessionStore) -> None:
        self._identity = identity
        self._sessions = sessions

    def advertise(self, context: AggregationContext) -> Signed[Advert]:
        """Return the own ephemeral key for the round of ``context``; the same one whenever it is asked for again.

        Raises:
            WrongParties: If this country, or a country without a key in the roster, is named, or one is named twice.
            TooFewParties: If fewer countries than the floor are named.
        """
        known = self._sessions.find(context.sha256())
        if known is not None:
            return known.advert
        self._check_parties(context)
        private = X25519PrivateKey.generate()
        body = Advert(
            context_sha256=context.sha256(),
            country=self._identity.country,
            key=private.public_key().public_bytes_raw().hex(),
        )
        session = Session(
            context=context,
            private_key=private.private_bytes_raw().hex(),
            own_seed=secrets.token_hex(SEED_BYTES),
            advert=Signed[Advert].sign(body, key=self._identity.key),
        )
        self._sessions.keep(session, before=None)
        return session.advert

    def mask(
        self, update: NDArray[np.int64], *, context: AggregationContext, adverts: Mapping[Country, Signed[Advert]]
    ) -> tuple[Signed[Upload], bytes]:
        """Return ``update`` under this country's masks, as little-endian uint32, and the message that goes with it.

        Args:
            update: Noised already: it must be safe to publish even if every mask failed.
            context: Of the round.
            adverts: Of everybody who takes part, as the coordinator passed them on.

        Raises:
            OutOfOrder: If this country advertised no key for the round.
            BadVector: If ``update`` has another length than the round's.
            AggregationRefused: If an advert does not hold (see ``check_adverts``).
            Contradiction: If the round was masked for other adverts or for another update.
        """
        session = self._get_session(context)
        if update.shape != (context.length,) or update.dtype != np.int64:
            raise BadVector("The update has another length than the round asks for: nothing was masked.")
        transcript = self.check_keys(adverts, context=context)
        seeds = self._pair_seeds(session, adverts=adverts, transcript=transcript)
        vector = encode(update, parties=len(context.parties))
        apply_masks(vector, self._masks(session, seeds))
        content = vector.astype("<u4", copy=False).tobytes()
        body = Upload(
            context_sha256=context.sha256(),
            transcript_sha256=transcript,
            country=self._identity.country,
            vector_sha256=sha256_hex(content),
            own_commitment=commitment(bytes.fromhex(session.own_seed), transcript=transcript),
            pair_commitments={name: commitment(seed, transcript=transcript) for name, seed in seeds.items()},
        )
        self._remember_upload(session, body, seeds=seeds)
        return Signed[Upload].sign(body, key=self._identity.key), content

    def check_keys(self, adverts: Mapping[Country, Signed[Advert]], *, context: AggregationContext) -> str:
        """Return the hash of all keys of the round if this country may mask for them, and refuse them otherwise.

        Raises:
            OutOfOrder: If this country advertised no key for the round.
            AggregationRefused: If an advert does not hold (see ``check_adverts``), or the own one is missing.
        """
        session = self._get_session(context)
        transcript = check_adverts(adverts, context=context, roster=self._identity.roster)
        if adverts.get(self._identity.country) != session.advert:
            raise Contradiction("The coordinator passes on another key of this country, or none: it is not joined.")
        return transcript

    def confirm(self, survivors: Survivors, *, context: AggregationContext) -> Signed[Confirmation]:
        """Sign the set of survivors of the round; the first one that holds is the only one, for ever.

        Raises:
            OutOfOrder: If this country sent no vector in the round.
            WrongContext: If the set is of another round or transcript.
            WrongParties: If it names a stranger, or not this country with the vector that it sent.
            TooFewParties: If it is smaller than the floor.
            Contradiction: If another set was confirmed before.
        """
        session = self._get_session(context)
        if not session.vector_sha256:
            raise OutOfOrder("This country has sent no vector in the round: it confirms nothing.")
        if (survivors.context_sha256, survivors.transcript_sha256) != (context.sha256(), session.transcript_sha256):
            raise WrongContext("The survivors are those of another round: nothing was confirmed.")
        if not set(survivors.vectors) <= {self._identity.country.value, *session.pair_seeds}:
            raise WrongParties("The survivors name a country that does not take part: nothing was confirmed.")
        if survivors.vectors.get(self._identity.country.value) != session.vector_sha256:
            raise WrongParties("The survivors do not hold this country's vector: nothing was confirmed.")
        if len(survivors.vectors) < context.floor:
            raise TooFewParties("Fewer countries than the floor are left: nothing was confirmed.")
        digest = survivors.sha256()
        if session.survivors_sha256 not in {"", digest}:
            raise Contradiction("Another set of survivors was confirmed in this round: nothing more is.")
        update = {"survivors_sha256": digest, "survivors": tuple(sorted(survivors.vectors))}
        self._sessions.keep(session.model_copy(update=update), before=session)
        body = Confirmation(context_sha256=context.sha256(), survivors_sha256=digest, country=self._identity.country)
        return Signed[Confirmation].sign(body, key=self._identity.key)

    def reveal(
        self, confirmations: Mapping[Country, Signed[Confirmation]], *, context: AggregationContext
    ) -> Signed[Reveal]:
        """Return what opens the sum over the confirmed survivors: the own seed, and the seeds shared with the absent.

        Raises:
            OutOfOrder: If this country confirmed no set.
            Unconfirmed: If a survivor's confirmation of the same set is missing.
            BadSignature: If one is not signed by its country.
        """
        session = self._get_session(context)
        if not session.survivors_sha256:
            raise OutOfOrder("This country has confirmed no set of survivors: it reveals nothing.")
        survivors = {Country(name) for name in session.survivors}
        check_confirmations(
            confirmations, survivors=survivors, survivors_sha256=session.survivors_sha256, roster=self._identity.roster
        )
        absent = sorted(set(session.pair_seeds) - set(session.survivors))
        body = Reveal(
            context_sha256=context.sha256(),
            survivors_sha256=session.survivors_sha256,
            country=self._identity.country,
            own_seed=session.own_seed,
            pair_seeds={name: session.pair_seeds[name] for name in absent},
        )
        return Signed[Reveal].sign(body, key=self._identity.key)

    def _check_parties(self, context: AggregationContext) -> None:
        named = set(context.parties)
        if len(named) != len(context.parties) or self._identity.country not in named:
            raise WrongParties("The round names a country twice, or not this one: it is not joined.")
        if not named <= set(self._identity.roster):
            raise WrongParties("The round names a country that is not in the roster: it is not joined.")
        if len(named) < context.floor:
            raise TooFewParties("Fewer countries than the floor take part: the round is not joined.")

    def _get_session(self, context: AggregationContext) -> Session:
        session = self._sessions.find(context.sha256())
        if session is None:
            raise OutOfOrder("This country has no key in the round: it was not asked for one, or has forgotten it.")
        return session

    def _pair_seeds(
        self, session: Session, *, adverts: Mapping[Country, Signed[Advert]], transcript: str
    ) -> dict[str, bytes]:
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(session.private_key))
        own = self._identity.country
        peers = [country for country in adverts if country is not own]
        try:
            return {
                peer.value: pair_seed(private, peer=adverts[peer].body.key, transcript=transcript, pair=(own, peer))
                for peer in peers
            }
        except ValueError as error:
            raise BadSignature("A country's key is of no use: the round is not joined.") from error

    def _masks(self, session: Session, seeds: Mapping[str, bytes]) -> list[Mask]:
        own = self._identity.country.value
        shared = [Mask(seed=seed, is_added=own < peer) for peer, seed in seeds.items()]
        return [Mask(seed=bytes.fromhex(session.own_seed), is_added=True), *shared]

    def _remember_upload(self, session: Session, body: Upload, *, seeds: Mapping[str, bytes]) -> None:
        context = session.context
        masked = self._sessions.find_masked(context.run, round_number=context.round)
        if masked is not None and masked.context != context:
            raise Contradiction("The update of this round was masked for other countries: it is never masked again.")
        asked = (body.transcript_sha256, body.vector_sha256)
        kept = (session.transcript_sha256, session.vector_sha256)
        if kept == asked:
            return
        if kept != ("", ""):
            raise Contradiction("The round was masked for other keys or for another update: nothing more is sent.")
        update = {
            "transcript_sha256": asked[0],
            "vector_sha256": asked[1],
            "pair_seeds": {name: seed.hex() for name, seed in seeds.items()},
        }
        self._sessions.keep(session.model_copy(update=update), before=session)


def check_confirmations(
    confirmations: Mapping[Country, Signed[Confirmation]],
    *,
    survivors: set[Country],
    survivors_sha256: str,
    roster: Mapping[Country, str],
) -> None:
    """Check that every survivor, and nobody else, signed this set of survivors.

    Raises:
        Unconfirmed: If one is missing, too many, or for another set.
        BadSignature: If one is not signed by its country's key in the roster.
    """
    if set(confirmations) != survivors:
        raise Unconfirmed("Not exactly the survivors have confirmed the set: nothing was opened.")
    for country, confirmation in confirmations.items():
        if (confirmation.body.country, confirmation.body.survivors_sha256) != (country, survivors_sha256):
            raise Unconfirmed("A survivor has confirmed another set: nothing was opened.")
        if country not in roster or not confirmation.is_signed_by(roster[country]):
            raise BadSignature("A confirmation is not signed by its country's key in the roster: nothing was opened.")
