"""The profile of a node."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl, field_validator

from safeborders.configs.loading import Settings
from safeborders.configs.places import NodePlaces, ProfilePath
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import Sha256, Task

Purpose = Annotated[str, Field(pattern=r"^P[1-5]$")]


class Environment(StrEnum):
    """How serious it is."""

    PRODUCTION = "production"  # two people approve each run; the profile approves none
    DEMONSTRATION = "demonstration"  # invented persons only: one approves, or the profile does


class DatabaseSettings(Settings):
    """Where the country's records are kept."""

    url: str | None = Field(
        default=None, description="PostgreSQL URL; when absent, an encrypted SQLite file in the state folder."
    )
    key_file: ProfilePath | None = Field(
        default=None, description="File with the database key, 64 hexadecimal digits; needed without a URL."
    )


class PrivacySettings(Settings):
    """What this country allows, whatever a plan asks for."""

    epsilon_cap: float = Field(gt=0, le=100, description="Most epsilon that all releases together may ever spend.")
    delta_cap: float = Field(
        gt=0,
        lt=1e-3,
        description="Largest delta of a run; less than a tenth of one in the number of persons on record.",
    )
    rounds_cap: int = Field(ge=1, le=1000, description="Most rounds of a run.")
    floor: int = Field(ge=1, description="Fewest countries among which our update may be aggregated.")


class ApprovalSettings(Settings):
    """A standing approval: which runs are allowed beforehand; it counts in a demonstration only."""

    purposes: tuple[Purpose, ...] = Field(min_length=1, description="Purposes of the agreement.")
    tasks: tuple[Task, ...] = Field(min_length=1, description="What may be learnt.")
    epsilon_per_run: float = Field(gt=0, le=100, description="Most epsilon that one run may spend.")
    valid_until: date = Field(description="Last day on which the approval counts.")
    agreement_sha256: Sha256 | None = Field(
        default=None, description="Version of the agreement that it is given under; when absent, it covers no run."
    )


class ApiSettings(Settings):
    """The investigators' API of this node."""

    port: int = Field(ge=1, le=65535, description="Port on loopback.")


class ResolutionSettings(Settings):
    """Which records a rule may make one person without a human; never a victim's, a minor's or a professional's."""

    accept_from: float = Field(
        ge=0.95, lt=1, description="Least probability from which `safeborders node resolve auto` accepts a pair."
    )


class NodeSettings(Settings):
    """The whole profile of a node."""

    country: Country = Field(description="The country that runs this node.")
    federation: str = Field(min_length=1, max_length=64, description="Name of the federation.")
    state: ProfilePath = Field(description="Folder of keys, database and logs.")
    coordinator_url: HttpUrl = Field(description="Address of the coordinator's public edge.")
    database: DatabaseSettings = Field(description="The country's database.")
    privacy: PrivacySettings = Field(description="Caps of the country.")
    environment: Environment = Field(
        default=Environment.PRODUCTION,
        strict=False,
        description="In production two people approve each run and a retention policy is needed.",
    )
    hold_releases: bool = Field(
        default=False, description="Keep each update here until the operator has looked at it and released it."
    )
    standing_approval: ApprovalSettings | None = Field(
        default=None, description="Runs allowed beforehand, in a demonstration only; else people approve."
    )
    write_evaluation: bool = Field(
        default=False, description="Write each model's predictions to the state folder, to judge the models at home."
    )
    resolution: ResolutionSettings | None = Field(
        default=None, description="Rule for merging records; when absent, a human decides about each pair."
    )
    retention_policy: ProfilePath | None = Field(
        default=None, description="The national retention policy (YAML); only a demonstration starts without one."
    )
    api: ApiSettings | None = Field(default=None, description="The node's API; when absent, none is started.")

    @field_validator("coordinator_url")
    @classmethod
    def _only_tls(cls, url: HttpUrl) -> HttpUrl:
        if url.scheme != "https":
            raise ValueError("it must start with https://")
        return url

    @property
    def is_demonstration(self) -> bool:
        """Whether all records are made up; never true where one real person is on record."""
        return self.environment is Environment.DEMONSTRATION

    @property
    def places(self) -> NodePlaces:
        """Where this node keeps its files."""
        return NodePlaces(Path(self.state))
