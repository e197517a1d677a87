"""A task of an exercise: a question with choices, and apart from them the answer that the ground truth gives."""

from dataclasses import dataclass
from random import Random
from typing import Protocol

from safeborders.sandbox.training.casebook import Casebook

POINTS = 2


@dataclass(frozen=True)
class Task:
    """A question about a dossier.

    Attributes:
        name: Its key on the answer sheet.
        title: What it practises, in a few words.
        question: What the practitioner reads.
        choices: What may be answered, with how each is shown.
        answer: The right choices.
        reason: Why, for the key.
        cases: Cases that the dossier must hold, so that the question can be answered from it.
    """

    name: str
    title: str
    question: str
    choices: dict[str, str]
    answer: frozenset[str]
    reason: str
    cases: frozenset[str]


class Builder(Protocol):
    """Makes a task about a network of a casebook, or None where the country holds no matter for it."""

    __name__: str

    def __call__(self, book: Casebook, network: str, *, chance: Random) -> Task | None:
        """Make the task; the same ``chance`` makes the same."""


def shuffled(chance: Random, items: set[str]) -> list[str]:
    """Return ``items`` in an order that only ``chance`` decides."""
    ordered = sorted(items)
    chance.shuffle(ordered)
    return ordered


def near(book: Casebook, network: str, *, records: list[str]) -> list[str]:
    """Return ``records`` of persons with those of the network's cases first; otherwise in their order."""
    inside = {person for case in book.network_cases(network) for person in book.people_of(case)}
    return sorted(records, key=lambda record: record not in inside)
