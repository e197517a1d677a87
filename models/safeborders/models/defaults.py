"""The plan of a run as fixed in advance: measured once on synthetic worlds, never tuned on a country's records.

Figures and how they were found: decisions 0040, 0173 and 0193. With these numbers one country's messages cost
epsilon_local < 8 at delta = 1e-5 for all tasks together (a node computes that itself).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeborders.models.architecture import Architecture, Catalogue, TaskArchitecture
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.features import SPECIFICATION, SPEECH_WIDTH
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import RelationPlan, Stage, Task, TaskPlan

ROUNDS = 30
DELTA = 1e-5
MOMENTUM = 0.9
"""Of the coordinator's step: velocity = momentum * velocity + mean gradient; model -= learning_rate * velocity."""
MODEL_SEED = 20260101
SAGE_HIDDEN = 12

BUNDLE_SHA256 = "062b9bf319801dfba9c3b49e8d747925fe2abb5bb6e88d866b0ae2d0827412af"
"""Of the Flower bundle without code that the coordinator opens runs with; no node executes one (decision 0004)."""

_ENCODER = TaskArchitecture(Task.TYPOLOGY, (len(SPECIFICATION.typology), len(CASE_TYPES)))
_LINKS = TaskArchitecture(Task.LINKS, (len(SPECIFICATION.links), 2))
_ROLES = TaskArchitecture(Task.ROLES, (len(SPECIFICATION.roles), len(OFFENDING_ROLES)))
_RELATIONS = tuple(relation.name for relation in SPECIFICATION.case_relations)
_HEAD = TaskArchitecture(
    Task.TYPOLOGY,
    (len(CASE_TYPES),),
    stage=Stage.HEAD,
    relations=_RELATIONS,
    message=SPEECH_WIDTH + len(CASE_TYPES) + 1,  # projection, the encoder's belief, the link's attribute
    hops=1,
)


def _sage(hops: int) -> TaskArchitecture:
    inputs = len(SPECIFICATION.typology)
    widths = (inputs, SAGE_HIDDEN, len(CASE_TYPES))
    message = inputs + 1
    return TaskArchitecture(Task.TYPOLOGY, widths, stage=Stage.SAGE, relations=_RELATIONS, message=message, hops=hops)


class Model(StrEnum):
    """What a plan can train for the types of cases; links and roles are the same in all that train them."""

    ENCODER = "encoder"  # stage A alone
    RELATIONAL = "relational"  # stages A and B
    SAGE1 = "sage-1"  # rooted GraphSAGE, one hop
    SAGE2 = "sage-2"  # rooted GraphSAGE, two hops
    NO_ROLES = "no-roles"  # stage A alone, and nothing for the roles of suspects


ARCHITECTURES: Mapping[Model, Architecture] = {
    Model.ENCODER: Architecture((_ENCODER, _LINKS, _ROLES)),
    Model.RELATIONAL: Architecture((_ENCODER, _HEAD, _LINKS, _ROLES)),
    Model.SAGE1: Architecture((_sage(1), _LINKS, _ROLES)),
    Model.SAGE2: Architecture((_sage(2), _LINKS, _ROLES)),
    Model.NO_ROLES: Architecture((_ENCODER, _LINKS)),
}
"""Linear encoders: at some thousand examples and this noise every hidden layer measured worse (decision 0040)."""

DEFAULT_MODEL = Model.ENCODER
ARCHITECTURE = ARCHITECTURES[DEFAULT_MODEL]
CATALOGUE = Catalogue(tuple(ARCHITECTURES.values()))


@dataclass(frozen=True)
class TaskDefaults:
    """The numbers of one network in a plan."""

    sampling_rate: float
    clip_norm: float
    noise_multiplier: float
    learning_rate: float
    examples_per_person: int = 1
    quantisation_bits: int = 16
    relations: tuple[RelationPlan, ...] = ()


def _seen(keep: float, *, limit: int, most: int, hops: int) -> tuple[RelationPlan, ...]:
    return tuple(
        RelationPlan(relation=name, limit=limit, keep=(keep,) * hops, most=(most,) * hops) for name in _RELATIONS
    )


NETWORK_DEFAULTS: Mapping[tuple[Task, Stage, int], TaskDefaults] = {
    (Task.TYPOLOGY, Stage.ENCODER, 0): TaskDefaults(
        sampling_rate=0.5, clip_norm=1.0, noise_multiplier=2.05, learning_rate=0.5
    ),
    (Task.TYPOLOGY, Stage.HEAD, 1): TaskDefaults(
        sampling_rate=0.5,
        clip_norm=0.5,
        noise_multiplier=12.0,
        learning_rate=0.3,
        relations=_seen(0.5, limit=2, most=2, hops=1),
    ),
    (Task.TYPOLOGY, Stage.SAGE, 1): TaskDefaults(
        sampling_rate=0.5,
        clip_norm=1.0,
        noise_multiplier=11.05,
        learning_rate=0.3,
        relations=_seen(0.5, limit=2, most=2, hops=1),
    ),
    (Task.TYPOLOGY, Stage.SAGE, 2): TaskDefaults(
        sampling_rate=0.5,
        clip_norm=1.0,
        noise_multiplier=23.12,
        learning_rate=0.3,
        relations=_seen(0.5, limit=2, most=2, hops=2),
    ),
    (Task.LINKS, Stage.ENCODER, 0): TaskDefaults(
        sampling_rate=0.5, clip_norm=1.0, noise_multiplier=6.0, learning_rate=0.4
    ),
    (Task.ROLES, Stage.ENCODER, 0): TaskDefaults(
        sampling_rate=0.5, clip_norm=1.0, noise_multiplier=8.0, learning_rate=0.5
    ),
}
"""By task, stage and hops."""


def task_plans(
    model: Model = DEFAULT_MODEL, *, public_sizes: Mapping[Task, Mapping[str, int]], noise_factor: float = 1.0
) -> tuple[TaskPlan, ...]:
    """Return the plans of all networks of ``model`` with the numbers fixed here.

    Args:
        model: What is trained.
        public_sizes: Declared number of examples per task and country.
        noise_factor: Multiplies the noise, to reach another epsilon.
    """
    return tuple(
        _network_plan(shape, public_sizes=public_sizes[shape.task], noise_factor=noise_factor)
        for shape in ARCHITECTURES[model].tasks
    )


def _network_plan(shape: TaskArchitecture, *, public_sizes: Mapping[str, int], noise_factor: float) -> TaskPlan:
    chosen = NETWORK_DEFAULTS[shape.task, shape.stage, shape.hops]
    return TaskPlan(
        task=shape.task,
        stage=shape.stage,
        sampling_rate=chosen.sampling_rate,
        clip_norm=chosen.clip_norm,
        noise_multiplier=round(chosen.noise_multiplier * noise_factor, 6),
        examples_per_person=chosen.examples_per_person,
        quantisation_bits=chosen.quantisation_bits,
        learning_rate=chosen.learning_rate,
        public_sizes=dict(public_sizes),
        relations=chosen.relations,
    )
