"""Train the federated scorer of links as a run does: nine countries' trainers, the default plan, one model.

The countries hold generated networks (``covert``) and no case, so that the plan has the link task alone. Curation,
engine, noise and the coordinator's step are the product's; one country's messages keep ``EPSILON`` at the plan's delta.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import nn

from benchmarks.federation_value import train
from benchmarks.link_prediction.covert import covert_country
from benchmarks.link_prediction.records import RecordsAlone, records_of
from safeborders.kit.canonical import document_sha256
from safeborders.models.architecture import Architecture, Catalogue
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.gnn.networks import build_networks
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan, Stage, Task, TaskPlan
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.node.learning.training_parts import attributed, task_examples
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.pricing import run_events
from safeborders.server.planning import RunRequest, build_plan, plan_epsilon

EPSILON = 4.0
NETWORKS = 60
LINKS_ALONE = Architecture(tuple(task for task in ARCHITECTURE.tasks if task.task is Task.LINKS))
_CATALOGUE = Catalogue((LINKS_ALONE,))


@dataclass(frozen=True)
class Prior:
    """A released scorer with the record of its release.

    Attributes:
        flat: The parameters of the link task.
        epsilon: Of each country's messages for the whole training, at ``delta``.
        delta: Its delta.
        examples_per_person: Of the plan.
        inputs_sha256: Of the inputs that it reads.
        trained_on: The command that made it.
    """

    flat: tuple[float, ...]
    epsilon: float
    delta: float
    examples_per_person: int
    inputs_sha256: str
    trained_on: str

    @property
    def module(self) -> nn.Module:
        """The scorer as a node builds it."""
        return build_networks(LINKS_ALONE, np.array(self.flat, dtype=np.float32)).get(Task.LINKS, Stage.ENCODER)

    def save(self, path: Path) -> None:
        """Write the scorer and its record as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def load_prior(path: Path) -> Prior:
    """Read what ``Prior.save`` wrote.

    Raises:
        ValueError: If it reads other inputs than this version's.
    """
    stored = json.loads(path.read_text(encoding="utf-8"))
    prior = Prior(**{**stored, "flat": tuple(stored["flat"])})
    if prior.inputs_sha256 != inputs_sha256():
        raise ValueError(f"{path.name} reads the inputs of another version: train it again with --train-prior.")
    return prior


def inputs_sha256() -> str:
    """Return the hash of the link task's inputs alone: another task's new inputs leave a scorer of links as it is."""
    return document_sha256({"links": [asdict(feature) for feature in SPECIFICATION.links]})


def covert_countries(*, seed: int) -> dict[Country, Records]:
    """Return the networks of all countries; none is one that the benchmark scores."""
    return {
        country: records_of(covert_country(NETWORKS, seed=seed + number))
        for number, country in enumerate(DEMONSTRATION)
    }


def train_prior(countries: Mapping[Country, Records], *, trained_on: str) -> Prior:
    """Play a whole run over ``countries`` and return what it releases."""
    plan = links_plan(countries)
    trainers = {
        country: NodeTrainer(RecordsAlone(records), catalogue=_CATALOGUE) for country, records in countries.items()
    }
    model = train(plan, trainers, catalogue=_CATALOGUE)
    return Prior(
        flat=tuple(float(value) for value in model),
        epsilon=round(plan_epsilon(plan, LINKS_ALONE), 4),
        delta=plan.delta,
        examples_per_person=plan.tasks[0].examples_per_person,
        inputs_sha256=inputs_sha256(),
        trained_on=trained_on,
    )


def links_plan(countries: Mapping[Country, Records]) -> RunPlan:
    """Return the default plan of the link task with the noise for ``EPSILON``.

    A country declares how many examples it has to one figure, as a public guess would.
    """
    request = RunRequest(epsilon=EPSILON, floor=len(countries), deadline_seconds=60.0)
    usual = build_plan("benchmark", countries=tuple(countries), request=request)
    (task,) = (task for task in usual.tasks if task.task is Task.LINKS)
    sizes = {
        country.value: int(float(f"{max(1, _count_examples(records, task)):.0e}"))
        for country, records in countries.items()
    }

    def with_noise(noise: float) -> RunPlan:
        noised = task.model_copy(update={"noise_multiplier": noise, "public_sizes": sizes})
        return usual.model_copy(update={"tasks": (noised,), "architecture_sha256": LINKS_ALONE.sha256()})

    noise = noise_multiplier_for(
        lambda tried: run_events(with_noise(tried), LINKS_ALONE, rounds=usual.rounds),
        target_epsilon=EPSILON,
        delta=usual.delta,
    )
    return with_noise(noise)


def _count_examples(records: Records, plan: TaskPlan) -> int:
    known = task_examples(records, build_person_graph(records), task=plan.task)
    return attributed(known, limit=plan.examples_per_person).count
