"""The declarative base that all tables of this program share."""

from typing import cast

from sqlalchemy import MetaData, Table
from sqlalchemy.orm import DeclarativeBase

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of the tables; constraints have predictable names so that migrations can name them."""

    metadata = MetaData(naming_convention=_NAMES)


def plain_table(row: type[Base]) -> Table:
    """Return the table behind a class, for statements in bulk."""
    return cast("Table", row.__table__)
