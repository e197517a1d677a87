"""The feature specification: what each input of each task is made of, with every scaling constant public.

Both sides agree on it by its hash, which stands in every plan. No constant is computed from a country's data (a
normalisation constant would be a release), and every input names the columns it reads, which must be allowed.
"""

from dataclasses import asdict, dataclass

from safeborders.kit.canonical import document_sha256
from safeborders.models.domain.entities import Stage
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.columns import check_columns
from safeborders.models.graph.indicators import CASE_TYPES, INDICATORS
from safeborders.models.protocol.plan import Task

FEATURES_VERSION = 4

YES = 0.8
NO = -0.2
UNKNOWN = 0.0
"""One input per indicator: centred by a public guess of how often an indicator is present (one in five).

Measured against (yes, no) pairs and uncentred inputs: fewer parameters and no common direction that eats the clipping
bound (decision 0040).
"""


@dataclass(frozen=True)
class Feature:
    """One input of a model.

    Attributes:
        name: Its name, unique within the task.
        columns: The ``table.column`` names that it is computed from.
        cap: Counts above it are cut to it, which bounds how many persons an example may depend on.
        scale: What the (cut) value is multiplied by.
    """

    name: str
    columns: tuple[str, ...]
    cap: int = 1
    scale: float = 1.0


@dataclass(frozen=True)
class CaseRelation:
    """A way in which two cases hang together, for rooted training; what a link carries is fixed and public.

    Attributes:
        name: Its name, as plans give it.
        columns: The ``table.column`` names that it is computed from.
        half_life_years: A neighbour counts half when the two cases lie this far apart in time.
        cap: Ways in which the two cases hang together, counted up to here and divided by it: the link's attribute.
    """

    name: str
    columns: tuple[str, ...]
    half_life_years: float = 4.0
    cap: int = 4


SPEECH_WIDTH = 8
"""Numbers that a public random projection makes of a neighbouring case's indicators."""

SPEECH_SEED = 20260102


@dataclass(frozen=True)
class FeatureSpecification:
    """The inputs and outputs of the tasks, in order.

    Raises:
        DeniedColumn: If an input reads a column on the deny-list.
        UnknownColumn: If an input reads a column that is not on the allow-list.
        ValueError: If two inputs of a task have the same name.
    """

    version: int
    typology: tuple[Feature, ...]
    links: tuple[Feature, ...]
    roles: tuple[Feature, ...] = ()
    case_relations: tuple[CaseRelation, ...] = ()

    def __post_init__(self) -> None:
        for features in (self.typology, self.links, self.roles, self.case_relations):
            check_columns(column for feature in features for column in feature.columns)
            if len({feature.name for feature in features}) != len(features):
                raise ValueError("names of features must be unique within a task.")

    def inputs(self, task: Task) -> tuple[Feature, ...]:
        """Return the inputs of ``task`` in the order of the model's first layer."""
        of_task = {Task.TYPOLOGY: self.typology, Task.LINKS: self.links, Task.ROLES: self.roles}
        return of_task[task]

    def sha256(self) -> str:
        """Return the hash that plans name: features, order, constants and classes."""
        return document_sha256(
            {
                "version": self.version,
                "typology": [asdict(feature) for feature in self.typology],
                "links": [asdict(feature) for feature in self.links],
                "roles": [asdict(feature) for feature in self.roles],
                "case_relations": [asdict(relation) for relation in self.case_relations],
                "speech": [SPEECH_WIDTH, SPEECH_SEED],
                "types": list(CASE_TYPES),
                "parts": list(OFFENDING_ROLES),
                "three_values": {"yes": YES, "no": NO, "unknown": UNKNOWN},
            }
        )


def _indicator(code: str) -> Feature:
    return Feature(name=code, columns=("mo_indicator.code", "mo_indicator.value"))


_LINK_COLUMNS = ("link.kind", "link.source", "link.target")


def _shared(name: str, *, cap: int = 2, scale: float = 0.5) -> Feature:
    return Feature(name=name, columns=_LINK_COLUMNS, cap=cap, scale=scale)


NEAR_FEATURES: tuple[Feature, ...] = (
    _shared("common_neighbours", cap=2, scale=0.25),
    _shared("jaccard", cap=1, scale=0.5),
    _shared("paths_of_three", cap=4, scale=0.125),
    _shared("clustering", cap=2, scale=0.25),
    _shared("rare_around", cap=4, scale=0.25),
    _shared("allocation_around", cap=2, scale=0.5),
    _shared("two_steps", cap=2, scale=0.5),
    _shared("met", cap=1, scale=0.25),
    _shared("meeting", cap=1, scale=0.25),
)
"""Predictors among the two, their linked persons and the links between those; nobody else can change one (0170).

Small scales, because most linked pairs have some of each: a direction that all examples share eats the clipping bound.
Degrees are not among them: an example is about everybody linked with the two, so that curation keeps those with few.
"""


def _scene(stage: Stage) -> Feature:
    return Feature(f"scene_{stage.value}", (*_LINK_COLUMNS, "episode.stage"))


def _own(name: str, *, cap: int = 1, scale: float = 1.0, role: bool = False) -> Feature:
    return Feature(name, (*_LINK_COLUMNS, "link.role") if role else _LINK_COLUMNS, cap=cap, scale=scale)


ROLE_FEATURES: tuple[Feature, ...] = (
    *(_scene(stage) for stage in Stage),
    _own("scenes", cap=4, scale=0.125),
    _own("phones", cap=4, scale=0.125),
    _own("online_account", scale=0.5),
    _own("financial_account", scale=0.5),
    _own("identity_document", scale=0.5),
    _own("drives", scale=0.5, role=True),
    _own("owns_vehicle", scale=0.5, role=True),
    _own("places", cap=4, scale=0.125),
    _own("employee", scale=0.5, role=True),
    _own("director", scale=0.5, role=True),
)
"""What a suspect's own links say: in which scenes of the case he or she is on record, which kinds of thing are held.

Nobody else's record can change one (decision 0191). The roles of PARTY_TO and INVOLVED_IN are never read: they are the
answer. Small scales for what nearly everybody has, as for links.
"""

SPECIFICATION = FeatureSpecification(
    version=FEATURES_VERSION,
    typology=tuple(_indicator(code) for code in INDICATORS),
    links=(
        _shared("shared_phone"),
        _shared("shared_account"),
        _shared("shared_financial"),
        _shared("shared_vehicle"),
        _shared("shared_document"),
        _shared("shared_place"),
        _shared("shared_organisation"),
        _shared("called", cap=1, scale=1.0),
        _shared("contacted", cap=1, scale=1.0),
        _shared("paid", cap=1, scale=1.0),
        _shared("shared_case"),
        _shared("shared_episode"),
        Feature("same_side", (*_LINK_COLUMNS, "link.role")),
        Feature("offender_and_victim", (*_LINK_COLUMNS, "link.role")),
        _shared("common_associate"),
        _shared("common_contact"),
        # Nearly every pair overlaps in time: a quarter, so that no common direction makes the momentum swing.
        Feature("time_overlap", ("link.source", "link.target", "link.valid_from", "link.valid_to"), scale=0.25),
        *NEAR_FEATURES,
    ),
    roles=ROLE_FEATURES,
    case_relations=(
        CaseRelation("people", (*_LINK_COLUMNS, "link.valid_from")),
        CaseRelation("things", (*_LINK_COLUMNS, "link.valid_from")),
    ),
)
"""The specification in force."""
