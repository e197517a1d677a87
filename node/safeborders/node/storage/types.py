"""A column type that the node's tables share."""

from enum import StrEnum

from sqlalchemy import Enum


def words(vocabulary: type[StrEnum], *, name: str) -> Enum:
    """Return a text column that the database itself restricts to ``vocabulary``; ``name`` names the constraint."""
    return Enum(
        vocabulary,
        name=name,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )
