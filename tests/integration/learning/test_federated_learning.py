"""Several countries learn together, in one process but through the real trainer and the real coordinator's step."""

import numpy as np
import pytest
from numpy.typing import NDArray

from safeborders.models.defaults import ARCHITECTURE, DELTA
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.gnn.networks import build_networks
from safeborders.models.gnn.perceptron import logits_of
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan, Stage, Task, TaskPlan
from safeborders.models.protocol.vectors import parse_model
from safeborders.node.learning.examples import case_inputs
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.server.federation.strategy import next_version, take_step
from safeborders.server.planning import initial_model
from sbtest.small_country import InMemoryLearningStore, small_country
from sbtest.task_plans import tiny_task_plans

COUNTRIES = DEMONSTRATION[:4]


def plan_with(*, noise: float, rounds: int) -> RunPlan:
    def loud(task: TaskPlan) -> TaskPlan:
        sizes = {country.value: 40 for country in COUNTRIES}
        return task.model_copy(update={"noise_multiplier": noise, "public_sizes": sizes})

    return RunPlan(
        federation="test",
        run="run-1",
        purpose="P1",
        rounds=rounds,
        tasks=tuple(map(loud, tiny_task_plans())),
        delta=DELTA,
        architecture_sha256=ARCHITECTURE.sha256(),
        features_sha256=SPECIFICATION.sha256(),
        participants=COUNTRIES,
        floor=2,
        deadline_seconds=10.0,
    )


def run_together(trainers: dict[Country, NodeTrainer], plan: RunPlan) -> NDArray[np.float32]:
    version = initial_model(plan)
    for _ in range(plan.rounds):
        model = parse_model(version.parameters, length=ARCHITECTURE.length)
        total = np.sum([trainer.update(plan, model) for trainer in trainers.values()], axis=0)
        version = next_version(
            version, take_step(plan, ARCHITECTURE, base=version, total=total, countries=set(trainers))
        )
    return parse_model(version.parameters, length=ARCHITECTURE.length)


def accuracy_of(model: NDArray[np.float32]) -> float:
    unseen = small_country(99, groups=60, labelled=1.0)
    module = build_networks(ARCHITECTURE, model).get(Task.TYPOLOGY, Stage.ENCODER)
    return float((logits_of(module, case_inputs(unseen)).argmax(axis=1) == unseen.case_type).mean())


@pytest.fixture(scope="module")
def trainers() -> dict[Country, NodeTrainer]:
    return {
        country: NodeTrainer(InMemoryLearningStore(small_country(seed, groups=40, labelled=1.0)))
        for seed, country in enumerate(COUNTRIES)
    }


def test_rounds_teach_the_model_what_no_country_was_asked_to_send(trainers: dict[Country, NodeTrainer]) -> None:
    assert accuracy_of(run_together(trainers, plan_with(noise=0.5, rounds=12))) > 0.6


def test_the_control_with_overwhelming_noise_learns_nothing(trainers: dict[Country, NodeTrainer]) -> None:
    assert accuracy_of(run_together(trainers, plan_with(noise=500.0, rounds=12))) < 0.45


def test_the_released_model_scores_links_of_a_country_that_took_no_part(trainers: dict[Country, NodeTrainer]) -> None:
    model = run_together(trainers, plan_with(noise=1.0, rounds=12))
    store = InMemoryLearningStore(small_country(77, groups=20))
    NodeTrainer(store).activate(plan_with(noise=1.0, rounds=12), model)
    strong = store.links[:20]
    assert len(strong) == 20
    same_group = [int(link.first_id[1:]) // 5 == int(link.second_id[1:]) // 5 for link in strong]
    assert np.mean(same_group) > 0.9
