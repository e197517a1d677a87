"""A small country's release to attack: some examples, a released model, and sabotaged builds of the engine."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.architecture import TaskArchitecture
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.node.learning.privacy_audits.membership import train_alone
from safeborders.node.learning.privacy_audits.subject import Engine, Subject
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.dpsgd.engine import clipped_sum, private_sum
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.units import AttributedExamples

WIDTH, CLASSES, DELTA = 24, 4, 1e-5


def make_subject(
    seed: int = 3,
    *,
    widths: tuple[int, ...] = (WIDTH, CLASSES),
    noise: float = 12.0,
    rate: float = 0.5,
    rounds: int = 10,
) -> Subject:
    """Return a release about 200 persons with one example each, yes-or-no inputs and labels that follow them a little.

    Half of the persons are curated; its network has random weights until ``trained_by`` an engine.
    """
    random = np.random.default_rng(seed)
    count = 200
    inputs = np.where(random.random((count, widths[0])) < 0.3, 0.8, -0.2).astype(np.float32)
    labels = (inputs @ random.normal(size=(widths[0], CLASSES)) + random.gumbel(size=(count, CLASSES))).argmax(axis=1)
    half = count // 2
    shape = TaskArchitecture(Task.TYPOLOGY, widths)
    mechanism = TaskPlan(
        task=Task.TYPOLOGY,
        sampling_rate=rate,
        clip_norm=1.0,
        noise_multiplier=noise,
        examples_per_person=1,
        quantisation_bits=16,
        learning_rate=0.5,
        public_sizes={"gr": half},
    )
    event = RootedGaussian("typology", rate, noise, (), grid=2**16, dimension=shape.update_length, steps=rounds)
    start = random.normal(0, 0.2, shape.length).astype(np.float32)
    return Subject(
        shape=shape,
        mechanism=mechanism,
        rounds=rounds,
        module=build_perceptron(shape, start),
        curated=AttributedExamples(
            inputs=inputs[:half],
            labels=labels[:half],
            starts=np.arange(half + 1),
            persons=np.arange(half),
            examples_per_person=1,
        ),
        others=(inputs[half:], labels[half:]),
        public_size=half,
        event=event.times(1),
        epsilon=epsilon([event], delta=DELTA),
        delta=DELTA,
    )


def without_noise(model: nn.Module, examples: AttributedExamples, *, mechanism: TaskPlan) -> NDArray[np.int64]:
    """Sample and clip as the plan says, and add as little noise as the grid takes."""
    return private_sum(model, examples, mechanism=mechanism.model_copy(update={"noise_multiplier": 0.004}))


def with_a_wide_clip(model: nn.Module, examples: AttributedExamples, *, mechanism: TaskPlan) -> NDArray[np.int64]:
    """Clip at six times the bound that the noise was made for."""
    wide = mechanism.model_copy(
        update={"clip_norm": 6 * mechanism.clip_norm, "noise_multiplier": mechanism.noise_multiplier / 6}
    )
    return 6 * private_sum(model, examples, mechanism=wide)


def with_everybody(model: nn.Module, examples: AttributedExamples, *, mechanism: TaskPlan) -> NDArray[np.int64]:
    """Sample nobody away."""
    return private_sum(model, examples, mechanism=mechanism.model_copy(update={"sampling_rate": 1.0}))


class ReusedNoise:
    """Draws its noise once and adds it in every round."""

    def __init__(self) -> None:
        self._noise: NDArray[np.int64] | None = None

    def __call__(self, model: nn.Module, examples: AttributedExamples, *, mechanism: TaskPlan) -> NDArray[np.int64]:
        """Return the sum with the noise of the first round."""
        if self._noise is None:
            nobody = replace(
                examples,
                inputs=examples.inputs[:0],
                labels=examples.labels[:0],
                starts=examples.starts[:1],
                persons=examples.persons[:0],
            )
            self._noise = private_sum(model, nobody, mechanism=mechanism)
        return without_noise(model, examples, mechanism=mechanism) + self._noise


def without_clipping(
    model: nn.Module, inputs: tuple[torch.Tensor, ...], *, labels: NDArray[np.int64], mechanism: TaskPlan
) -> NDArray[np.int64]:
    """Clip at forty times the bound, in the same units."""
    wide = mechanism.model_copy(update={"clip_norm": 40 * mechanism.clip_norm})
    return 40 * clipped_sum(model, inputs, labels=labels, mechanism=wide)


def trained_by(engine: Engine, *, rounds: int = 10) -> Subject:
    """Return a release that ``engine`` has really made of the curated half."""
    subject = make_subject(rounds=rounds)
    curated = subject.curated
    return replace(subject, module=train_alone(subject, curated.inputs, labels=curated.labels, engine=engine))
