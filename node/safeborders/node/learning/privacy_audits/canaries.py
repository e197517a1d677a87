"""The one-run canary audit (Steinke et al. 2023) of the run's own engine and numbers; no record is read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.models.architecture import TaskArchitecture
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.node.learning.privacy_audits.subject import Engine, one_person_each
from safeborders.privacy.dpsgd.canary_audit import CanaryAudit, CanaryResult, Release, Sample, epsilon_lower_bound
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.dpsgd.private_training import PrivateStep

CANARIES = 600
GUESSES = 100
CONFIDENCE = 0.95
_ATTEMPTS = 2  # looks at one run, each allowed half of the doubt
_SIZE = 1000.0  # beyond every clip_norm: clipping decides


@dataclass(frozen=True)
class EngineCanaryAudit(CanaryAudit):
    """The audit of the book-keeping facade, here of ``private_sum``: sampling, clipping and noise are the engine's own.

    Args:
        engine: The engine under audit.
    """

    engine: Engine = private_sum

    def _train(self, inside: NDArray[np.int64], *, release: Release, sample: Sample) -> NDArray[np.float64]:
        del release, sample  # the engine does both
        step, classes = self.step, 2
        shape = TaskArchitecture(Task.TYPOLOGY, (self.canaries, classes))
        module = build_perceptron(shape, np.zeros(shape.length, dtype=np.float32))
        inputs = np.zeros((len(inside), self.canaries), dtype=np.float32)
        inputs[np.arange(len(inside)), inside] = _SIZE
        examples = one_person_each(inputs, np.zeros(len(inside), dtype=np.int64))
        mechanism = _mechanism(step)
        seen = []
        for _ in range(self.steps):
            noisy = self.engine(module, examples, mechanism=mechanism)[: classes * self.canaries]
            weights = noisy.reshape(classes, self.canaries) / 2.0**step.bits
            seen.append((weights[1] - weights[0]) / np.sqrt(2.0))
        return np.array(seen)


def audit_with_canaries(
    mechanism: TaskPlan, *, rounds: int, delta: float, engine: Engine = private_sum
) -> CanaryResult:
    """Train once on canaries alone with the plan's numbers, and guess which took part."""
    step = PrivateStep(
        sampling_rate=mechanism.sampling_rate,
        noise_multiplier=mechanism.noise_multiplier,
        max_grad_norm=mechanism.clip_norm,
        expected_batch_size=1.0,  # nothing is divided: the audit reads what leaves
        bits=mechanism.quantisation_bits,
    )
    return EngineCanaryAudit(CANARIES, GUESSES, rounds, step, delta, CONFIDENCE, engine).run()


def guesses_to_refute(claim: float, *, delta: float) -> int | None:
    """Return how many of ``GUESSES`` must be right to refute ``claim``; None where even all of them would not."""
    doubt = (1 - CONFIDENCE) / _ATTEMPTS
    low, high = GUESSES // 2, GUESSES + 1
    while low < high:
        middle = (low + high) // 2
        bound = epsilon_lower_bound(middle, guesses=GUESSES, canaries=CANARIES, delta=delta, doubt=doubt)
        low, high = (low, middle) if bound > claim else (middle + 1, high)
    return low if low <= GUESSES else None


def largest_provable(*, delta: float) -> float:
    """Return the largest epsilon that the audit could ever refute: all guesses right."""
    doubt = (1 - CONFIDENCE) / _ATTEMPTS
    return epsilon_lower_bound(GUESSES, guesses=GUESSES, canaries=CANARIES, delta=delta, doubt=doubt)


def _mechanism(step: PrivateStep) -> TaskPlan:
    return TaskPlan(
        task=Task.TYPOLOGY,
        sampling_rate=step.sampling_rate,
        clip_norm=step.max_grad_norm,
        noise_multiplier=step.noise_multiplier,
        examples_per_person=1,
        quantisation_bits=step.bits,
        learning_rate=1.0,
        public_sizes={},
    )
