"""Leaves on record only the roles that somebody stated: a suspect's part in a case is known from a label or not at all.

Without this step every link of a suspect would give away what the hypotheses of roles are to be judged by; the ground
truth keeps it. It draws no chance, so that everything else in the world stays as it is.
"""

from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import NOT_OFFENDING
from safeborders.sandbox.world.register import Register

SUSPECTED = ("suspect", "convicted")


def keep_stated_roles(register: Register) -> None:
    """Write a suspect's role on links to a case and its episodes where a human stated it, and nowhere else."""
    stated = {
        (row["entity"], row["case"]): row["value"]
        for row in register.statements
        if row["record"] == "label" and row["name"] == "role"
    }
    case_of = {row["target"]: row["source"] for row in register.links if row["kind"] == RelationKind.HAS_EPISODE}
    neutral = {role.value for role in NOT_OFFENDING}
    for row in register.links:
        if row["kind"] not in (RelationKind.PARTY_TO, RelationKind.INVOLVED_IN):
            continue
        properties = row["properties"]
        assert isinstance(properties, dict)  # noqa: S101  # these links were written with a role
        if register.categories.get(str(row["source"])) not in SUSPECTED or properties["role"] in neutral:
            continue
        role = stated.get((row["source"], case_of.get(row["target"], row["target"])))
        if role is None:
            del row["properties"]
        else:
            properties["role"] = role
