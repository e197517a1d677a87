"""What the coordinator's pages read of the registry, and the port through which they read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.server.registry.records import RoundRecord, RunState


@dataclass(frozen=True)
class Contact:
    """When a country was last heard of."""

    country: Country
    seen_at: datetime


@dataclass(frozen=True)
class RunView:
    """A run as it stands."""

    plan: RunPlan
    state: RunState
    started_at: datetime
    changed_at: datetime
    rounds_done: int


@dataclass(frozen=True)
class ModelView:
    """A model version without its weights."""

    round: int
    sha256: str
    parent_sha256: str  # "" for the first
    created_at: datetime
    parameter_bytes: int


class RegistryReader(Protocol):
    """Read access for people's eyes; every method is one consistent read."""

    def check(self) -> None:
        """Return if the database answers. Raises Unavailable."""

    def list_contacts(self) -> Sequence[Contact]:
        """Return the last contact of every country that was ever heard of."""

    def list_runs(self) -> Sequence[RunView]:
        """Return the newest 100 runs, newest first."""

    def get_run(self, run: str) -> RunView:
        """Return one run. Raises NotFound."""

    def list_rounds(self, run: str) -> Sequence[RoundRecord]:
        """Return all finished rounds of ``run`` in their order. Raises NotFound."""

    def list_models(self, run: str) -> Sequence[ModelView]:
        """Return all model versions of ``run`` in their order. Raises NotFound."""
