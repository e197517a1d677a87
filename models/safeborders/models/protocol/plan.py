"""The plan of a run: everything a country must know to price it before it takes part.

A plan is canonical JSON, signed by the coordinator, fixed for the whole run. A node computes epsilon itself from the
numbers in it; nothing that decides privacy may come from anywhere else.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from safeborders.kit.canonical import document_sha256
from safeborders.models.domain.countries import Country

PROTOCOL_VERSION = 1

SMALLEST_CLIP_NORM = 1e-6
"""Below it squares of norms come near the end of float64, where clipping would silently stop (docs/decisions/0033)."""

RUN_NAME = r"^[a-z0-9][a-z0-9-]{0,63}$"
"""Names of runs: they also name files, so no path can be one."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Frozen(BaseModel):
    """A value from outside: unknown keys are refused, input is never echoed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)


class Task(StrEnum):
    """What a run learns. A person is never scored."""

    TYPOLOGY = "typology"  # the modus-operandi type of a case
    LINKS = "links"  # which two persons belong together


class TaskPlan(Frozen):
    """How one task is trained with privacy, the same in every round and country."""

    task: Task = Field(strict=False)
    sampling_rate: float = Field(gt=0, le=1, description="Probability q that an example enters a round (Poisson).")
    clip_norm: float = Field(
        ge=SMALLEST_CLIP_NORM, le=1e6, description="Bound C on the L2 norm of what one example adds."
    )
    noise_multiplier: float = Field(gt=0, description="Standard deviation of the noise divided by clip_norm.")
    examples_per_person: int = Field(ge=1, le=16, description="Bound M on the examples attributed to a person.")
    quantisation_bits: int = Field(ge=8, le=32, description="clip_norm is 2**bits steps of the integer grid.")
    learning_rate: float = Field(gt=0, description="Step size of the coordinator's optimiser.")
    public_sizes: dict[str, Annotated[int, Field(ge=1)]] = Field(
        description="Declared, public number of examples per country; not a count."
    )


class RunPlan(Frozen):
    """One run: who trains what, with which privacy, for how long.

    ``epsilon_local`` holds for one country's messages against everybody; a node recomputes it and believes only
    its own figure.
    """

    version: int = Field(default=PROTOCOL_VERSION, ge=1, le=1)
    federation: str = Field(min_length=1, max_length=64)
    run: str = Field(pattern=RUN_NAME)
    purpose: str = Field(pattern=r"^P[1-5]$", description="Purpose code of the agreement (domain.md 3.5).")
    rounds: int = Field(ge=1, le=1000)
    tasks: tuple[TaskPlan, ...] = Field(min_length=1, strict=False)
    delta: float = Field(gt=0, lt=1e-3)
    architecture_sha256: Sha256
    features_sha256: Sha256
    participants: tuple[Country, ...] = Field(min_length=1, strict=False)
    floor: int = Field(ge=1, description="Fewest countries whose updates may be aggregated.")
    deadline_seconds: float = Field(
        gt=0, allow_inf_nan=False, description="How long a round waits for the last country."
    )

    def sha256(self) -> str:
        """Return the hash that names this plan in every message and ledger entry."""
        return document_sha256(self.model_dump(mode="json"))
