"""The plan of a run: everything a country must know to price it before it takes part.

A plan is canonical JSON, signed by the coordinator, fixed for the whole run. A node computes epsilon itself from the
numbers in it; nothing that decides privacy may come from anywhere else.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    ROLES = "roles"  # the part that a suspect on record plays in that very case


class Stage(StrEnum):
    """Which network of a task is trained, and what it may see (privacy.md 4.2)."""

    ENCODER = "encoder"  # stage A: an example's own attributes
    HEAD = "head"  # stage B: what neighbours say, added to the encoder's logits
    SAGE = "sage"  # rooted GraphSAGE: own attributes and neighbours in one network, instead of A and B


PERSONS_TO_ONE_DELTA = 10
"""A delta times the number of persons, times this, stays below one: what goes wrong with probability delta then hits
hardly anybody (privacy.md 4.4 and 5.21)."""

LARGEST_LIMIT = 64
"""Most links of one relation (K_r), and most places in a list (F_max), that a plan may name."""

Probability = Annotated[float, Field(gt=0, le=1)]
Places = Annotated[int, Field(ge=1, le=LARGEST_LIMIT)]


class RelationPlan(Frozen):
    """How the neighbours of one relation are sampled, the same in every round; one entry per hop."""

    relation: str = Field(pattern=r"^[a-z][a-z_]{0,31}$")
    limit: int = Field(ge=1, le=LARGEST_LIMIT, description="Bound K_r on the curated links of one node.")
    keep: tuple[Probability, ...] = Field(
        min_length=1, max_length=2, strict=False, description="Probability p_r that a neighbour is kept in a step."
    )
    most: tuple[Places, ...] = Field(
        min_length=1, max_length=2, strict=False, description="F_max: kept neighbours that enter the network."
    )

    @model_validator(mode="after")
    def _one_entry_per_hop(self) -> Self:
        if len(self.keep) != len(self.most):
            raise ValueError("keep and most must have one entry for each hop.")
        return self


class TaskPlan(Frozen):
    """How one network of a task is trained with privacy, the same in every round and country."""

    task: Task = Field(strict=False)
    stage: Stage = Field(default=Stage.ENCODER, strict=False)
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
    relations: tuple[RelationPlan, ...] = Field(
        default=(), max_length=8, strict=False, description="Whom a root sees; empty for the encoder."
    )

    @model_validator(mode="after")
    def _stage_and_relations_fit(self) -> Self:
        hops = {len(one.keep) for one in self.relations}
        if bool(self.relations) == (self.stage is Stage.ENCODER):
            raise ValueError("an encoder sees no neighbours, every other stage names at least one relation.")
        if len(hops) > 1 or (self.stage is Stage.HEAD and hops != {1}):
            raise ValueError("relations must all have the same number of hops, and a head has one.")
        if len({one.relation for one in self.relations}) < len(self.relations):
            raise ValueError("relations must each be named once.")
        return self

    @property
    def name(self) -> str:
        """Name of the trained network within a run, for events, statistics and people."""
        return part_name(self.task, self.stage)

    @property
    def hops(self) -> int:
        """How far a root sees."""
        return len(self.relations[0].keep) if self.relations else 0


def part_name(task: Task, stage: Stage) -> str:
    """Return the name of one network: the task's own for the encoder, with the stage behind it for others."""
    return task.value if stage is Stage.ENCODER else f"{task.value}.{stage.value}"


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

    @model_validator(mode="after")
    def _networks_fit_together(self) -> Self:
        networks = [(one.task, one.stage) for one in self.tasks]
        if len(set(networks)) < len(networks):
            raise ValueError("a plan trains each network of a task once.")
        for place, (task, stage) in enumerate(networks):
            has_encoder = (task, Stage.ENCODER) in networks[:place]
            if (stage is Stage.HEAD) != has_encoder and stage is not Stage.ENCODER:
                raise ValueError("a head comes after its task's encoder, and a rooted GraphSAGE instead of one.")
        return self

    def fits_size_of(self, country: str) -> bool:
        """Whether delta is small for the size that ``country`` declared; its persons are no fewer than its examples."""
        largest = max(task.public_sizes.get(country, 1) for task in self.tasks)
        return PERSONS_TO_ONE_DELTA * largest * self.delta < 1

    def sha256(self) -> str:
        """Return the hash that names this plan in every message and ledger entry."""
        return document_sha256(self.model_dump(mode="json"))
