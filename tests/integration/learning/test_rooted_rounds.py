"""A run with stage B in a node: priced from the signed plan, charged before noise exists, refused where it must be."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from safeborders.models.architecture import Architecture, UnknownModel
from safeborders.models.defaults import ARCHITECTURES, CATALOGUE, DELTA, Model
from safeborders.models.domain.countries import Country
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.messages import Kind
from safeborders.models.protocol.plan import RunPlan, Stage, Task
from safeborders.models.protocol.vectors import model_to_bytes, parse_model, parse_update
from safeborders.node.learning.policy import InstalledModel, PolicyDenied
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.events import Event
from safeborders.privacy.ledger import PrivacyLedger
from safeborders.privacy.pricing import run_events
from safeborders.privacy.relational import RootedGaussian
from safeborders.server.federation.strategy import next_version, take_step
from safeborders.server.planning import initial_model
from sbtest.linked_country import linked_country
from sbtest.rounds import Node, NoiseTrainer, make_message
from sbtest.small_country import InMemoryLearningStore
from sbtest.task_plans import tiny_task_plans

COUNTRIES = (Country.GR, Country.IT, Country.RO)
INSTALLED = InstalledModel(catalogue=CATALOGUE, features_sha256=SPECIFICATION.sha256())


def make_plan(model: Model = Model.RELATIONAL, *, noise: float | None = None, rounds: int = 3) -> RunPlan:
    tasks = tiny_task_plans(model)
    if noise is not None:
        sizes = {country.value: 30 for country in COUNTRIES}
        tasks = tuple(task.model_copy(update={"noise_multiplier": noise, "public_sizes": sizes}) for task in tasks)
    return RunPlan(
        federation="demo",
        run="run-1",
        purpose="P1",
        rounds=rounds,
        tasks=tasks,
        delta=DELTA,
        architecture_sha256=ARCHITECTURES[model].sha256(),
        features_sha256=SPECIFICATION.sha256(),
        participants=COUNTRIES,
        floor=2,
        deadline_seconds=60.0,
    )


@dataclass
class RealTrainer(NoiseTrainer):
    """The node's own trainer on a small country, which notes what was charged when it was asked for an update."""

    store: InMemoryLearningStore = field(default_factory=lambda: InMemoryLearningStore(linked_country(1)))
    ledger: PrivacyLedger | None = None
    charged: list[tuple[Event, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.real = NodeTrainer(self.store)

    def prepare(self, plan: RunPlan) -> None:
        self.real.prepare(plan)

    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        assert self.ledger is not None
        self.charged.append(self.ledger.spent_events())
        self.updates.append(self.real.update(plan, model))
        return self.updates[-1]

    def activate(self, plan: RunPlan, model: NDArray[np.float32]) -> None:
        self.real.activate(plan, model)


def make_node() -> tuple[Node, RealTrainer]:
    trainer = RealTrainer()
    node = Node(trainer=trainer, installed=INSTALLED)
    trainer.ledger = node.ledger
    return node, trainer


@pytest.mark.parametrize("model", list(Model))
def test_every_model_is_charged_by_the_nodes_own_arithmetic_before_it_is_trained(model: Model) -> None:
    node, trainer = make_node()
    plan, content = make_plan(model), model_to_bytes(ARCHITECTURES[model].initial_parameters(7))
    reply = node.service.answer(make_message(plan, model=content))
    update = parse_update(reply.payload, length=ARCHITECTURES[model].update_length, bound=2**40)
    assert np.array_equal(update, trainer.updates[0])
    wanted = run_events(plan, ARCHITECTURES[model], rounds=1)
    (charged,) = trainer.charged  # what stood in the ledger when the update was asked for
    assert set(charged) == set(wanted)
    assert node.ledger.spent_epsilon() == pytest.approx(epsilon(wanted, delta=DELTA))
    seen = [event for event in charged if isinstance(event, RootedGaussian) and event.relations]
    assert bool(seen) == (model not in (Model.ENCODER, Model.NO_ROLES))


def test_control_the_price_without_neighbours_would_be_lower() -> None:
    plan = make_plan()
    events = run_events(plan, ARCHITECTURES[Model.RELATIONAL], rounds=3)
    blind = [RootedGaussian(**{**vars(event), "relations": ()}) for event in events]
    assert epsilon(blind, delta=DELTA) < epsilon(events, delta=DELTA)


@pytest.mark.parametrize(
    "seen",
    [
        {"relation": "strangers"},  # a relation that the model does not have
        {"limit": 64, "keep": (1.0,), "most": (64,)},  # beyond this country's epsilon
    ],
)
def test_a_head_that_cannot_be_priced_or_paid_is_refused_and_nothing_is_computed(seen: dict[str, object]) -> None:
    node, trainer = make_node()
    plan = make_plan(rounds=30)
    encoder, head, *others = plan.tasks
    relations = (head.relations[0].model_copy(update=seen), *head.relations[1:])
    changed = plan.model_copy(update={"tasks": (encoder, head.model_copy(update={"relations": relations}), *others)})
    content = model_to_bytes(ARCHITECTURES[Model.RELATIONAL].initial_parameters(7))
    with pytest.raises((PolicyDenied, UnknownModel)):
        node.service.answer(make_message(changed, model=content))
    assert (trainer.updates, node.ledger.list_entries()) == ([], [])


def test_a_run_of_three_countries_with_a_head_teaches_what_neighbours_say_and_ends_in_hypotheses() -> None:
    plan, architecture = make_plan(noise=0.05, rounds=12), ARCHITECTURES[Model.RELATIONAL]
    stores = {country: InMemoryLearningStore(linked_country(seed, rings=12)) for seed, country in enumerate(COUNTRIES)}
    trainers = {country: NodeTrainer(store) for country, store in stores.items()}
    version = initial_model(plan)
    for _ in range(plan.rounds):
        model = parse_model(version.parameters, length=architecture.length)
        total = np.sum([trainer.update(plan, model) for trainer in trainers.values()], axis=0)
        step = take_step(plan, architecture, base=version, total=total, countries=set(trainers))
        version = next_version(version, step)
    model = parse_model(version.parameters, length=architecture.length)
    assert np.abs(head_of(model, architecture)).max() > 0.05
    for country, trainer in trainers.items():
        trainer.activate(plan, model)
        assert stores[country].cases
    words = {reason.text for store in stores.values() for case in store.cases for reason in case.reasons}
    assert any("linked cases" in text for text in words)


def head_of(model: NDArray[np.float32], architecture: Architecture) -> NDArray[np.float32]:
    return next(model[places] for task, places, _ in architecture.spans if task.stage is Stage.HEAD)


def test_the_final_model_of_a_run_with_a_head_is_taken_into_use() -> None:
    node, trainer = make_node()
    content = model_to_bytes(ARCHITECTURES[Model.RELATIONAL].initial_parameters(7))
    node.service.answer(make_message(make_plan(), model=content))
    node.service.answer(make_message(make_plan(), kind=Kind.ACTIVATE, round_number=3, sequence=9, model=content))
    assert trainer.store.cases
    assert Task.TYPOLOGY in {task.task for task in make_plan().tasks}
