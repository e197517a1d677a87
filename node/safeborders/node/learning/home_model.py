"""What stage C looks at and what it makes of it, for cases and for roles: all of it stays home."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats

SHARES = (0.0, 0.3, 0.45, 0.6)
"""Weights of the neighbours that compete; 0 is no propagation."""
TEMPERATURES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
OWN_GUESS = 0.4
"""How much more, in nats, the class counts that the country's own records alone point to."""


@dataclass(frozen=True, eq=False, repr=False)
class HomeProblem(StaysHome):
    """What stage C knows of the examples: of the cases, or of the suspects in them.

    Attributes:
        inputs: Inputs of all examples, :math:`(N, F)`.
        labels: Human label, -1 without one, :math:`(N,)`.
        folds: In which of ``FOLDS`` parts each example is, by a public keyed hash.
        classes: Number of classes.
        edges: Links over which evidence spreads, both directions, :math:`(2, E)`.
        weights: Their weights, :math:`(E,)`.
        shares: Weights of the neighbours that compete; (0,) where nothing spreads.
        temperatures: Divisors of the logits that compete; below 1 they sharpen.
        own_guess: How much more, in nats, the class counts that the country's own records alone point to.
        guess_stands: Whether no released model may put another class before it: where one would, the two are as likely
            as each other.
    """

    inputs: Floats
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    classes: int
    edges: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 0), dtype=np.int64))
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    shares: tuple[float, ...] = SHARES
    temperatures: tuple[float, ...] = TEMPERATURES
    own_guess: float = OWN_GUESS
    guess_stands: bool = False


@dataclass(frozen=True, repr=False)
class ReleasedLogits(StaysHome):
    """What the released model says of all examples of this country.

    Attributes:
        own: The encoder's logits, or those of a rooted GraphSAGE over the country's graph, :math:`(N, K)`.
        head: What the relational head adds over all links of the country's graph; None without one, :math:`(N, K)`.
    """

    own: Floats
    head: Floats | None = None

    def gated(self, gate: float) -> Floats:
        """Return the logits with that much of the head."""
        return self.own if self.head is None or gate == 0 else self.own + gate * self.head


@dataclass(frozen=True, repr=False)
class Prior(StaysHome):
    """What the released logits are made of, so that they can be explained.

    Attributes:
        linear: Weights of the released encoder and, in the last row, its bias; zeros without one, :math:`(F + 1, K)`.
        opaque: What the released model says for itself and no weights of inputs explain: a rooted GraphSAGE's logits,
            zeros with an encoder, :math:`(N, K)`.
        head: What its relational head adds; zeros without one, :math:`(N, K)`.
    """

    linear: Floats
    opaque: Floats
    head: Floats


@dataclass(frozen=True, repr=False)
class SpokenPart(StaysHome):
    """What the candidates with one weight of the neighbours say together: ``logits = propagate(evidence, share)``.

    Each counts with its own weight, divided by its temperature. The evidence of an example without a label is, but for
    a number that all classes share, ``inputs @ weights + bias + released * own logits + heard * head's logits``.

    Attributes:
        share: Weight of the neighbours.
        evidence: Log-probabilities of each example before propagation, :math:`(N, K)`.
        weights: The country's own correction of the inputs' weights, :math:`(F, K)`.
        bias: Its correction of the bias, :math:`(K,)`.
        released: How much the released model's own logits count below the correction.
        heard: How much its relational head does.
    """

    share: float
    evidence: Floats
    weights: Floats
    bias: Floats
    released: float
    heard: float


@dataclass(frozen=True, repr=False)
class HomeModel(StaysHome):
    """Predictions for all examples and which candidates made them.

    Attributes:
        local: Logits of the candidates that never saw the federated model.
        personalised: Logits of all candidates together, of those without the head, or ``local``, the best of them; then
            the own guess is added.
        chosen: Names of those that spoke, the one with the largest weight first, joined by "+".
        local_loss: Loss of the local candidates on labels that they did not see, nats.
        chosen_loss: Loss of the chosen ones; never above ``local_loss``.
        parts: What the chosen prediction is made of.
        own_guess: What the own guess adds to the logits of the parts to give ``personalised``, :math:`(N, K)`.
        inputs: What those that spoke looked at, :math:`(N, F)`.
    """

    local: Floats
    personalised: Floats
    chosen: str
    local_loss: float
    chosen_loss: float
    parts: tuple[SpokenPart, ...]
    own_guess: Floats
    inputs: Floats
