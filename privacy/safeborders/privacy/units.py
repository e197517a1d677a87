"""What is protected: a person, and the examples that a person is part of.

Two data sets are neighbours when one arises from the other by deleting one person together with every curated example
that is attributed to that person (fixed-graph differential privacy; Ganesh et al., ICML 2025,
https://arxiv.org/abs/2503.03622). Curation, which happens before, keeps at most M examples of each person.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.models.graph.csr import CuratedGraph
from safeborders.privacy.errors import UnsoundExamples


@dataclass(frozen=True, eq=False)
class AttributedExamples:
    """Curated training examples with the persons that each is attributed to; checked once, when built.

    Example i is about ``persons[starts[i]:starts[i + 1]]``, at least one.

    Args:
        inputs: Features. Shape (N, F), float32, finite.
        labels: Classes. Shape (N,), int64, not negative.
        starts: Where each example's persons start. Shape (N + 1,), int64, increasing from 0.
        persons: Numbers of persons that mean something only here, each once per example. Shape (P,), int64.
        examples_per_person: The promised bound M, at least 1.

    Raises:
        UnsoundExamples: If an array has another form, or a person is part of more than M examples.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    starts: NDArray[np.int64]
    persons: NDArray[np.int64]
    examples_per_person: int

    def __post_init__(self) -> None:
        """Check what the accountant relies on."""
        count = len(self.labels)
        if self.inputs.ndim != 2 or self.inputs.dtype != np.float32 or len(self.inputs) != count:
            raise UnsoundExamples("Training inputs must be one float32 row for each example: correct the curation.")
        if self.labels.ndim != 1 or self.labels.dtype != np.int64 or (count and int(self.labels.min()) < 0):
            raise UnsoundExamples("Training labels must be one class for each example: correct the curation.")
        if not np.isfinite(self.inputs).all():
            raise UnsoundExamples("A training input is not a finite number: correct the curation.")
        if self.starts.shape != (count + 1,) or self.starts[0] != 0 or self.starts[-1] != len(self.persons):
            raise UnsoundExamples("The persons of the training examples do not fit them: correct the curation.")
        if (np.diff(self.starts) < 1).any():
            raise UnsoundExamples("A training example is attributed to nobody: correct the curation.")
        _, shares = np.unique(self.persons, return_counts=True)
        if shares.max(initial=0) > self.examples_per_person:
            raise UnsoundExamples("A person is part of more training examples than promised: correct the curation.")

    @property
    def count(self) -> int:
        """Number of examples: a count of records, never to be shown or sent."""
        return len(self.labels)

    def __repr__(self) -> str:
        """Name the class alone; the number of examples is a secret."""
        return "<AttributedExamples>"


@dataclass(frozen=True, eq=False)
class RootedExamples:
    """Nodes of a curated graph with the persons that each is attributed to; those with a label may be roots.

    Two data sets are neighbours when one arises from the other by deleting one person together with every node that is
    attributed to that person, and all links of these nodes. Checked once, when built.

    Args:
        graph: Curated links between the nodes; its limits are the K_r that the accountant relies on.
        inputs: What each node is made of, its own record alone. Shape (N, F), float32, finite.
        labels: Class of each node, -1 for one that is no root. Shape (N,), int64.
        starts: Where each node's persons start. Shape (N + 1,), int64, increasing from 0.
        persons: Numbers of persons that mean something only here, each once per node. Shape (P,), int64.
        examples_per_person: The promised bound M on the nodes of a person, at least 1.

    Raises:
        UnsoundExamples: If an array has another form, or a person is part of more than M nodes.
    """

    graph: CuratedGraph
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    starts: NDArray[np.int64]
    persons: NDArray[np.int64]
    examples_per_person: int

    def __post_init__(self) -> None:
        """Check what the accountant relies on."""
        AttributedExamples(
            inputs=self.inputs,
            labels=np.maximum(self.labels, 0),
            starts=self.starts,
            persons=self.persons,
            examples_per_person=self.examples_per_person,
        )
        if self.graph.count != len(self.labels):
            raise UnsoundExamples("The curated graph is about other nodes than the examples: curate again.")

    @property
    def candidates(self) -> NDArray[np.int64]:
        """Nodes that may be roots."""
        return np.flatnonzero(self.labels >= 0)

    def nodes_of(self, person: int) -> NDArray[np.int64]:
        """Return the nodes that go when ``person`` is deleted, for audits."""
        owners = np.repeat(np.arange(len(self.labels)), np.diff(self.starts))
        nodes: NDArray[np.int64] = owners[self.persons == person]
        return nodes

    def __repr__(self) -> str:
        """Name the class alone; sizes are secrets."""
        return "<RootedExamples>"
