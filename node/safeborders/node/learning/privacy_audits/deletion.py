"""Delete persons one by one, with the same coins: does the country's sum move as little as the accountant believes?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from safeborders.node.learning.privacy_audits.subject import Subject
from safeborders.privacy.dpsgd.engine import clipped_sum
from safeborders.privacy.dpsgd.sampling import poisson_sample, random_words
from safeborders.privacy.units import AttributedExamples

MOST_PERSONS = 60
"""Persons who are deleted; a bound on time. They are chosen by chance, anew in every audit."""

ClippedSum = Callable[..., NDArray[np.float64]]
"""The engine under audit, called as ``clipped_sum(model, inputs, labels=..., clip_norm=...)``."""


@dataclass(frozen=True)
class Deletions:
    """What the deletions did.

    Attributes:
        persons: How many were deleted.
        violations: How many moved the sum by more than their drawn examples allow.
        worst: Largest movement as a share of what is allowed.
    """

    persons: int
    violations: int
    worst: float


def delete_persons(subject: Subject, *, total: ClippedSum = clipped_sum) -> Deletions:
    """Delete persons of the curated set one at a time, all other coins as they fell.

    Args:
        subject: The task.
        total: The engine under audit; the product's when left out.
    """
    curated, mechanism = subject.curated, subject.mechanism
    drawn = np.zeros(curated.count, dtype=np.bool_)
    drawn[poisson_sample(curated.count, sampling_rate=mechanism.sampling_rate)] = True
    owners = np.repeat(np.arange(curated.count), np.diff(curated.starts))
    persons = np.unique(curated.persons)
    persons = persons[np.argsort(random_words(len(persons)))[:MOST_PERSONS]]
    whole = _sum(subject.module, curated, chosen=drawn, engine=(total, mechanism.clip_norm))
    shares = []
    for person in persons:
        gone = np.zeros(curated.count, dtype=np.bool_)
        gone[owners[curated.persons == person]] = True
        rest = _sum(subject.module, curated, chosen=drawn & ~gone, engine=(total, mechanism.clip_norm))
        allowed = min(int((gone & drawn).sum()), mechanism.examples_per_person) * mechanism.clip_norm
        moved = float(np.linalg.norm(whole - rest))
        shares.append(moved / allowed if allowed else (np.inf if moved else 0.0))
    return Deletions(
        persons=len(persons), violations=sum(share > 1 for share in shares), worst=max(shares, default=0.0)
    )


def _sum(
    module: nn.Module, curated: AttributedExamples, *, chosen: NDArray[np.bool_], engine: tuple[ClippedSum, float]
) -> NDArray[np.float64]:
    total, clip_norm = engine
    return total(module, curated.inputs[chosen], labels=curated.labels[chosen], clip_norm=clip_norm)
