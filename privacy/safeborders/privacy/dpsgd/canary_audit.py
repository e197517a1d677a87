"""A one-run audit of the product's own engine: a lower bound on epsilon that must stay below the claim.

Canaries are examples whose gradients are orthogonal and fill the whole clipping bound. Each is in or out by a fair
coin; whoever sees all outputs guesses a few of them, in by the highest scores and out by the lowest. More right
guesses than an epsilon allows refute it (Steinke, Nasr and Jagielski 2023, Theorem 5.2,
https://arxiv.org/abs/2305.08846). Failure to refute proves nothing: it is the accountant's proof that protects persons.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binom
from torch import nn

from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.private_training import PrivateStep, privatised_sum
from safeborders.privacy.dpsgd.sampling import poisson_sample, secret_heads, shuffled

_SIZE = 1000.0  # of a canary's input: its gradient is far beyond every clip_norm, so clipping decides
_LARGEST = 40.0
_HALVINGS = 50

Release = Callable[[BookKeepingModule, PrivateStep], NDArray[np.int64]]
"""The build under audit: from a batch that went backward to what leaves."""

Sample = Callable[[int, float], NDArray[np.int64]]
"""The sampler under audit: from a number of examples and q to those that enter."""


@dataclass(frozen=True)
class CanaryResult:
    """What one run showed.

    Attributes:
        epsilon_at_least: Lower bound on epsilon, at the confidence asked for.
        right: Right guesses.
        guesses: All guesses.
    """

    epsilon_at_least: float
    right: int
    guesses: int


@dataclass(frozen=True)
class CanaryAudit:
    """One run's numbers.

    Args:
        canaries: m, how many.
        guesses: r, how many of them are guessed; even.
        steps: T.
        step: The public numbers of a step.
        delta: At which delta the claim is made.
        confidence: Of the lower bound.
    """

    canaries: int
    guesses: int
    steps: int
    step: PrivateStep
    delta: float = 1e-5
    confidence: float = 0.95

    def run(self, *, release: Release | None = None, sample: Sample | None = None) -> CanaryResult:
        """Train once on a random half of the canaries and guess who was in, by the better of two attacks.

        Two attacks look at one run, so each may only be wrong half as often.

        Args:
            release: The build under audit; the product's when None.
            sample: Its sampler; the product's when None.
        """
        truth = secret_heads(self.canaries, probability=0.5)
        outputs = self._train(np.flatnonzero(truth), release=release or _release, sample=sample or _sample)
        return max(
            (self._judge(scores, truth=truth) for scores in (outputs.mean(0), outputs.std(0))),
            key=lambda result: result.epsilon_at_least,
        )

    def _train(self, inside: NDArray[np.int64], *, release: Release, sample: Sample) -> NDArray[np.float64]:
        """Return each step's output in the direction of each canary, in clip_norms; shape (T, m)."""
        network = nn.Linear(self.canaries, 2, bias=False)
        nn.init.zeros_(network.weight)
        private = BookKeepingModule(network).train()
        seen: list[NDArray[np.float64]] = []
        for _ in range(self.steps):
            rows = shuffled(inside[sample(len(inside), self.step.sampling_rate)])
            inputs = torch.zeros(len(rows), self.canaries)
            inputs[torch.arange(len(rows)), torch.from_numpy(rows)] = _SIZE
            targets = torch.zeros(len(rows), dtype=torch.int64)
            loss = nn.functional.cross_entropy(private(inputs), targets, reduction="sum")
            loss.backward()  # type: ignore[no-untyped-call]  # torch
            noisy = release(private, self.step).reshape(2, self.canaries) / 2.0**self.step.bits
            seen.append((noisy[1] - noisy[0]) / np.sqrt(2.0))  # a canary's gradient is (-1, 1) / sqrt(2)
        return np.array(seen)

    def _judge(self, scores: NDArray[np.float64], *, truth: NDArray[np.bool_]) -> CanaryResult:
        order = np.argsort(scores)
        half = self.guesses // 2
        right = int(truth[order[-half:]].sum()) + int((~truth[order[:half]]).sum())
        attempts = 2
        bound = epsilon_lower_bound(
            right,
            guesses=2 * half,
            canaries=self.canaries,
            delta=self.delta,
            doubt=(1 - self.confidence) / attempts,
        )
        return CanaryResult(epsilon_at_least=bound, right=right, guesses=2 * half)


def epsilon_lower_bound(right: int, *, guesses: int, canaries: int, delta: float, doubt: float) -> float:
    """Return the largest epsilon that ``right`` of ``guesses`` refute, wrong with probability at most ``doubt``."""
    low, high = 0.0, _LARGEST
    if _chance(right, guesses=guesses, canaries=canaries, epsilon=0.0, delta=delta) > doubt:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        chance = _chance(right, guesses=guesses, canaries=canaries, epsilon=middle, delta=delta)
        low, high = (middle, high) if chance <= doubt else (low, middle)
    return low


def _chance(right: int, *, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """Return a bound on the probability of so many right guesses if the mechanism is (epsilon, delta)-private."""
    fair = 1 / (1 + np.exp(-epsilon))
    reached = float(binom.sf(right - 1, guesses, fair))
    below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, fair))
    steepest = float((below / np.arange(1, right + 1)).max(initial=0.0))
    return min(1.0, reached + steepest * delta * 2 * canaries)


def _release(module: BookKeepingModule, step: PrivateStep) -> NDArray[np.int64]:
    return privatised_sum(module, step=step)


def _sample(count: int, rate: float) -> NDArray[np.int64]:
    return poisson_sample(count, sampling_rate=rate)
