"""A node's rooted training: who is a node, who sees whom, what is refused, and that noise comes whatever there is."""

from dataclasses import replace

import numpy as np
import pytest

from safeborders.models.architecture import STATISTICS
from safeborders.models.defaults import ARCHITECTURES, Model
from safeborders.models.gnn.networks import Networks, build_networks
from safeborders.models.gnn.speech import logits_in_blocks, speech
from safeborders.models.protocol.plan import RelationPlan, Stage, Task, TaskPlan
from safeborders.node.graph.case_relations import case_relations
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.examples import case_inputs
from safeborders.node.learning.training_parts import RootedPart, curate_cases
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.units import RootedExamples
from sbtest.linked_country import linked_country
from sbtest.small_country import small_country
from sbtest.task_plans import tiny_task_plans

ROOTED = (Model.RELATIONAL, Model.SAGE1, Model.SAGE2)


def rooted_plan(model: Model, **changes: object) -> TaskPlan:
    plan = next(task for task in tiny_task_plans(model) if task.stage is not Stage.ENCODER)
    return plan.model_copy(update=changes)


def make_part(model: Model, records: Records, **changes: object) -> RootedPart:
    plan = rooted_plan(model, **changes)
    shape = next(task for task in ARCHITECTURES[model].tasks if task.stage is plan.stage)
    return RootedPart(plan, shape, curate_cases(records, build_person_graph(records), plan=plan))


def random_networks(model: Model, *, seed: int = 0) -> Networks:
    architecture = ARCHITECTURES[model]
    flat = np.random.default_rng(seed).normal(0, 0.4, architecture.length)
    return build_networks(architecture, flat.astype(np.float32))


@pytest.mark.parametrize("limit", [1, 2])
def test_no_person_is_in_more_nodes_than_the_plan_says(limit: int) -> None:
    examples = make_part(Model.RELATIONAL, small_country(2), examples_per_person=limit).examples
    assert np.bincount(examples.persons).max() == limit
    assert len(examples.candidates) > 0
    assert repr(examples) == "<RootedExamples>"  # sizes are secrets


def test_nodes_without_a_label_are_seen_and_are_no_roots() -> None:
    examples = make_part(Model.RELATIONAL, linked_country(2)).examples
    assert (examples.labels < 0).any()
    heard = np.concatenate([relation.targets for relation in examples.graph.relations.values()])
    assert (examples.labels[heard] < 0).any()


def links_of(records: Records) -> set[tuple[str, str, str]]:
    """Return all links between cases in the form (relation, case, case)."""
    names = records.ids["case"]
    found = case_relations(records, build_person_graph(records), same_person=False)
    return {(name, names[a], names[b]) for name, links in found.items() for a, b in links.pairs}


def test_a_link_between_two_cases_goes_with_persons_of_the_two_and_with_nobody_else() -> None:
    records = linked_country(4, rings=3)
    whole = links_of(records)
    assert {name for name, *_ in whole} == {"people", "things"}
    parties = next(relation for relation in records.relations if relation.kind == "PARTY_TO")
    moved, members = 0, np.flatnonzero(~records.professional)
    for person in members:
        rest = replace(
            records,
            relations=tuple(
                relation.where(
                    ~(
                        ((relation.source == person) & (relation.source_type == "person"))
                        | ((relation.target == person) & (relation.target_type == "person"))
                    )
                )
                for relation in records.relations
            ),
        )
        own = {records.ids["case"][case] for case in parties.target[parties.source == person]}
        gone = whole - links_of(rest)
        assert all({a, b} & own for _, a, b in gone)
        assert links_of(rest) <= whole
        moved += len(gone)
    assert moved > 0


@pytest.mark.parametrize("model", ROOTED)
def test_an_update_has_the_networks_length_and_follows_the_labels(model: Model) -> None:
    part = make_part(model, linked_country(3, labelled=1.0), sampling_rate=1.0)
    total = part.clipped(random_networks(model))
    assert total.shape == (part.shape.update_length,)
    grid = 2**part.plan.quantisation_bits
    assert np.linalg.norm(total / grid) <= len(part.examples.candidates)
    counted = total[-len(STATISTICS) :][STATISTICS.index("examples")] / grid / 0.2
    assert counted == pytest.approx(len(part.examples.candidates), abs=0.1)


@pytest.mark.parametrize("model", ROOTED)
def test_a_country_without_any_record_sends_noise_of_the_plans_size(model: Model) -> None:
    part = make_part(model, small_country(1, groups=0))
    sigma = part.plan.noise_multiplier * 2**part.plan.quantisation_bits
    update = part.update(random_networks(model))
    assert update.std() == pytest.approx(sigma, rel=6 / np.sqrt(2 * len(update)))


def test_two_rounds_toss_their_own_coins_for_roots_and_for_neighbours() -> None:
    networks = random_networks(Model.RELATIONAL)
    everybody = make_part(Model.RELATIONAL, linked_country(3), sampling_rate=1.0)
    assert any(relation.targets.size for relation in everybody.examples.graph.relations.values())
    assert not np.array_equal(everybody.clipped(networks), everybody.clipped(networks))
    sure = tuple(part.model_copy(update={"keep": (1.0,), "most": (64,)}) for part in everybody.plan.relations)
    certain = replace(everybody, plan=everybody.plan.model_copy(update={"relations": sure}))
    one, other = certain.clipped(networks), certain.clipped(networks)
    assert np.abs(one - other).max() < 64  # control: only the order of the rows is left to chance


def test_examples_that_promise_less_than_was_priced_are_refused() -> None:
    part = make_part(Model.RELATIONAL, small_country(3), examples_per_person=2)
    with pytest.raises(UnsoundExamples):
        replace(part, plan=rooted_plan(Model.RELATIONAL)).update(random_networks(Model.RELATIONAL))


def test_a_person_in_more_nodes_than_promised_cannot_be_an_example() -> None:
    examples = make_part(Model.RELATIONAL, small_country(3)).examples
    with pytest.raises(UnsoundExamples):
        RootedExamples(**{**vars(examples), "persons": np.zeros_like(examples.persons)})
    shorter = {name: getattr(examples, name)[:-1] for name in ("inputs", "labels", "starts")}
    with pytest.raises(UnsoundExamples):
        RootedExamples(**{**vars(examples), **shorter, "persons": examples.persons[: examples.starts[-2]]})


def test_the_limit_of_the_plan_bounds_the_links_of_a_node() -> None:
    narrow = tuple(RelationPlan(relation=name, limit=1, keep=(1.0,), most=(1,)) for name in ("people", "things"))
    examples = make_part(Model.RELATIONAL, linked_country(3), relations=narrow).examples
    for relation in examples.graph.relations.values():
        assert np.diff(relation.starts).max(initial=0) <= 1
        assert relation.limit == 1


def test_what_a_case_says_does_not_depend_in_any_bit_on_who_else_is_there() -> None:
    inputs = case_inputs(small_country(5, groups=200))
    encoder = random_networks(Model.RELATIONAL).get(Task.TYPOLOGY, Stage.ENCODER)
    logits = logits_in_blocks(encoder, inputs, classes=8)
    whole = np.concatenate([logits, speech(inputs, logits)], axis=1)
    for seed in range(4):
        kept = np.random.default_rng(seed).permutation(len(inputs))[: len(inputs) - 7 * seed - 1]
        fewer = logits_in_blocks(encoder, inputs[kept], classes=8)
        assert np.array_equal(np.concatenate([fewer, speech(inputs[kept], fewer)], axis=1), whole[kept])
