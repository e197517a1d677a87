"""The JSON forms of what the pages show."""

import math
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.membership import MemberState
from safeborders.server.registry.records import ReplyState, RunState
from safeborders.server.services.nodes import Presence
from safeborders.server.services.papers import PaperState


def _finite_or_none(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Figure = Annotated[float | None, BeforeValidator(_finite_or_none)]
"""A number, or null where there is none."""

Item = TypeVar("Item")


class Body(BaseModel):
    """A read-only JSON object, built from a value of the services."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Body, Generic[Item]):
    """A list; ``next`` is the cursor of the next page, null on the last."""

    items: list[Item]
    next: str | None = None


class NodeBody(Body):
    """A country of the roster."""

    country: Country
    state: MemberState
    within_days: int | None
    presence: Presence
    seen_at: datetime | None
    certificate_expires_at: datetime | None
    epsilon_cap: float | None


class OwnPaperBody(Body):
    """A paper of the coordinator's own."""

    name: str
    state: PaperState
    within_days: int | None
    ends_at: datetime | None


class RunBody(Body):
    """A run as it stands."""

    run: str
    state: RunState
    purpose: str
    rounds: int
    rounds_done: int
    participants: list[Country]
    floor: int
    plan_sha256: str
    started_at: datetime
    changed_at: datetime


class EpsilonBody(Body):
    """What a country spent in a run."""

    country: Country
    rounds: int
    spent: Figure
    whole_run: Figure
    cap: Figure


class ModelBody(Body):
    """A model version."""

    round: int
    sha256: str
    parent_sha256: str
    created_at: datetime
    parameter_bytes: int


class RunDetailBody(RunBody):
    """A run with its privacy and its models."""

    waiting_for: list[Country]
    epsilons: list[EpsilonBody]
    models: list[ModelBody]


class ReplyBody(Body):
    """One country's part in a round."""

    country: Country
    state: ReplyState
    code: str
    seconds: Figure
    payload_bytes: int


class StatisticsBody(Body):
    """Noised estimates of one task."""

    task: str
    loss: Figure
    accuracy: Figure
    update_norm: Figure


class RoundBody(Body):
    """A finished round; a void one was given up, and nothing was learnt in it."""

    round: int
    is_void: bool
    started_at: datetime
    ended_at: datetime
    replies: list[ReplyBody]
    statistics: list[StatisticsBody]
