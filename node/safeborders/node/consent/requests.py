"""What a run asks of this country, as this country's own arithmetic sees it: what people decide about."""

from pydantic import AwareDatetime, Field

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.plan import RUN_NAME, Frozen, Sha256, Task


class RunRequest(Frozen):
    """A run that asked for our part. Everything in it is bound by the hash of the signed manifest.

    Attributes:
        clause: Of the agreement, under which updates would leave; "" when no clause covers them.
        architecture_sha256: The released model's; the code that trains it is installed here and never sent.
        bundle_sha256: Of the bundle without code that the coordinator's runtime carries.
        epsilon: Of the whole run at ``delta``, by our own arithmetic.
        update_length: Numbers in one update.
        events: What the whole run does to our records, as ``privacy.events`` writes it; the price follows from it.
        first_seen: When the first order of the run came.
    """

    manifest_sha256: Sha256
    run: str = Field(pattern=RUN_NAME)
    agreement_sha256: Sha256
    clause: str
    purpose: str = Field(pattern=r"^P[1-5]$")
    tasks: tuple[Task, ...]
    architecture_sha256: Sha256
    bundle_sha256: Sha256
    epsilon: float = Field(ge=0)
    delta: float = Field(gt=0)
    rounds: int = Field(ge=1)
    participants: tuple[Country, ...]
    floor: int = Field(ge=1)
    aggregation: Aggregation
    update_length: int = Field(ge=1)
    events: str
    first_seen: AwareDatetime

    def leaves(self) -> tuple[str, ...]:
        """Return, in words, everything that would leave this node for the run."""
        form = "hidden under masks" if self.aggregation is Aggregation.SECURE else "not masked"
        update = f"{self.rounds} times an update of {self.update_length} whole numbers, noise added, {form}"
        if self.aggregation is not Aggregation.SECURE:
            return update, "signed receipts and status codes"
        return update, "one-time keys, confirmations and mask seeds of each round", "signed receipts and status codes"
