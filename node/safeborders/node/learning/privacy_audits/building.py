"""From a country's records and its released model to what the audits attack."""

import numpy as np
from torch import nn

from safeborders.models.defaults import CATALOGUE
from safeborders.models.gnn.networks import build_networks
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.examples import build_case_nodes
from safeborders.node.learning.home_model import ReleasedLogits
from safeborders.node.learning.predictions import released_case_logits
from safeborders.node.learning.privacy_audits.subject import Answers, RootedSubject, Subject
from safeborders.node.learning.released import Released
from safeborders.node.learning.training_parts import EncoderPart, RootedPart, build_parts, task_examples
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.pricing import run_events


def build_subjects(records: Records, released: Released, *, country: str) -> list[Subject | RootedSubject]:
    """Return what is attacked: each network of the release with the country's examples of it."""
    plan, architecture = released.plan, CATALOGUE.get(released.plan)
    networks = build_networks(architecture, released.model)
    events = run_events(plan, architecture, rounds=plan.rounds)
    parts = build_parts(records, plan, architecture=architecture)
    persons = build_person_graph(records)
    subjects: list[Subject | RootedSubject] = []
    for task, shape, event in zip(plan.tasks, architecture.tasks, events, strict=True):
        cost, part = epsilon([event], delta=plan.delta), parts[task.name]
        if isinstance(part, RootedPart):
            answers = _answers(records, released_case_logits(records, persons, networks=networks), part=part)
            subjects.append(RootedSubject(part, networks, answers, plan.rounds, event.times(1), cost, plan.delta))
            continue
        module = networks.get(task.task, task.stage)
        assert isinstance(part, EncoderPart)  # noqa: S101  # there are two kinds
        assert isinstance(module, nn.Sequential)  # noqa: S101  # an encoder is one, by its architecture
        examples = task_examples(records, persons, task=task.task)
        outside = ~examples.curated(limit=task.examples_per_person)
        subjects.append(
            Subject(
                shape=shape,
                mechanism=task,
                rounds=plan.rounds,
                module=module,
                curated=part.examples,
                others=(np.ascontiguousarray(examples.inputs[outside]), examples.labels[outside]),
                public_size=task.public_sizes.get(country, 1),
                event=event.times(1),
                epsilon=cost,
                delta=plan.delta,
            )
        )
    return subjects


def _answers(records: Records, said: ReleasedLogits, *, part: RootedPart) -> Answers:
    labelled = np.flatnonzero(records.case_type >= 0)
    nodes = build_case_nodes(records, limit=part.plan.examples_per_person)
    return Answers(said.gated(1.0)[labelled], records.case_type[labelled], np.isin(labelled, nodes))
