"""Delete every person of a country from a node's own training of roles: only that person's examples leave the sum.

The audit runs what a node runs (who is a suspect, inputs, curation, clipping). Each control breaks one premise of
decision 0191 in that very path and must be caught.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from safeborders.models.architecture import TaskArchitecture
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.gnn.networks import build_network
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.node.graph import suspects as suspects_module
from safeborders.node.graph.circles import CIRCLE_INPUTS, circle_inputs
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning import examples as examples_module
from safeborders.node.learning.attribution import Attributions, count_moved_examples
from safeborders.node.learning.examples import Examples, build_role_examples
from safeborders.node.learning.privacy_audits.deletion import closed_up
from safeborders.node.learning.training_parts import attributed
from safeborders.privacy.dpsgd.clipping import Desk
from safeborders.privacy.dpsgd.engine import clipped_sum
from safeborders.privacy.pricing import stacked_positions
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.units import AttributedExamples
from sbtest.suspect_country import suspect_country, without_person
from sbtest.task_plans import tiny_task_plans
from sbtest.wrong_clipping import unclipped

pytestmark = pytest.mark.audit
SEEDS = range(2)
SHAPE: TaskArchitecture = next(task for task in ARCHITECTURE.tasks if task.task is Task.ROLES)


@dataclass(frozen=True)
class Found:
    """What deleting everybody did: how many persons, how many moved the sum too far, the largest share of the bound."""

    persons: int
    violations: int
    worst: float


def mechanism(*, limit: int = 1) -> TaskPlan:
    plan = next(task for task in tiny_task_plans() if task.task is Task.ROLES)
    return plan.model_copy(update={"clip_norm": 0.5, "examples_per_person": limit})


def price(plan: TaskPlan) -> RootedGaussian:
    """Return one step as the ledger keeps it."""
    return RootedGaussian(
        task=plan.name,
        sampling_rate=plan.sampling_rate,
        noise_multiplier=plan.noise_multiplier,
        relations=(),
        grid=2**plan.quantisation_bits,
        dimension=SHAPE.update_length,
        positions=stacked_positions(plan),
    )


def curated(records: Records, *, plan: TaskPlan) -> AttributedExamples:
    return attributed(build_role_examples(records), limit=plan.examples_per_person)


def total(examples: AttributedExamples, *, order: NDArray[np.int64], plan: TaskPlan, seed: int) -> NDArray[np.int64]:
    """Return the clipped sum over all curated examples: sampling would only hide a violation."""
    weights = np.random.default_rng(seed).normal(0, 2.0, SHAPE.length).astype(np.float32)
    inputs = (torch.from_numpy(examples.inputs[order]),)
    return clipped_sum(build_network(SHAPE, weights), inputs, labels=examples.labels[order], mechanism=plan)


def audit(seed: int, *, paid: int = 1, limit: int = 1) -> Found:
    """Delete every person in turn; ``paid`` is the M that the ledger was charged for."""
    records, plan = suspect_country(seed, cases=12, stated=0.8), mechanism(limit=limit)
    event, before = price(plan), curated(records, plan=plan)
    whole = total(before, order=np.arange(before.count), plan=plan, seed=seed)
    shares = []
    for person in range(records.count("person")):
        gone = before.persons == person
        after = curated(without_person(records, person), plan=plan)
        order = (np.cumsum(~gone) - 1)[closed_up(np.arange(before.count), gone)]  # as the proof couples them
        rest = total(after, order=order, plan=plan, seed=seed)
        moved = float(np.linalg.norm((whole - rest).astype(np.float64))) / event.grid
        allowed = event.own_weight * min(int(gone.sum()), paid)
        shares.append(moved / allowed if allowed else (np.inf if moved else 0.0))
    return Found(len(shares), sum(share > 1 for share in shares), max(shares))


def test_no_person_moves_the_sum_by_more_than_one_example() -> None:
    found = [audit(seed) for seed in SEEDS]
    assert sum(one.persons for one in found) > 100
    assert [one.violations for one in found] == [0, 0]
    assert min(one.worst for one in found) > 0.9  # it looks where it matters


def test_a_person_in_several_cases_moves_as_many_examples_as_are_paid_for() -> None:
    assert audit(1, limit=2, paid=2).violations == 0
    assert audit(1, limit=2, paid=1).violations > 0  # the control: sold as one


def test_control_an_input_that_counts_other_people_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    own = suspects_module.role_inputs

    def with_degree(records: Records) -> NDArray[np.float32]:
        types = np.zeros((records.count("case"), len(CASE_TYPES)))
        place = circle_inputs(records, build_person_graph(records), case_types=types)
        inputs = own(records).copy()
        inputs[:, -1] = place[:, CIRCLE_INPUTS.index("linked_people")]
        return inputs

    monkeypatch.setattr(examples_module, "role_inputs", with_degree)
    assert audit(0).violations > 0


def test_control_a_mean_over_the_country_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def centred(records: Records) -> NDArray[np.float32]:
        inputs = suspects_module.role_inputs(records)
        around: NDArray[np.float32] = (inputs - inputs.mean(axis=0)).astype(np.float32)
        return around

    monkeypatch.setattr(examples_module, "role_inputs", centred)
    assert audit(0).violations > 0


def test_control_gradients_that_are_not_clipped_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "clip", unclipped)
    assert audit(0).violations > 0


def test_curation_moves_nobody_elses_example() -> None:
    examples = build_role_examples(suspect_country(2, cases=20, stated=1.0))
    assert examples.curated(limit=1).sum() < len(examples.labels)  # some persons are in two cases
    assert not moved(examples)


def moved(examples: Examples) -> bool:
    return bool(count_moved_examples(examples.attributions, limit=1, ranks=examples.ranks).any())


def test_control_examples_about_two_persons_would_move_others() -> None:
    examples = build_role_examples(suspect_country(2, cases=20, stated=1.0))
    every = np.arange(len(examples.labels))
    owners = examples.attributions.persons
    about = Attributions.of_pairs(np.r_[every, every], np.r_[owners, np.roll(owners, 1)], count=len(every))
    assert moved(replace(examples, attributions=about))
