"""Plans: what no country should ever have to judge is refused when it is read."""

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
