"""A country's part in the training of one network: its curated examples, and one private update per round.

Whoever calls ``update`` has charged the ledger for the network's event (``privacy.pricing``), once for each call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.gnn.networks import Networks
from safeborders.models.gnn.speech import prepare_network
from safeborders.models.protocol.plan import RunPlan, Stage, Task, TaskPlan
from safeborders.node.graph.case_relations import case_relations, curate_case_graph
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.examples import (
    Examples,
    build_case_examples,
    build_case_nodes,
    build_pair_examples,
    build_role_examples,
    case_attributions,
    case_inputs,
)
from safeborders.privacy.dpsgd.engine import add_noise, check_promise, clipped_sum, private_sum
from safeborders.privacy.dpsgd.rooted_sampling import NeighbourRule, RootedSampler
from safeborders.privacy.dpsgd.sampling import CoinSource
from safeborders.privacy.units import AttributedExamples, RootedExamples


class TrainingPart(Protocol):
    """One network's examples; they are read once and take part in every round."""

    def update(self, networks: Networks) -> NDArray[np.int64]:
        """Return the noisy integer sum of one round for the round's parameters; what may leave."""


@dataclass(frozen=True)
class EncoderPart:
    """Stage A: each root is an example by its own attributes."""

    plan: TaskPlan
    examples: AttributedExamples

    def update(self, networks: Networks) -> NDArray[np.int64]:
        """Return the noisy integer sum of one round."""
        module = networks.get(self.plan.task, self.plan.stage)
        return private_sum(module, self.examples, mechanism=self.plan)


@dataclass(frozen=True)
class RootedPart:
    """Stage B or a rooted GraphSAGE: each root sees the neighbours that this round's secret coins kept.

    Args:
        plan: The network's numbers.
        shape: The network.
        examples: Curated nodes.
        coins: Secret ones when None; an audit passes coupled ones.
    """

    plan: TaskPlan
    shape: TaskArchitecture
    examples: RootedExamples
    coins: CoinSource | None = None

    def update(self, networks: Networks) -> NDArray[np.int64]:
        """Return the noisy integer sum of one round."""
        return add_noise(self.clipped(networks), self.plan)

    def clipped(self, networks: Networks) -> NDArray[np.int64]:
        """Return the sum before noise, for audits: everything that a round does but the noise."""
        examples, plan = self.examples, self.plan
        check_promise(examples.examples_per_person, mechanism=plan)
        own, speakers = prepare_network(self.shape, networks, graph=examples.graph, inputs=examples.inputs)
        sampler = RootedSampler(
            examples.graph,
            examples.candidates,
            rules=neighbour_rules(plan),
            sampling_rate=plan.sampling_rate,
            coins=self.coins,
        )
        sample = sampler.draw()
        tensors = (own[sample.roots], *speakers.lists(sample))
        return clipped_sum(
            networks.get(plan.task, plan.stage),
            tuple(torch.from_numpy(tensor) for tensor in tensors),
            labels=examples.labels[sample.roots],
            mechanism=plan,
        )


def neighbour_rules(plan: TaskPlan) -> tuple[NeighbourRule, ...]:
    """Return how the plan's neighbours are sampled."""
    return tuple(NeighbourRule(part.relation, keep=part.keep, most=part.most) for part in plan.relations)


def build_parts(records: Records, plan: RunPlan, *, architecture: Architecture) -> Mapping[str, TrainingPart]:
    """Curate the examples of every network of ``plan``."""
    persons = build_person_graph(records)
    parts: dict[str, TrainingPart] = {}
    for task, shape in zip(plan.tasks, architecture.tasks, strict=True):
        if task.stage is Stage.ENCODER:
            examples = task_examples(records, persons, task=task.task)
            parts[task.name] = EncoderPart(task, attributed(examples, limit=task.examples_per_person))
        else:
            parts[task.name] = RootedPart(task, shape, curate_cases(records, persons, plan=task))
    return parts


def task_examples(records: Records, persons: PersonGraph, *, task: Task) -> Examples:
    """Return all known examples of a task, before curation."""
    if task is Task.TYPOLOGY:
        return build_case_examples(records)
    if task is Task.ROLES:
        return build_role_examples(records)
    return build_pair_examples(records, persons).examples


def attributed(examples: Examples, *, limit: int) -> AttributedExamples:
    """Return the curated part of ``examples``, each person in at most ``limit``, as the private engine takes it."""
    kept = examples.curated(limit=limit)
    about = examples.attributions.only(kept)
    return AttributedExamples(
        inputs=np.ascontiguousarray(examples.inputs[kept]),
        labels=examples.labels[kept],
        starts=about.starts,
        persons=about.persons,
        examples_per_person=limit,
    )


def curate_cases(records: Records, persons: PersonGraph, *, plan: TaskPlan) -> RootedExamples:
    """Return the cases that take part in rooted training, and the links between them, within the plan's bounds."""
    limit = plan.examples_per_person
    nodes = build_case_nodes(records, limit=limit)
    chosen = np.zeros(len(records.case_type), dtype=np.bool_)
    chosen[nodes] = True
    about = case_attributions(records).only(chosen)
    links = case_relations(records, persons, same_person=False)
    limits = {part.relation: part.limit for part in plan.relations}
    return RootedExamples(
        graph=curate_case_graph(records, links, nodes=nodes, limits=limits),
        inputs=np.ascontiguousarray(case_inputs(records)[nodes]),
        labels=records.case_type[nodes],
        starts=about.starts,
        persons=about.persons,
        examples_per_person=limit,
    )
