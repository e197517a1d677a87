"""The coordinator's side of secure aggregation: it passes messages on, adds masked vectors, and opens the sum."""

from collections.abc import Mapping

import numpy as np
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
    BrokenCommitment,
    Contradiction,
    OutOfOrder,
    TooFewParties,
    Unconfirmed,
    WrongContext,
    WrongParties,
)
from safeborders.privacy.aggregation.masking import Mask, apply_masks, decode
from safeborders.privacy.aggregation.party import check_confirmations
from safeborders.privacy.aggregation.seeds import check_adverts, commitment


class Aggregator:
    """One round. Every message is checked before it counts, so that a fault is known by its sender.

    Args:
        context: Of the round.
        roster: Ed25519 public keys of the countries, hexadecimal.
    """

    def __init__(self, context: AggregationContext, *, roster: Mapping[Country, str]) -> None:
        self.context = context
        self._roster = roster
        self._adverts: dict[Country, Signed[Advert]] = {}
        self._uploads: dict[Country, Upload] = {}
        self._confirmations: dict[Country, Signed[Confirmation]] = {}
        self._reveals: dict[Country, Reveal] = {}
        self._transcript = ""
        self._survivors: Survivors | None = None
        self._total = np.zeros(context.length, dtype=np.uint32)

    def add_advert(self, advert: Signed[Advert]) -> None:
        """Take a country's key. Raises OutOfOrder, WrongContext, WrongParties, BadSignature or Contradiction."""
        if self._transcript:
            raise OutOfOrder("The keys of the round were passed on already: a late one does not count.")
        country = self._check_sender(advert, verb="key")
        if self._adverts.setdefault(country, advert).body != advert.body:
            raise Contradiction("The country has advertised another key for this round: it does not count.")

    def close_adverts(self) -> dict[Country, Signed[Advert]]:
        """Return the keys of all who take part, to be passed on to each of them. Raises TooFewParties."""
        self._transcript = check_adverts(self._adverts, context=self.context, roster=self._roster)
        return dict(self._adverts)

    def add_upload(self, upload: Signed[Upload], *, content: bytes) -> None:
        """Take a masked vector and add it.

        Raises:
            OutOfOrder: If the keys are not closed, or the survivors are: a late vector is not counted.
            BadVector: If ``content`` is not the vector that was signed, or of another length.
            BrokenCommitment: If the country and another committed to different shared seeds.
            AggregationRefused: If context, sender or signature does not hold.
        """
        if not self._transcript or self._survivors is not None:
            raise OutOfOrder("The vector came before the keys or after the survivors were named: it does not count.")
        country, body = self._check_sender(upload, verb="vector"), upload.body
        if body.transcript_sha256 != self._transcript:
            raise WrongContext("The vector is masked for other keys: it does not count.")
        if len(content) != 4 * self.context.length or sha256_hex(content) != body.vector_sha256:
            raise BadVector("The vector is not the one that was signed: it does not count.")
        if country in self._uploads:
            if self._uploads[country] != body:
                raise Contradiction("The country has sent another vector in this round: it does not count.")
            return
        self._check_pairs(body)
        self._uploads[country] = body
        self._total += np.frombuffer(content, dtype="<u4")

    def close_uploads(self) -> Survivors:
        """Name the survivors, once. Raises TooFewParties if they are fewer than the floor: the round is void."""
        if self._survivors is None:
            if len(self._uploads) < self.context.floor:
                raise TooFewParties("Fewer countries than the floor sent a vector: the round is void.")
            vectors = {country.value: body.vector_sha256 for country, body in sorted(self._uploads.items())}
            self._survivors = Survivors(
                context_sha256=self.context.sha256(), transcript_sha256=self._transcript, vectors=vectors
            )
        return self._survivors

    def add_confirmation(self, confirmation: Signed[Confirmation]) -> None:
        """Take a survivor's confirmation. Raises AggregationRefused if it is for another set or not of its sender."""
        survivors = self._get_survivors()
        country = self._check_sender(confirmation, verb="confirmation")
        if country not in self._uploads or confirmation.body.survivors_sha256 != survivors.sha256():
            raise Unconfirmed("The country has confirmed another set of survivors: the round cannot be opened.")
        self._confirmations[country] = confirmation

    def close_confirmations(self) -> dict[Country, Signed[Confirmation]]:
        """Return the confirmations, to be passed on to every survivor. Raises Unconfirmed if one is missing."""
        check_confirmations(
            self._confirmations,
            survivors=set(self._uploads),
            survivors_sha256=self._get_survivors().sha256(),
            roster=self._roster,
        )
        return dict(self._confirmations)

    def add_reveal(self, reveal: Signed[Reveal]) -> None:
        """Take a survivor's seeds.

        Raises:
            BrokenCommitment: If a seed is not the one that the country committed to.
            AggregationRefused: If context, sender, signature or the countries named do not hold.
        """
        survivors = self._get_survivors()
        country, body = self._check_sender(reveal, verb="seeds"), reveal.body
        absent = {party.value for party in self._adverts if party not in self._uploads}
        if country not in self._uploads or body.survivors_sha256 != survivors.sha256():
            raise Unconfirmed("The seeds are for another set of survivors: the round cannot be opened.")
        if set(body.pair_seeds) != absent:
            raise WrongParties("The seeds are not those shared with the absent: the round cannot be opened.")
        promised = self._uploads[country]
        # Pairs, not a mapping: a country that made one commitment twice must open it twice.
        seeds = [(promised.own_commitment, body.own_seed)]
        seeds += [(promised.pair_commitments[name], seed) for name, seed in body.pair_seeds.items()]
        if any(commitment(bytes.fromhex(seed), transcript=self._transcript) != sha for sha, seed in seeds):
            raise BrokenCommitment("A seed is not the one that the country committed to: the round cannot be opened.")
        self._reveals[country] = body

    def open_sum(self) -> NDArray[np.int64]:
        """Return the sum of the survivors' updates.

        Raises:
            Unconfirmed: If a survivor has revealed nothing; the round is void, and nothing was learnt.

        Shape:
            - output: :math:`(D,)`, int64.
        """
        if set(self._reveals) != set(self._uploads) or not self._reveals:
            raise Unconfirmed("A survivor has revealed nothing: the round is void.")
        total = self._total.copy()
        apply_masks(total, [mask for reveal in self._reveals.values() for mask in _undo(reveal)])
        return decode(total)

    def _get_survivors(self) -> Survivors:
        if self._survivors is None:
            raise OutOfOrder("The survivors of the round are not named yet: the message does not count.")
        return self._survivors

    def _check_sender(
        self, message: Signed[Advert] | Signed[Upload] | Signed[Confirmation] | Signed[Reveal], *, verb: str
    ) -> Country:
        country = message.body.country
        if country not in self.context.parties:
            raise WrongParties(f"The {verb} is of a country that does not take part: it does not count.")
        if message.body.context_sha256 != self.context.sha256():
            raise WrongContext(f"The {verb} is for another round: it does not count.")
        if country not in self._roster or not message.is_signed_by(self._roster[country]):
            raise BadSignature(f"The {verb} is not signed by its country's key in the roster: it does not count.")
        return country

    def _check_pairs(self, body: Upload) -> None:
        """Two ends must have committed to the same seed, or the sum could not be opened and nobody would know why."""
        others = {party.value for party in self._adverts if party is not body.country}
        if set(body.pair_commitments) != others:
            raise WrongParties("The vector is not masked for each other country: it does not count.")
        for country, known in self._uploads.items():
            if known.pair_commitments[body.country.value] != body.pair_commitments[country.value]:
                raise BrokenCommitment("Two countries committed to different shared seeds: the later does not count.")


def _undo(reveal: Reveal) -> list[Mask]:
    """Return the masks that take away a survivor's own mask and those it shared with the absent."""
    own = reveal.country.value
    shared = [Mask(seed=bytes.fromhex(seed), is_added=own > peer) for peer, seed in reveal.pair_seeds.items()]
    return [Mask(seed=bytes.fromhex(reveal.own_seed), is_added=False), *shared]
