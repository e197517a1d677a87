"""What federation is worth to each country: its own model, the shared one, the shared one made its own, and the bound.

The federation runs in this process: the product's importer, curation, trainer, privacy engine with its real noise,
coordinator's step and stage C, on nine encrypted databases of one synthetic world, but without network, masks and
signatures, which change no figure (masks cancel exactly). Typology is accuracy on cases without a label, links is the
area under the curve of hidden links, roles is accuracy on suspects whose part nobody stated. ``central`` pools all
records without privacy, which nobody may do with real ones.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.poor_country import PoorCountry
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import system_clock
from safeborders.kit.logs import set_up_logs
from safeborders.models.architecture import Catalogue
from safeborders.models.defaults import ARCHITECTURES, CATALOGUE, DEFAULT_MODEL, MODEL_SEED, Model
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.models.protocol.vectors import model_to_bytes, parse_model
from safeborders.node.ingest.country_import import import_country
from safeborders.node.learning.evaluation import write_evaluation
from safeborders.node.learning.outcomes import LearningStore
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.node.storage.database import Place, Store, open_store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.sandbox.central import fit_pooled_model, predict_pooled
from safeborders.sandbox.scoring import CountryScores, load_truth, score_country
from safeborders.sandbox.world.creation import create_world
from safeborders.sandbox.world.sizes import public_sizes
from safeborders.server.federation.strategy import next_version, sum_updates, take_step
from safeborders.server.planning import RunRequest, build_plan, plan_epsilon
from safeborders.server.registry.records import ModelVersion

MODELS = ("local", "federated", "personalised", "central")
_KEY = "ab" * 32  # of databases that are made up and deleted
BAR = 0.5
"""Points that personalisation may lose against local only."""
_LABEL_POOR = 3  # the countries with the fewest labelled cases

Scores = dict[str, dict[str, dict[str, float | None]]]


@dataclass(frozen=True)
class Value:
    """What one world showed.

    Attributes:
        scores: By task, country and model; None where there was nothing to judge.
        labels: Labelled cases by country.
        epsilon: What one country's messages cost it.
        role_details: More about roles (``CountryScores.role_details``), mean over the countries.
        changes: How many guesses of local only are mended and how many spoilt, by task and country.
    """

    scores: Scores
    labels: Mapping[str, int]
    epsilon: float
    role_details: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What is measured.

    Attributes:
        preset: Size of the world.
        seed: Of the world.
        epsilon: Of one country's messages.
        model: What is trained.
        few: Labelled cases and recorded links that each of the label-poor countries has; None leaves it all it has.
    """

    preset: str = "demo"
    seed: int = 7
    epsilon: float = 8.0
    model: Model = DEFAULT_MODEL
    few: int | None = None


def measure(asked: Asked, *, folder: Path) -> Value:
    """Create the world of ``asked`` in ``folder``, an empty one, train on it and score all four models."""
    create_world(preset=asked.preset, seed=asked.seed, out=folder / "world")
    stores = {country: open_country(country, folder) for country in DEMONSTRATION}
    learning: dict[Country, LearningStore] = {c: SqlLearningStore(store.engine) for c, store in stores.items()}
    if asked.few is not None:
        counts = {one.value: int((store.load_records().case_type >= 0).sum()) for one, store in learning.items()}
        learning |= {Country(name): PoorCountry(learning[Country(name)], asked.few) for name in _poorest(counts)}
    sizes = {task: public_sizes(asked.preset, task) for task in Task}
    floor = len(DEMONSTRATION)
    request = RunRequest(epsilon=asked.epsilon, floor=floor, deadline_seconds=60.0, sizes=sizes, model=asked.model)
    plan = build_plan("benchmark", countries=DEMONSTRATION, request=request)
    trainers = {
        country: NodeTrainer(store, evaluation=folder / "home" / country.value) for country, store in learning.items()
    }
    model = train(plan, trainers)
    truth, found = load_truth(folder / "world" / "ground_truth"), {}
    records = {country: store.load_records() for country, store in learning.items()}
    pooled = fit_pooled_model(records)
    for country, trainer in trainers.items():
        trainer.activate(plan, model)
        bounded = predict_pooled(records[country], pooled)
        bound = folder / "bound" / f"{country.value}.json"
        write_evaluation(bound, learning[country].load_source_keys(), predictions=bounded)
        own = score_country(folder / "home" / country.value / f"{plan.run}.json", truth)
        found[country] = (own, score_country(bound, truth))
    labels = {country.value: int((known.case_type >= 0).sum()) for country, known in records.items()}
    for store in stores.values():
        store.close()
    return Value(
        scores=_scores(found),
        labels=labels,
        epsilon=plan_epsilon(plan, ARCHITECTURES[asked.model]),
        role_details=_mean_details([own.role_details for own, _ in found.values()]),
        changes={
            task: {country.value: own.changes[task] for country, (own, _) in found.items()}
            for task in next(iter(found.values()))[0].changes
        },
    )


def train(
    plan: RunPlan, trainers: Mapping[Country, NodeTrainer], *, catalogue: Catalogue = CATALOGUE
) -> NDArray[np.float32]:
    """Play all rounds of ``plan`` and return the model: what countries and coordinator compute."""
    architecture = catalogue.get(plan)
    start = model_to_bytes(architecture.initial_parameters(MODEL_SEED))
    version = ModelVersion(sha256_hex(start), "", plan.run, 0, start, b"")
    for _ in range(plan.rounds):
        model = parse_model(version.parameters, length=architecture.length)
        total = sum_updates(
            (trainer.update(plan, model) for trainer in trainers.values()), length=architecture.update_length
        )
        step = take_step(plan, architecture, base=version, total=total, countries=set(trainers))
        version = next_version(version, step)
    return parse_model(version.parameters, length=architecture.length)


def summary(value: Value) -> dict[str, object]:
    """Return the bars: the worst country of personalisation against its own model, and what the label-poor gain.

    ``below`` says of each country that lost more than ``BAR`` how likely chance alone would spoil as many more guesses
    than it mends (sign test, one-sided): one person is up to .75 points of a small country.
    """
    poor = _poorest(value.labels)
    gains = {task: _gains(countries) for task, countries in value.scores.items()}
    return {
        "epsilon": round(value.epsilon, 3),
        "label_poor": poor,
        "labels": dict(value.labels),
        "role_details": value.role_details,
        "below": {
            task: {one: _loss(value, task, one, points=gain) for one, gain in points.items() if gain < -BAR}
            for task, points in gains.items()
        },
        **{
            task: {
                "worst_gain_points": round(min(points.values()), 2),
                "mean_gain_points": round(float(np.mean(list(points.values()))), 2),
                "label_poor_mean_gain_points": round(float(np.mean([points[one] for one in poor if one in points])), 2),
            }
            for task, points in gains.items()
        },
    }


def _loss(value: Value, task: str, country: str, *, points: float) -> dict[str, float]:
    changes = value.changes.get(task, {}).get(country)
    if changes is None or not sum(changes):
        return {"points": round(points, 2)}
    mended, spoilt = changes
    chance = float(binomtest(spoilt, mended + spoilt, alternative="greater").pvalue)
    return {"points": round(points, 2), "mended": mended, "spoilt": spoilt, "chance": round(chance, 3)}


def _poorest(labels: Mapping[str, int]) -> list[str]:
    return sorted(labels, key=lambda country: labels[country])[:_LABEL_POOR]


def _gains(countries: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    return {
        country: 100 * (scores["personalised"] - scores["local"])
        for country, scores in countries.items()
        if scores["personalised"] is not None and scores["local"] is not None
    }


def open_country(country: Country, folder: Path) -> Store:
    """Import a country of the world in ``folder`` into an encrypted database of its own, and open it."""
    store = open_store(Place(path=folder / f"{country.value}.db", key_hex=_KEY))
    store.upgrade()
    source = folder / "world" / country.value
    import_country(store, source, country=country, now=system_clock, progress=lambda _done, _total: None)
    return store


def _scores(found: Mapping[Country, tuple[CountryScores, CountryScores]]) -> Scores:
    return {
        task.value: {
            country.value: {
                **{model: _rounded(getattr(own, task.value)[model]) for model in MODELS[:3]},
                "central": _rounded(getattr(bound, task.value)["personalised"]),
            }
            for country, (own, bound) in found.items()
        }
        for task in Task
        if all(getattr(own, task.value) for own, _ in found.values())
    }


def _mean_details(countries: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = countries[0] if countries else {}
    return {name: round(float(np.nanmean([one[name] for one in countries])), 4) for name in names}


def _rounded(score: float) -> float | None:
    return None if math.isnan(score) else round(score, 4)


def main(arguments: list[str] | None = None) -> int:
    """Measure one world; print JSON of all scores, or a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="demo", choices=["tiny", "demo", "bench"])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--epsilon", type=float, default=8.0, help="of one country's messages")
    parser.add_argument("--model", default=DEFAULT_MODEL.value, choices=list(Model), help="what is trained")
    parser.add_argument(
        "--few", type=int, metavar="N", help="leave the label-poor countries N labelled cases and N recorded links"
    )
    parser.add_argument("--json", action="store_true", help="print only the JSON line")
    options = parser.parse_args(arguments)
    set_up_logs()
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(options.preset, options.seed, options.epsilon, Model(options.model), options.few)
        value = measure(asked, folder=Path(folder))
    if options.json:
        sys.stdout.write(json.dumps(value.scores) + "\n")
        sys.stderr.write(json.dumps(summary(value)) + "\n")
        return 0
    for task, countries in value.scores.items():
        sys.stdout.write(f"{task:10} {'  '.join(f'{model:>12}' for model in MODELS)}\n")
        for country, scores in countries.items():
            cells = (f"{scores[model]:12.3f}" if scores[model] is not None else " " * 12 for model in MODELS)
            sys.stdout.write(f"{country:10} {'  '.join(cells)}\n")
    sys.stdout.write(json.dumps(summary(value)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
