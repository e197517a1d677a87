"""Delete persons one by one, with the same coins: does the country's sum move as little as the accountant believes?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.protocol.plan import TaskPlan
from safeborders.node.learning.privacy_audits.subject import RootedSubject, Subject
from safeborders.node.learning.training_parts import RootedPart, neighbour_rules
from safeborders.privacy.dpsgd.delete_one_audit import KeyedCoins, ways_to, without_person
from safeborders.privacy.dpsgd.engine import clipped_sum
from safeborders.privacy.dpsgd.rooted_sampling import RootedBatch, RootedSampler
from safeborders.privacy.dpsgd.sampling import poisson_sample, random_words
from safeborders.privacy.rounding import CHUNK_ROWS
from safeborders.privacy.units import AttributedExamples, RootedExamples

MOST_PERSONS = 60
"""Persons who are deleted; a bound on time. They are chosen by chance, anew in every audit."""

ClippedSum = Callable[..., NDArray[np.int64]]
"""The engine under audit, called as ``clipped_sum(model, inputs, labels=..., mechanism=...)``."""


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
    """Delete persons of an encoder's curated set one at a time, all other coins as they fell.

    Args:
        subject: The task.
        total: The engine under audit; the product's when left out.
    """
    curated, event = subject.curated, subject.event
    drawn = poisson_sample(curated.count, sampling_rate=event.sampling_rate)
    drawn = drawn[np.argsort(random_words(len(drawn)))]
    owners = np.repeat(np.arange(curated.count), np.diff(curated.starts))
    whole = _sum(subject.module, curated, order=drawn, engine=(total, subject.mechanism))
    moved, allowed = [], []
    for person in _some(curated.persons):
        gone = np.isin(drawn, owners[curated.persons == person])
        rest = _sum(subject.module, curated, order=closed_up(drawn, gone), engine=(total, subject.mechanism))
        moved.append(float(np.linalg.norm((whole - rest).astype(np.float64))) / event.grid)
        allowed.append(event.own_weight * min(int(gone.sum()), event.copies))
    return _judged(moved, allowed)


def delete_from_graph(subject: RootedSubject, *, seed: int, persons: Sequence[int] | None = None) -> Deletions:
    """Delete persons of a rooted network's curated graph one at a time, with their nodes and all links of these.

    The coins are a function of ``seed`` and of whom they are about, so that everything which stays meets the same
    chance. Rows close up instead of the last one taking the free place as in the proof, which rounds more chunks anew:
    that is allowed for.

    Args:
        subject: The network.
        seed: Of the coupled coins.
        persons: Who is deleted; some by chance when left out.
    """
    event, networks = subject.event, subject.networks
    part = replace(subject.part, coins=KeyedCoins(seed))
    seen = _everybody_seen(part, seed=seed)
    whole = part.clipped(networks)
    chunks = -(-len(seen.roots) // CHUNK_ROWS)
    moved, allowed = [], []
    for person in _some(part.examples.persons) if persons is None else persons:
        nodes = part.examples.nodes_of(int(person))
        rest = replace(part, examples=without_nodes(part.examples, nodes)).clipped(networks)
        own, ways = (sum(found) for found in zip(*(ways_to(seen, int(node)) for node in nodes), strict=True))
        bound = event.own_weight * min(own, event.copies) + event.seen_weight * ways
        moved.append(float(np.linalg.norm((whole - rest).astype(np.float64))) / event.grid)
        allowed.append(bound + (event.seen_weight - 2) * chunks if bound else 0.0)
    return _judged(moved, allowed)


def without_nodes(examples: RootedExamples, nodes: NDArray[np.int64]) -> RootedExamples:
    """Return the examples without what ``nodes`` say, link and teach; the others keep their numbers."""
    graph, inputs, labels = examples.graph, examples.inputs.copy(), examples.labels.copy()
    for node in nodes:
        graph = without_person(graph, int(node))
    inputs[nodes], labels[nodes] = 0, -1
    return replace(examples, graph=graph, inputs=inputs, labels=labels)


def _everybody_seen(part: RootedPart, *, seed: int) -> RootedBatch:
    """Return what the coins alone decide, before lists are truncated."""
    rules = tuple(
        replace(rule, most=(part.examples.graph.relations[rule.relation].limit,) * len(rule.keep))
        for rule in neighbour_rules(part.plan)
    )
    return RootedSampler(
        part.examples.graph,
        part.examples.candidates,
        rules=rules,
        sampling_rate=part.plan.sampling_rate,
        coins=KeyedCoins(seed),
    ).draw()


def _some(persons: NDArray[np.int64]) -> NDArray[np.int64]:
    everybody = np.unique(persons)
    return everybody[np.argsort(random_words(len(everybody)))[:MOST_PERSONS]]


def closed_up(order: NDArray[np.int64], gone: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return ``order`` without what is gone, the last rows in the free places: as the proof couples random orders."""
    left = order.copy()
    for place in np.flatnonzero(gone)[::-1]:
        left[place] = left[-1]
        left = left[:-1]
    return left


def _judged(moved: Sequence[float], allowed: Sequence[float]) -> Deletions:
    shares = [
        how_far / bound if bound else (np.inf if how_far else 0.0)
        for how_far, bound in zip(moved, allowed, strict=True)
    ]
    return Deletions(persons=len(shares), violations=sum(share > 1 for share in shares), worst=max(shares, default=0.0))


def _sum(
    module: nn.Module, curated: AttributedExamples, *, order: NDArray[np.int64], engine: tuple[ClippedSum, TaskPlan]
) -> NDArray[np.int64]:
    total, mechanism = engine
    inputs = (torch.from_numpy(curated.inputs[order]),)
    return total(module, inputs, labels=curated.labels[order], mechanism=mechanism)
