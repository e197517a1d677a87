"""The form under which names and numbers are looked up: one for all the ways to write the same."""

from collections.abc import Callable, Mapping

import phonenumbers

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.normalise.names import name_key
from safeborders.models.domain.normalise.numbers import (
    account_key,
    document_key,
    handle_key,
    phone_key,
    plate_key,
    region_of,
)

LONGEST_KEY = 200


def dialling_code(country: Country) -> str:
    """Return the country's calling code (ITU-T E.164)."""
    return str(phonenumbers.country_code_for_region(region_of(country)))


def match_key(kind: EntityKind, value: str, *, country: Country) -> str:
    """Return the form of ``value`` under which an entity of ``kind`` is found.

    Args:
        kind: What the value names.
        value: A name, a number or a handle as somebody wrote it.
        country: Where it was written, for telephone numbers without a country's code.

    Returns:
        The normalised form by the rules of :data:`~safeborders.models.domain.normalise.version.NORMALISER`, at most
        ``LONGEST_KEY`` characters; "" when nothing is left.
    """
    if kind is EntityKind.PHONE:
        return phone_key(value, country)
    return _BY_KIND.get(kind, plate_key)(value)[:LONGEST_KEY]


_BY_KIND: Mapping[EntityKind, Callable[[str], str]] = {
    EntityKind.PERSON: name_key,
    EntityKind.ORGANISATION: name_key,
    EntityKind.PLACE: name_key,
    EntityKind.ONLINE_ACCOUNT: handle_key,
    EntityKind.FINANCIAL_ACCOUNT: account_key,
    EntityKind.IDENTITY_DOCUMENT: document_key,
}
