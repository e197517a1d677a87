"""Gradient inversion: does a captured update of the country give away what an example held?

The analytic attacker divides the gradient of a first-layer weight by that of its bias, which is the input itself when
one example stands alone (Phong et al. 2018). The other one searches for an input whose gradient matches (Zhu et al.
2019; the cosine distance of Geiping et al. 2020), which also reaches networks with hidden layers. An attribute is
judged within its own column and label, so that what is true of everybody is no success; a record counts as exact when
every attribute is right and the most common record of its label would not have been.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import nn

from safeborders.node.learning.privacy_audits.subject import CERTAIN, Engine, Subject, gradient_of, one_person_each
from safeborders.node.learning.regression import Floats
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.dpsgd.sampling import random_words

TRIALS = 40
_STEPS = 60
_SHUFFLES = 200
_DEALS = 2000  # the most of so many is passed by chance once in 2,000 times: a false alarm blocks a release
_RATE = 0.1
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Captured:
    """Gradients of single examples as an attacker sees them, with the labels that it is given for free.

    Shape:
        - ``gradients``: :math:`(N, d)`, flat; ``labels``: :math:`(N)`.
    """

    gradients: Floats
    labels: NDArray[np.int64]


Attacker = Callable[[nn.Sequential, Captured], Floats]
"""From the network, captured gradients and the labels of the examples sought to guesses of their inputs."""


@dataclass(frozen=True)
class Inversion:
    """How well one attacker did.

    Attributes:
        attacker: Its name.
        area: Mean area under the curve of attributes, within column and label; 0.5 where nothing could be judged.
        error: Its standard error if nothing leaks: of the same guesses, dealt anew to the examples of a label.
        exact: Records that came out whole.
        chance: Most records that came out whole when the same guesses were dealt anew; coarse columns make it happen.
    """

    attacker: str
    area: float
    error: float
    exact: int
    chance: int = 0

    @property
    def is_nothing_whole(self) -> bool:
        """Whether no more records came out whole than guesses for other records give by chance."""
        return self.exact <= self.chance

    def stays_within(self, *, area: float) -> bool:
        """Whether nothing came out whole beyond chance, and the area does not contradict the bar at 99.9 %."""
        return self.is_nothing_whole and self.area - CERTAIN * self.error <= area


def attack_gradients(
    subject: Subject, *, engine: Engine = private_sum, trials: int = TRIALS, alone: bool = False
) -> list[Inversion]:
    """Capture updates of one round, each with a random example that surely took part, and try to read it.

    Args:
        subject: The task.
        engine: What makes the update; the product's when left out.
        trials: Updates that are captured.
        alone: The example is the only one; otherwise it stands among the country's curated ones.
    """
    inputs, labels = subject.curated.inputs, subject.curated.labels
    sought = np.argsort(random_words(len(labels)))[:trials]
    captured = []
    for index in sought:
        rows = np.array([index]) if alone else _round_with(int(index), subject)
        # Everything chosen is sent in: the coins fell in _round_with, and the audit is of clipping and noise.
        certain = subject.mechanism.model_copy(update={"sampling_rate": 1.0})
        update = engine(subject.module, one_person_each(inputs[rows], labels[rows]), mechanism=certain)
        captured.append(gradient_of(update, subject.mechanism))
    if not captured:
        return [Inversion(name, 0.5, 0.0, 0) for name in ATTACKERS]
    caught = Captured(np.array(captured), labels[sought])
    return [
        _judge(name, attack(subject.module, caught), sought=sought, everybody=(inputs, labels))
        for name, attack in ATTACKERS.items()
    ]


def _round_with(index: int, subject: Subject) -> NDArray[np.int64]:
    count = subject.curated.count
    heads = random_words(count).astype(np.float64) * 2.0**-64 < subject.mechanism.sampling_rate
    heads[index] = True
    return np.flatnonzero(heads)


def divide(module: nn.Sequential, caught: Captured) -> Floats:
    """Return the first layer's weight gradient over its bias gradient, of the output that says most."""
    gradients, labels = caught.gradients, caught.labels
    first = _first(module)
    outputs, width = first.out_features, first.in_features
    weights = gradients[:, : outputs * width].reshape(-1, outputs, width)
    bias = gradients[:, outputs * width : outputs * (width + 1)]
    rows = np.arange(len(labels))
    loudest = labels if len(module) == 1 else np.abs(bias).argmax(axis=1)
    divisor = bias[rows, loudest]
    divisor = np.where(divisor >= 0, 1.0, -1.0) * np.maximum(np.abs(divisor), _TINY)
    found: Floats = weights[rows, loudest] / divisor[:, None]
    return found


def match(module: nn.Sequential, caught: Captured) -> Floats:
    """Return inputs whose gradients point where the captured ones point."""
    gradients, labels = caught.gradients, caught.labels
    network = copy.deepcopy(module).double()
    parameters = {name: value.detach() for name, value in network.named_parameters()}
    wanted, targets = torch.from_numpy(gradients), torch.from_numpy(labels)
    guesses = torch.zeros((len(labels), _first(network).in_features), dtype=torch.float64, requires_grad=True)

    def loss(  # house: torch gives its arguments by position
        weights: dict[str, torch.Tensor], one: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        return nn.functional.cross_entropy(torch.func.functional_call(network, weights, (one,)), target)

    gradient_of_each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    optimiser = torch.optim.Adam([guesses], lr=_RATE)
    for _ in range(_STEPS):
        parts = gradient_of_each(parameters, guesses, targets)
        flat = torch.cat([parts[name].flatten(1) for name in parameters], dim=1)
        distance = 1 - nn.functional.cosine_similarity(flat, wanted, dim=1, eps=_TINY)
        (guesses.grad,) = torch.autograd.grad(distance.sum(), [guesses])
        optimiser.step()
    found: Floats = guesses.detach().numpy().copy()
    return found


def _first(module: nn.Sequential) -> nn.Linear:
    return next(layer for layer in module if isinstance(layer, nn.Linear))


ATTACKERS: dict[str, Attacker] = {"analytic": divide, "matching": match}


def _judge(
    attacker: str,
    table: Floats,
    *,
    sought: NDArray[np.int64],
    everybody: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> Inversion:
    """Compare guesses only with others of the same label and column: what the label tells is no inversion."""
    inputs, labels = everybody
    has = (inputs[sought] > np.median(inputs, axis=0)).astype(np.float64)
    wins = pairs = 0.0
    shuffled = np.zeros(_SHUFFLES)
    for label in np.unique(labels[sought]):
        mine = has[labels[sought] == label]
        ranks, yes = rankdata(table[labels[sought] == label], axis=0), mine.sum(axis=0)
        least = float((yes * (yes + 1) / 2).sum())
        pairs += float((yes * (len(mine) - yes)).sum())
        wins += float((mine * ranks).sum()) - least
        orders = np.argsort(random_words(_SHUFFLES * len(mine)).reshape(_SHUFFLES, -1), axis=1)
        shuffled += np.array([float((mine[order] * ranks).sum()) - least for order in orders])
    exact, chance = _count_exact(table, sought, everybody=everybody)
    area, error = (wins / pairs, float(shuffled.std()) / pairs) if pairs else (0.5, 0.0)
    return Inversion(attacker, area=area, error=error, exact=exact, chance=chance)


def _count_exact(
    table: Floats, sought: NDArray[np.int64], *, everybody: tuple[NDArray[np.float32], NDArray[np.int64]]
) -> tuple[int, int]:
    """Return how many unusual records came out whole, and the most that did when guesses were dealt anew."""
    inputs, labels = everybody
    truth, options = inputs[sought], [np.unique(column) for column in inputs.T]
    nearest = np.stack(
        [values[np.abs(values - table[:, [place]]).argmin(axis=1)] for place, values in enumerate(options)], axis=1
    )
    usual = {
        label: np.array([_most_common(column) for column in inputs[labels == label].T])
        for label in np.unique(labels[sought])
    }
    unusual = np.array([(row != usual[label]).any() for row, label in zip(truth, labels[sought], strict=True)])
    same = (nearest[:, None, :] == truth[None, :, :]).all(axis=2) & unusual[None, :]
    dealt = np.argsort(random_words(_DEALS * len(truth)).reshape(_DEALS, -1), axis=1)
    anew = same[dealt, np.arange(len(truth))].sum(axis=1)
    return int(same.diagonal().sum()), int(anew.max())


def _most_common(column: NDArray[np.float32]) -> float:
    values, counts = np.unique(column, return_counts=True)
    return float(values[counts.argmax()])
