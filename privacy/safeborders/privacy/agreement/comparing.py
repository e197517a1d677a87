"""What changed between two versions of an agreement, clause by clause, so that a signatory reads the change alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from safeborders.privacy.agreement.terms import Agreement

_NAMES = {"parties": "id", "grants": "clause"}


@dataclass(frozen=True)
class Change:
    """One place and what stood there before and stands there after; empty where nothing did or does."""

    place: str
    before: str
    after: str


def compare(old: Agreement, new: Agreement) -> tuple[Change, ...]:
    """Return the changes from ``old`` to ``new``, in the order of their places."""
    before, after = (dict(_places(terms.model_dump(mode="json"), "")) for terms in (old, new))
    return tuple(
        Change(place, before.get(place, ""), after.get(place, ""))
        for place in sorted(before.keys() | after.keys())
        if before.get(place, "") != after.get(place, "")
    )


def _places(value: object, at: str) -> Iterator[tuple[str, str]]:
    """Yield every leaf with its place; parties and grants go by their names, so that an inserted one moves no other."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _places(part, f"{at}.{key}" if at else key)
    elif isinstance(value, list) and at in _NAMES:
        for part in value:
            yield from _places(part, f"{at}.{part[_NAMES[at]]}")
    elif isinstance(value, list):
        yield at, ", ".join(str(part) for part in value)
    else:
        yield at, "" if value is None else str(value)
