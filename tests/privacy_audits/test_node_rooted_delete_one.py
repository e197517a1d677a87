"""Delete every person of a country from a node's own rooted training: the sum moves by no more than the ledger pays.

The audit runs what a node runs (curation, what cases say, coins, network, clipping), not a model of it. Each control
breaks one premise of docs/proofs/stage-b.md in that very path and must be caught.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from safeborders.models.defaults import ARCHITECTURES, Model
from safeborders.models.gnn.networks import Networks, build_networks
from safeborders.models.gnn.speech import prepare_network
from safeborders.models.protocol.plan import Stage, TaskPlan
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.learning import training_parts
from safeborders.node.learning.privacy_audits.battery import audit_release
from safeborders.node.learning.privacy_audits.deletion import Deletions, delete_from_graph
from safeborders.node.learning.privacy_audits.subject import Answers, RootedSubject
from safeborders.node.learning.training_parts import RootedPart, curate_cases
from safeborders.privacy.dpsgd.clipping import Desk
from safeborders.privacy.dpsgd.engine import clipped_sum
from safeborders.privacy.pricing import stacked_positions
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.units import RootedExamples
from sbtest.linked_country import linked_country
from sbtest.task_plans import tiny_task_plans
from sbtest.wrong_clipping import unclipped

pytestmark = pytest.mark.audit

SEEDS = range(4)


def make_subject(model: Model, seed: int, *, kind: type[RootedPart] = RootedPart) -> RootedSubject:
    """Return the rooted network of a small country's release, with sharp random weights and coins that truncate."""
    records, architecture = linked_country(seed, rings=5, labelled=0.8), ARCHITECTURES[model]
    plan = next(task for task in tiny_task_plans(model) if task.stage is not Stage.ENCODER)
    hops = plan.hops
    relations = tuple(
        part.model_copy(update={"limit": 4, "keep": (0.6,) * hops, "most": (2,) * hops}) for part in plan.relations
    )
    plan = plan.model_copy(update={"relations": relations, "sampling_rate": 0.6, "clip_norm": 0.1})
    shape = next(task for task in architecture.tasks if task.stage is plan.stage)
    examples = curate_cases(records, build_person_graph(records), plan=plan)
    event = RootedGaussian(
        task=plan.name,
        sampling_rate=plan.sampling_rate,
        noise_multiplier=plan.noise_multiplier,
        relations=tuple((part.limit, *part.keep) for part in relations),
        grid=2**plan.quantisation_bits,
        dimension=shape.update_length,
        positions=stacked_positions(plan),
    )
    answers = Answers(np.zeros((0, shape.classes)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_))
    part = kind(plan, shape, examples)
    return RootedSubject(part, networks_of(model, seed), answers, 1, event, epsilon=1.0, delta=1e-5)


def networks_of(model: Model, seed: int) -> Networks:
    architecture = ARCHITECTURES[model]
    flat = np.random.default_rng(seed).normal(0, 2.0, architecture.length)
    return build_networks(architecture, flat.astype(np.float32))


def audit(subject: RootedSubject, *, seed: int) -> Deletions:
    everybody = np.unique(subject.part.examples.persons)
    return delete_from_graph(subject, seed=seed, persons=[int(person) for person in everybody])


@pytest.mark.parametrize("model", [Model.RELATIONAL, Model.SAGE1, Model.SAGE2])
def test_no_person_moves_a_nodes_rooted_sum_by_more_than_the_ledger_pays(model: Model) -> None:
    seeds = SEEDS if model is Model.RELATIONAL else SEEDS[:1]
    found = [audit(make_subject(model, seed), seed=100 + seed) for seed in seeds]
    assert sum(one.persons for one in found) >= 40 * len(seeds)
    assert sum(one.violations for one in found) == 0
    # The audit looks where it matters; over two hops few graphs attain the bound.
    assert max(one.worst for one in found) > (0.5 if model is Model.SAGE2 else 0.9)


def caught(model: Model = Model.RELATIONAL, *, kind: type[RootedPart] = RootedPart) -> int:
    return sum(audit(make_subject(model, seed, kind=kind), seed=100 + seed).violations for seed in SEEDS)


def test_control_gradients_that_are_not_clipped_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "clip", unclipped)
    assert caught() > 0


def test_control_coins_that_are_not_tossed_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = prepare_network

    def with_everybody(*arguments: object, **named: object) -> object:
        own, speakers = plain(*arguments, **named)  # type: ignore[arg-type]  # passed on as they came
        return own + speakers.said()[:, :8].astype(np.float32), speakers  # every neighbour, whatever its coin says

    monkeypatch.setattr(training_parts, "prepare_network", with_everybody)
    assert caught() > 0


@dataclass(frozen=True)
class CentredOnTheCountry(RootedPart):
    """Subtracts the mean over all cases from what each case is: one person moves everybody's row."""

    def clipped(self, networks: Networks) -> NDArray[np.int64]:
        examples = self.examples
        centred = examples.inputs - examples.inputs.mean(axis=0)
        return replace(self, examples=replace(examples, inputs=centred)).plainly(networks)

    def plainly(self, networks: Networks) -> NDArray[np.int64]:
        return super().clipped(networks)


def test_control_a_mean_over_the_country_is_caught() -> None:
    assert caught(kind=CentredOnTheCountry) > 0


def test_control_a_person_in_several_nodes_sold_as_one_is_caught() -> None:
    found = 0
    for seed in SEEDS:
        subject = make_subject(Model.RELATIONAL, seed)
        examples = subject.part.examples
        shared = examples.persons // 6  # three cases of two persons each become those of one person
        pairs = np.unique(
            np.stack([np.repeat(np.arange(len(examples.labels)), np.diff(examples.starts)), shared]), axis=1
        )
        starts = np.searchsorted(pairs[0], np.arange(len(examples.labels) + 1))
        wide = RootedExamples(
            graph=examples.graph,
            inputs=examples.inputs,
            labels=examples.labels,
            starts=starts,
            persons=pairs[1],
            examples_per_person=3,
        )
        sold = replace(
            subject.part, examples=wide, plan=subject.part.plan.model_copy(update={"examples_per_person": 3})
        )
        found += audit(replace(subject, part=sold), seed=100 + seed).violations
        paid = replace(subject.event, copies=3)
        assert audit(replace(subject, part=sold, event=paid), seed=100 + seed).violations == 0
    assert found > 0


def verdicts(**changes: Any) -> dict[str, bool]:
    """Return what the battery of ``safeborders audit privacy`` says of a head, by attack."""
    subject = replace(make_subject(Model.RELATIONAL, 1), **changes)
    return {finding.verdict.attack: finding.verdict.passed for finding in audit_release([subject])}


@pytest.mark.slow
def test_the_nodes_battery_audits_a_head_and_says_when_it_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(4)
    members = np.arange(400) < 200
    logits, labels = generator.normal(size=(400, 8)), generator.integers(0, 8, 400)
    assert verdicts(answers=Answers(logits, labels, members)) == {
        "delete_one": True, "canaries": True, "membership": True
    }  # fmt: skip
    learnt = logits + 6 * np.eye(8)[labels] * members[:, None]
    assert not verdicts(answers=Answers(learnt, labels, members))["membership"]
    quiet = make_subject(Model.RELATIONAL, 1).part
    plan = quiet.plan.model_copy(update={"noise_multiplier": 0.004, "sampling_rate": 1.0})
    assert not verdicts(part=replace(quiet, plan=plan))["canaries"]
    monkeypatch.setattr(training_parts, "clipped_sum", wide_clip)
    assert not verdicts()["delete_one"]


def wide_clip(
    model: torch.nn.Module, inputs: tuple[torch.Tensor, ...], *, labels: NDArray[np.int64], mechanism: TaskPlan
) -> NDArray[np.int64]:
    """Clip at forty times the bound, in the same units."""
    wide = mechanism.model_copy(update={"clip_norm": 40 * mechanism.clip_norm})
    return 40 * clipped_sum(model, inputs, labels=labels, mechanism=wide)
