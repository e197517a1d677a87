"""What a country must remember of one round of secure aggregation, so that it can never answer it in two ways."""

from typing import Protocol

from pydantic import Field

from safeborders.models.protocol.aggregation import Advert, AggregationContext, Signed
from safeborders.models.protocol.plan import Frozen, Sha256

_Secret = Field(pattern=r"^[0-9a-f]{64}$", repr=False)


class Session(Frozen):
    """One round. Kept in the country's encrypted database from the first message on, and forgotten after the last.

    Attributes:
        context: Of the round.
        private_key: The ephemeral X25519 key.
        own_seed: Seed of the own mask.
        advert: As it was sent.
        transcript_sha256: Of the adverts that were masked for; "" before.
        vector_sha256: Of the masked vector; "" before.
        survivors_sha256: Of the only set of survivors that was, or ever will be, confirmed; "" before.
    """

    context: AggregationContext
    private_key: str = _Secret
    own_seed: str = _Secret
    advert: Signed[Advert]
    pair_seeds: dict[str, str] = Field(default_factory=dict, repr=False)
    transcript_sha256: Sha256 | str = ""
    vector_sha256: Sha256 | str = ""
    survivors_sha256: Sha256 | str = ""
    survivors: tuple[str, ...] = ()


class SessionStore(Protocol):
    """Keeps sessions; what was kept is on disk when ``keep`` returns."""

    def find(self, context_sha256: str) -> Session | None:
        """Return the session of a round, None before its first message."""

    def find_masked(self, run: str, *, round_number: int) -> Session | None:
        """Return the session in which this round's update was masked, None when it was not."""

    def keep(self, session: Session, *, before: Session | None) -> None:
        """Replace ``before`` by ``session``.

        Raises:
            Contradiction: If something else than ``before`` is kept, or the round's update is masked in another
                session: the difference of two sums over different countries would show one country's update.
        """
