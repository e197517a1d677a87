"""What a plan's networks are priced as: the events that really run, with every number that makes them dearer."""

from typing import Any

import pytest

from safeborders.models.architecture import Architecture, Catalogue
from safeborders.models.defaults import ARCHITECTURES, CATALOGUE, DELTA, Model, task_plans
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan, Stage, Task
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.pricing import network_lines, price_networks, run_events

SIZES = {task: dict.fromkeys((country.value for country in DEMONSTRATION), 50) for task in Task}


def make_plan(model: Model, **changes: Any) -> RunPlan:
    """Return the default plan of ``model``; ``changes`` go into its rooted network."""
    tasks = task_plans(model, public_sizes=SIZES)
    return RunPlan(
        federation="test",
        run="run-1",
        purpose="P1",
        rounds=10,
        tasks=tuple(one if one.stage is Stage.ENCODER else one.model_copy(update=changes) for one in tasks),
        delta=DELTA,
        architecture_sha256=ARCHITECTURES[model].sha256(),
        features_sha256=SPECIFICATION.sha256(),
        participants=DEMONSTRATION,
        floor=2,
        deadline_seconds=10.0,
    )


def cost(model: Model, **changes: Any) -> float:
    plan = make_plan(model, **changes)
    return epsilon(run_events(plan, ARCHITECTURES[model], rounds=plan.rounds), delta=DELTA)


def test_a_head_is_priced_by_the_lemma_with_its_own_coins_and_limits() -> None:
    plan = make_plan(Model.RELATIONAL, examples_per_person=2)
    encoder, head, *others = run_events(plan, ARCHITECTURES[Model.RELATIONAL], rounds=10)
    assert [event.relations for event in (encoder, *others)] == [(), (), ()]
    assert head.relations == tuple((part.limit, *part.keep) for part in plan.tasks[1].relations)
    assert (head.copies, head.steps, head.positions) == (2, 10, 1)
    assert head.dimension == ARCHITECTURES[Model.RELATIONAL].tasks[1].length + 3


def test_two_hops_are_priced_with_paths_and_stacked_positions() -> None:
    plan = make_plan(Model.SAGE2)
    sage, *_ = run_events(plan, ARCHITECTURES[Model.SAGE2], rounds=10)
    assert all(len(entry) == 3 for entry in sage.relations)
    assert sage.positions == 1 + sum(part.most[0] for part in plan.tasks[0].relations)


def test_whatever_shows_a_person_to_more_roots_costs_more() -> None:
    usual, relations = cost(Model.RELATIONAL), make_plan(Model.RELATIONAL).tasks[1].relations
    for dearer in ({"limit": 16}, {"keep": (1.0,)}):
        wider = tuple(part.model_copy(update=dearer) for part in relations)
        assert cost(Model.RELATIONAL, relations=wider) > usual
    assert cost(Model.RELATIONAL, examples_per_person=2) > usual
    assert cost(Model.RELATIONAL) > cost(Model.ENCODER)
    truncated = tuple(part.model_copy(update={"most": (1,)}) for part in relations)
    assert cost(Model.RELATIONAL, relations=truncated) == usual  # a shorter list hides nobody more


@pytest.mark.parametrize("model", list(Model))
def test_every_model_of_the_catalogue_has_a_default_plan_that_can_be_priced(model: Model) -> None:
    plan = make_plan(model)
    assert CATALOGUE.find(plan) == ARCHITECTURES[model]
    lines = network_lines(price_networks(plan, ARCHITECTURES[model]))
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == [task.name for task in plan.tasks]
    assert max(map(len, lines)) <= 80


def test_the_head_of_the_defaults_is_small() -> None:
    assert ARCHITECTURES[Model.RELATIONAL].tasks[1].length <= 300


@pytest.mark.parametrize("wrong", ["relation", "hops", "order", "hash"])
def test_a_plan_that_sees_others_than_the_model_is_not_priced(wrong: str) -> None:
    plan, model = make_plan(Model.RELATIONAL), ARCHITECTURES[Model.RELATIONAL]
    encoder, head, *others = plan.tasks
    seen = head.relations
    if wrong == "relation":
        seen = (seen[0], seen[1].model_copy(update={"relation": "others"}))
    elif wrong == "hops":
        seen = tuple(part.model_copy(update={"keep": (0.5, 0.5), "most": (2, 2)}) for part in seen)
    elif wrong == "order":
        seen = seen[::-1]
    else:
        model = Architecture(model.tasks[:2])
    other = plan.model_copy(update={"tasks": (encoder, head.model_copy(update={"relations": seen}), *others)})
    assert Catalogue((model,)).find(other) is None
    with pytest.raises(ValueError, match="networks of the architecture"):
        run_events(other, model, rounds=1)
