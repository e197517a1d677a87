"""Plans: what is asked for is what it costs, rounded to the private side."""

import pytest

from safeborders.kit.errors import SettingsError
from safeborders.models.defaults import ARCHITECTURE, ARCHITECTURES, Model
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.server.planning import RunRequest, build_plan, initial_model, parse_model_name, plan_epsilon


def planned(epsilon: float, *, rounds: int | None = None, sizes: dict[Task, dict[str, int]] | None = None) -> RunPlan:
    request = RunRequest(epsilon=epsilon, rounds=rounds, floor=3, deadline_seconds=30.0, sizes=sizes or {})
    return build_plan("test", countries=DEMONSTRATION, request=request)


@pytest.mark.parametrize(("epsilon", "rounds"), [(8.0, None), (4.0, None), (1.0, 10), (2.0, 60)])
def test_a_plan_costs_at_most_what_was_asked_and_nearly_all_of_it(epsilon: float, rounds: int | None) -> None:
    cost = plan_epsilon(planned(epsilon, rounds=rounds), ARCHITECTURE)
    assert 0.94 * epsilon < cost <= epsilon


def test_an_epsilon_that_no_noise_reaches_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="fewer rounds"):
        planned(1e-7, rounds=1000)


def test_declared_sizes_travel_in_the_plan_and_scale_nothing_private() -> None:
    with_sizes = planned(8.0, sizes={Task.TYPOLOGY: {"ro": 240}})
    without = planned(8.0)
    assert with_sizes.tasks[0].public_sizes["ro"] == 240
    assert with_sizes.tasks[0].noise_multiplier == without.tasks[0].noise_multiplier


@pytest.mark.parametrize(("size", "delta"), [(240, 1e-5), (9_999, 1e-5), (10_000, 1e-6), (1_150_000, 1e-8)])
def test_delta_is_below_a_tenth_of_one_in_the_persons_of_the_largest_country(size: int, delta: float) -> None:
    plan = planned(8.0, sizes={Task.LINKS: {"ro": size}})
    assert plan.delta == delta
    assert all(plan.fits_size_of(country.value) for country in plan.participants)
    assert not plan.model_copy(update={"delta": delta * 100}).fits_size_of("ro")  # control
    assert 7.5 < plan_epsilon(plan, ARCHITECTURE) <= 8.0


def test_two_runs_start_from_the_same_public_model() -> None:
    assert initial_model(planned(8.0)).sha256 == initial_model(planned(4.0)).sha256


def test_roles_can_be_left_out_and_cost_the_others_little() -> None:
    request = RunRequest(epsilon=8.0, floor=3, deadline_seconds=30.0, model=parse_model_name("no-roles"))
    without = build_plan("test", countries=DEMONSTRATION, request=request)
    assert [task.name for task in without.tasks] == ["typology", "links"]
    assert [task.name for task in planned(8.0).tasks] == ["typology", "links", "roles"]
    assert 1 < planned(8.0).tasks[0].noise_multiplier / without.tasks[0].noise_multiplier < 1.03


def test_a_plan_with_a_head_spends_the_same_epsilon_over_four_networks() -> None:
    request = RunRequest(epsilon=8.0, floor=3, deadline_seconds=30.0, model=parse_model_name("relational"))
    plan = build_plan("test", countries=DEMONSTRATION, request=request)
    assert [task.name for task in plan.tasks] == ["typology", "typology.head", "links", "roles"]
    assert 0.94 * 8 < plan_epsilon(plan, ARCHITECTURES[Model.RELATIONAL]) <= 8
    assert initial_model(plan).sha256 != initial_model(planned(8.0)).sha256
    with pytest.raises(SettingsError, match="--model"):
        parse_model_name("transformer")
