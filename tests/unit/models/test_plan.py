"""Plans: what no country should ever have to judge is refused when it is read."""

from typing import Any

import pytest
from pydantic import ValidationError

from safeborders.models.protocol.plan import RunPlan
from sbtest.plans import make_plan


@pytest.mark.parametrize("name", ["../../outside/x", "/etc/passwd", "a/b", "", "-x", "x" * 65, "A run"])
def test_the_name_of_a_run_is_never_a_path(name: str) -> None:
    with pytest.raises(ValidationError):
        RunPlan.model_validate({**make_plan().model_dump(mode="python"), "run": name})


@pytest.mark.parametrize("clip_norm", [0.0, 1e-166, 1e-7, 1e7, float("nan"), float("inf")])
def test_a_clip_norm_that_switches_clipping_off_is_no_plan(clip_norm: float) -> None:
    document = make_plan().model_dump(mode="python")
    task = {**document["tasks"][0], "clip_norm": clip_norm}
    with pytest.raises(ValidationError):
        RunPlan.model_validate({**document, "tasks": (task, *document["tasks"][1:])})


def test_the_control_the_same_plan_unchanged_is_read() -> None:
    assert RunPlan.model_validate(make_plan().model_dump(mode="python")) == make_plan()


SEEN = {"relation": "people", "limit": 4, "keep": (0.25,), "most": (4,)}
SEEN_TWICE = {"relation": "people", "limit": 4, "keep": (0.25, 0.5), "most": (4, 2)}


def with_head(**changes: Any) -> RunPlan:
    """Return the plan with a relational head behind its encoder; ``changes`` go into the head's plan."""
    document = make_plan().model_dump(mode="python")
    first, *others = document["tasks"]
    head = {**first, "stage": "head", "relations": (SEEN,), **changes}
    return RunPlan.model_validate({**document, "tasks": (first, head, *others)})


def test_a_plan_with_a_head_comes_back_from_its_bytes() -> None:
    plan = with_head()
    assert RunPlan.model_validate_json(plan.model_dump_json()) == plan
    assert [task.name for task in plan.tasks] == ["typology", "typology.head", "links"]
    assert plan.sha256() != make_plan().sha256()


@pytest.mark.parametrize(
    "changes",
    [
        {"relations": ()}, {"stage": "encoder"}, {"relations": (SEEN_TWICE,)}, {"relations": (SEEN, SEEN)},
        {"relations": ({**SEEN, "limit": 0},)}, {"relations": ({**SEEN, "limit": 65},)},
        {"relations": ({**SEEN, "keep": (0.0,)},)}, {"relations": ({**SEEN, "keep": (1.5,)},)},
        {"relations": ({**SEEN, "keep": (float("nan"),)},)}, {"relations": ({**SEEN, "most": (0,)},)},
        {"relations": ({**SEEN, "most": (65,)},)}, {"relations": ({**SEEN, "keep": (0.5, 0.5)},)},
        {"relations": ({**SEEN, "relation": "../people"},)}, {"stage": "sage"}, {"task": "links"}, {"stage": "gate"},
    ],
)  # fmt: skip
def test_a_stage_that_cannot_be_or_cannot_be_priced_is_no_plan(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        with_head(**changes)


def test_a_rooted_sage_stands_alone_with_one_or_two_hops() -> None:
    document = make_plan().model_dump(mode="python")
    first, *others = document["tasks"]
    for relation, hops in ((SEEN, 1), (SEEN_TWICE, 2)):
        sage = {**first, "stage": "sage", "relations": (relation,)}
        plan = RunPlan.model_validate({**document, "tasks": (sage, *others)})
        assert plan.tasks[0].hops == hops
    mixed = {**first, "stage": "sage", "relations": (SEEN, {**SEEN_TWICE, "relation": "things"})}
    with pytest.raises(ValidationError):
        RunPlan.model_validate({**document, "tasks": (mixed, *others)})
