"""The twenty kinds of link, which kinds of entity each may connect, and the roles it may carry (domain.md 1.6)."""

from collections.abc import Mapping
from enum import StrEnum

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.roles import CaseRole


class RelationKind(StrEnum):
    """The kinds of link. A link points from its source to its target and holds for a period."""

    PARTY_TO = "PARTY_TO"
    HAS_EPISODE = "HAS_EPISODE"
    INVOLVED_IN = "INVOLVED_IN"
    AT = "AT"
    USED_VEHICLE = "USED_VEHICLE"
    USES = "USES"
    CONTROLS = "CONTROLS"
    HOLDS = "HOLDS"
    DRIVES = "DRIVES"
    BEARS = "BEARS"
    STAYS_AT = "STAYS_AT"
    KIN = "KIN"
    ASSOCIATE = "ASSOCIATE"
    CALLED = "CALLED"
    CONTACTED = "CONTACTED"
    PAID = "PAID"
    WORKS_FOR = "WORKS_FOR"
    LOCATED_AT = "LOCATED_AT"
    USED_WITH = "USED_WITH"
    POSSIBLY_SAME = "POSSIBLY_SAME"


_E = EntityKind

ENDS: Mapping[RelationKind, tuple[EntityKind, EntityKind] | None] = {
    RelationKind.PARTY_TO: (_E.PERSON, _E.CASE),
    RelationKind.HAS_EPISODE: (_E.CASE, _E.EPISODE),
    RelationKind.INVOLVED_IN: (_E.PERSON, _E.EPISODE),
    RelationKind.AT: (_E.EPISODE, _E.PLACE),
    RelationKind.USED_VEHICLE: (_E.EPISODE, _E.VEHICLE),
    RelationKind.USES: (_E.PERSON, _E.PHONE),
    RelationKind.CONTROLS: (_E.PERSON, _E.ONLINE_ACCOUNT),
    RelationKind.HOLDS: (_E.PERSON, _E.FINANCIAL_ACCOUNT),
    RelationKind.DRIVES: (_E.PERSON, _E.VEHICLE),
    RelationKind.BEARS: (_E.PERSON, _E.IDENTITY_DOCUMENT),
    RelationKind.STAYS_AT: (_E.PERSON, _E.PLACE),
    RelationKind.KIN: (_E.PERSON, _E.PERSON),
    RelationKind.ASSOCIATE: (_E.PERSON, _E.PERSON),
    RelationKind.CALLED: (_E.PHONE, _E.PHONE),
    RelationKind.CONTACTED: (_E.ONLINE_ACCOUNT, _E.ONLINE_ACCOUNT),
    RelationKind.PAID: (_E.FINANCIAL_ACCOUNT, _E.FINANCIAL_ACCOUNT),
    RelationKind.WORKS_FOR: (_E.PERSON, _E.ORGANISATION),
    RelationKind.LOCATED_AT: (_E.ORGANISATION, _E.PLACE),
    RelationKind.USED_WITH: (_E.PHONE, _E.DEVICE),
    RelationKind.POSSIBLY_SAME: None,
}
"""Kinds of source and target; None where any two entities of one kind may be linked."""

HOLDING: frozenset[RelationKind] = frozenset(
    {RelationKind.USES, RelationKind.CONTROLS, RelationKind.HOLDS, RelationKind.DRIVES, RelationKind.BEARS}
)
"""Links by which an identifier is a person's own: whoever may not be shared keeps the identifier from being shared."""

KEEPING: frozenset[RelationKind] = HOLDING | frozenset(
    {
        RelationKind.HAS_EPISODE,
        RelationKind.INVOLVED_IN,
        RelationKind.AT,
        RelationKind.USED_VEHICLE,
        RelationKind.STAYS_AT,
        RelationKind.WORKS_FOR,
        RelationKind.LOCATED_AT,
        RelationKind.USED_WITH,
    }
)
"""Links that are the reason why their target is on record; with the last of them a target that is no case goes too."""

_CASE_ROLES = frozenset(role.value for role in CaseRole)

ROLES: Mapping[RelationKind, frozenset[str]] = {
    RelationKind.PARTY_TO: _CASE_ROLES,
    RelationKind.INVOLVED_IN: _CASE_ROLES,
    RelationKind.DRIVES: frozenset({"driver", "owner"}),
    RelationKind.STAYS_AT: frozenset({"resident", "seen"}),
    RelationKind.KIN: frozenset({"parent", "sibling", "spouse", "grandparent", "uncle_aunt", "cousin", "in_law"}),
    RelationKind.WORKS_FOR: frozenset({"employee", "director"}),
}
"""Roles by kind; a kind that is not named carries none. A role is never required."""


def may_connect(kind: RelationKind, *, source: EntityKind, target: EntityKind) -> bool:
    """Return whether a link of ``kind`` may point from a ``source`` to a ``target``."""
    ends = ENDS[kind]
    return source == target if ends is None else (source, target) == ends


def may_carry(kind: RelationKind, *, role: str | None) -> bool:
    """Return whether a link of ``kind`` may carry ``role``."""
    return role is None or role in ROLES.get(kind, frozenset())
