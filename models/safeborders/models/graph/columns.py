"""Which columns of a country's database may ever become a feature: an allow-list, and a deny-list that outranks it.

What must never be learnt from (domain.md 0.8): ethnicity, religion, political opinion, nationality and citizenship,
language, birthplace, anything derived from a name, appearance and other free text. A column that is on neither list
is refused too, so that a new column cannot slip into a model unnoticed.
"""

import re
from collections.abc import Iterable
from typing import ClassVar

from safeborders.kit.errors import SafeBordersError

ALLOWED_COLUMNS: frozenset[str] = frozenset(
    {
        "mo_indicator.code",
        "mo_indicator.value",
        "court_case.opened_on",
        "court_case.type_label",
        "episode.stage",
        "link.kind",
        "link.role",
        "link.source",
        "link.target",
        "link.valid_from",
        "link.valid_to",
    }
)
"""``table.column`` names that features may be made of."""

DENIED_WORDS: frozenset[str] = frozenset(
    {
        "ethnic", "ethnicity", "race", "racial", "origin", "roma", "religion", "religious", "faith", "belief",
        "politic", "political", "politics", "opinion", "party_membership", "nationality", "national", "citizenship",
        "citizenships", "citizen", "stateless", "language", "languages", "mother_tongue", "tongue", "birthplace",
        "birth_place", "birth_country", "country_of_birth", "place_of_birth", "born_in", "name", "names", "surname",
        "forename", "alias", "aliases", "patronymic", "nickname", "handle", "appearance", "description",
        "narrative", "notes", "note", "remarks", "comment", "free_text", "text", "skin", "hair", "photo", "face",
    }
)  # fmt: skip
"""Words that make a column deniable when they stand in its name, alone or as a run of its underscore-parted words."""


class DeniedColumn(SafeBordersError):
    """A feature was to be made of a column that no model may learn from."""

    code: ClassVar[str] = "features.denied_column"


class UnknownColumn(SafeBordersError):
    """A feature was to be made of a column that nobody has allowed."""

    code: ClassVar[str] = "features.unknown_column"


def is_denied(column: str) -> bool:
    """Return whether the name of ``column`` (``table.column`` or bare) contains a denied word; errs towards denial."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    words = [word for word in re.split(r"[^a-z0-9]+", snake.lower()) if word]
    runs = {
        "_".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + 3, len(words)) + 1)
    }
    return bool(runs & DENIED_WORDS)


def check_columns(columns: Iterable[str]) -> None:
    """Refuse unless every one of ``columns`` is allowed and none is denied.

    Raises:
        DeniedColumn: If a column is on the deny-list, even if somebody also put it on the allow-list.
        UnknownColumn: If a column is on neither list.
    """
    for column in columns:
        if is_denied(column):
            raise DeniedColumn("A feature would be made of a column that no model may learn from: remove it.")
        if column not in ALLOWED_COLUMNS:
            raise UnknownColumn(
                "A feature would be made of a column that is not on the allow-list: decide on it first."
            )
