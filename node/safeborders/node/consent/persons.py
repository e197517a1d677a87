"""Who decided, and whether two decisions are one person's, however the name is spelled."""

import re
import unicodedata
from dataclasses import dataclass

from anyascii import anyascii

from safeborders.node.consent.errors import ReasonMissing

PROFILE_ID = "profile"
"""Whoever wrote the node's profile: no person, and so never one of two."""
_LONGEST_NAME = 128
_NOT_A_WORD = re.compile(r"[^A-Za-z0-9_.+-]")
_WORDS = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Person:
    """Somebody who decides.

    Attributes:
        id: ``login:NAME`` at the command line, ``token:ID`` at the API; what the audit log names.
        name: As the person gave it or as the token says; for people who read the list.
    """

    id: str
    name: str

    def is_same_as(self, other: "Person") -> bool:
        """Tell whether both may be one person: the same login or token, or the same words in their names."""
        return self.id == other.id or bool(self._keys() & other._keys())

    def _keys(self) -> frozenset[str]:
        kind, _, login = self.id.partition(":")
        names = (self.name, login) if kind == "login" else (self.name,)
        return frozenset(key for name in names if (key := _fold(name)))


def operator(login: str, *, name: str) -> Person:
    """Return who works at the command line under ``login``. Raises ReasonMissing without a name."""
    return Person(id="login:" + _NOT_A_WORD.sub("-", login)[:100], name=_checked(name))


def token_holder(token: str, *, name: str) -> Person:
    """Return who calls the API with the token of the identifier ``token``. Raises ReasonMissing without a name."""
    return Person(id=f"token:{token}", name=_checked(name))


def profile_author() -> Person:
    """Return the one that stands for the node's profile."""
    return Person(id=PROFILE_ID, name="the node's profile")


def distinct(persons: list[Person]) -> list[Person]:
    """Return ``persons`` without those who may be an earlier one, and without the profile."""
    kept: list[Person] = []
    for person in persons:
        if person.id != PROFILE_ID and not any(person.is_same_as(one) for one in kept):
            kept.append(person)
    return kept


def _checked(name: str) -> str:
    shown = " ".join(name.split())
    if not _fold(shown) or len(shown) > _LONGEST_NAME or not shown.isprintable():
        raise ReasonMissing("A decision needs the name of a person, at most 128 characters: give it.")
    return shown


def _fold(name: str) -> str:
    """Return a spelling that case, accents, script, order and punctuation do not change."""
    plain = anyascii(unicodedata.normalize("NFKC", name)).casefold()
    return " ".join(sorted(_WORDS.findall(plain)))
