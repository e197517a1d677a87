"""What is protected: a person, and the examples that a person is part of.

Two data sets are neighbours when one arises from the other by deleting one person together with every curated example
that is attributed to that person (fixed-graph differential privacy; Ganesh et al., ICML 2025,
https://arxiv.org/abs/2503.03622). Curation, which happens before, keeps at most M examples of each person.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.errors import UnsoundExamples


@dataclass(frozen=True, eq=False)
class AttributedExamples:
    """Curated training examples with the persons that each is attributed to; checked once, when built.

    Args:
        inputs: Features. Shape (N, F), float32, finite.
        labels: Classes. Shape (N,), int64, not negative.
        persons: For each example the persons it is attributed to, at least one; keys that mean something only here.
        examples_per_person: The promised bound M.

    Raises:
        UnsoundExamples: If an array has another form, or a person is part of more than M examples.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    persons: tuple[frozenset[str], ...]
    examples_per_person: int

    def __post_init__(self) -> None:
        """Check what the accountant relies on."""
        count = len(self.persons)
        if self.inputs.ndim != 2 or self.inputs.dtype != np.float32 or self.inputs.shape[0] != count:
            raise UnsoundExamples("Training inputs must be one float32 row for each example: correct the curation.")
        if self.labels.shape != (count,) or self.labels.dtype != np.int64 or (count and int(self.labels.min()) < 0):
            raise UnsoundExamples("Training labels must be one class for each example: correct the curation.")
        if not np.isfinite(self.inputs).all():
            raise UnsoundExamples("A training input is not a finite number: correct the curation.")
        if not all(self.persons):
            raise UnsoundExamples("A training example is attributed to nobody: correct the curation.")
        shares = Counter(chain.from_iterable(self.persons))
        if max(shares.values(), default=0) > self.examples_per_person:
            raise UnsoundExamples("A person is part of more training examples than promised: correct the curation.")

    def __repr__(self) -> str:
        """Name the class alone; the number of examples is a count of persons."""
        return "<AttributedExamples>"
