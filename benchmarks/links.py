"""How well missing links are found: ours as a node serves it, the published stack, every heuristic, on one network.

``--edges``: a tenth of the linked pairs is hidden, eight times. ``--world``: the links that no import file of a world
holds, country by country. Each method ranks the hidden pairs among strangers (auc_random) and among unlinked pairs with
a common neighbour (auc_hard, ap_hard). Ours is what a node serves (``fit_links``), with the released scorer of a run at
epsilon 4 as prior: for ``--world`` of that world's nine countries, for ``--edges`` of nine countries of generated
networks (``link_prediction/prior.json``, made by ``--train-prior``). With ``--actors`` the world's countries are cut
into networks of so many actors that join late: the prior of each is that of the eight other countries, and ``worth`` is
what it adds.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.link_prediction.edges import load_edges
from benchmarks.link_prediction.newcomers import draw_newcomers
from benchmarks.link_prediction.prior_training import Prior, covert_countries, load_prior, train_prior
from benchmarks.link_prediction.published import stack_scores
from benchmarks.link_prediction.records import records_of
from benchmarks.link_prediction.worlds import HiddenWorld, load_world
from safeborders.kit.logs import set_up_logs
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.graph.ties import Ties
from safeborders.node.graph.topology import PUBLISHED, Floats, topological_predictors
from safeborders.node.learning.hiding import Hidden, hide
from safeborders.node.learning.link_predictions import fit_links
from safeborders.node.learning.scores import area_under_curve

SEEDS = 8
PRIOR = Path(__file__).parent / "link_prediction" / "prior.json"
Row = dict[str, object]
Measures = tuple[float, float, float]
NEWCOMERS = 6
"""Networks that are cut out of each country (``--actors``)."""
MEASURES = ("auc_random", "auc_hard", "ap_hard")


def score_all(hidden: Hidden, records: Records, *, prior: Prior, seed: int) -> Mapping[str, Floats]:
    """Return each method's scores of hidden pairs, strangers and near misses, in this order."""
    pairs = np.concatenate([hidden.positives, hidden.strangers, hidden.near])
    ends = pairs[:, 0], pairs[:, 1]
    columns = topological_predictors(hidden.observed.network, ends, names=PUBLISHED)
    ours = fit_links(
        records, build_person_graph(records), module=prior.module, examples_per_person=prior.examples_per_person
    ).score(ends)
    return {
        "ours": ours.scores["personalised"],
        "ours_without_prior": ours.scores["local"],
        "prior_alone": ours.scores["federated"],
        **stack_scores(hidden.observed, ends, seed=seed),
        **dict(zip(PUBLISHED, columns.T, strict=True)),
    }


def measure(ties: Ties, prior: Prior, *, seeds: int) -> list[Row]:
    """Return one row per method: means over the draws of hidden links."""
    found: list[Mapping[str, Measures]] = []
    for seed in range(seeds):
        hidden = hide(ties, np.random.default_rng(seed))
        found.append(_judge(hidden, records_of(hidden.observed), prior=prior, seed=seed))
    return _means(found)


def measure_world(preset: str, *, seed: int) -> dict[str, object]:
    """Return rows per country and their means; the prior is trained on the same world's countries."""
    worlds = _load(preset, seed=seed)
    command = f"python -m benchmarks.links --world {preset} --seed {seed}"
    prior = train_prior({world.country: world.records for world in worlds}, trained_on=command)
    found = {one.country.value: _judge(one.hidden, one.records, prior=prior, seed=seed) for one in worlds}
    return {
        "world": preset,
        "seed": seed,
        "epsilon": prior.epsilon,
        "results": _means(list(found.values())),
        "countries": {country: _means([measures]) for country, measures in found.items()},
    }


def measure_newcomers(preset: str, *, seed: int, actors: int) -> dict[str, object]:
    """Return means over networks of ``actors`` that join late, and what the prior of the other countries is worth."""
    worlds = _load(preset, seed=seed)
    command = f"python -m benchmarks.links --world {preset} --seed {seed} --actors {actors}"
    found, links = [], []
    for world in worlds:
        prior = train_prior({o.country: o.records for o in worlds if o is not world}, trained_on=command)
        for number, one in enumerate(draw_newcomers(world, actors=actors, networks=NEWCOMERS, seed=seed)):
            found.append(_judge(one.hidden, one.records, prior=prior, seed=number))
            links.append(len(np.unique(one.hidden.observed.codes)))
    if not found:
        raise SystemExit(f"No country of {preset} has a network of {actors} actors: ask for fewer.")
    return {
        "world": preset,
        "seed": seed,
        "actors": actors,
        "networks": len(found),
        "links": round(float(np.mean(links)), 1),
        "worth": _worth(found),
        "results": _means(found),
    }


def _load(preset: str, *, seed: int) -> list[HiddenWorld]:
    with tempfile.TemporaryDirectory() as folder:
        return list(load_world(preset, seed=seed, folder=Path(folder)))


def _judge(hidden: Hidden, records: Records, *, prior: Prior, seed: int) -> Mapping[str, Measures]:
    """Return how well each method does."""
    scores = score_all(hidden, records, prior=prior, seed=seed)
    return {name: _measures(hidden, scored) for name, scored in scores.items()}


def _worth(found: Sequence[Mapping[str, Measures]]) -> dict[str, dict[str, float]]:
    """Return by measure what ours gains by its prior, and the standard error of that."""
    gains = np.array([np.subtract(one["ours"], one["ours_without_prior"]) for one in found])
    errors = gains.std(axis=0, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.full(len(MEASURES), np.nan)
    return {
        measure: {"gain": round(float(gain), 4), "error": round(float(error), 4)}
        for measure, gain, error in zip(MEASURES, gains.mean(axis=0), errors, strict=True)
    }


def _means(found: Sequence[Mapping[str, Measures]]) -> list[Row]:
    return [
        {
            "method": name,
            **{
                measure: round(float(np.mean([measures[name][place] for measures in found])), 4)
                for place, measure in enumerate(MEASURES)
            },
        }
        for name in found[0]
    ]


def _measures(hidden: Hidden, scores: Floats) -> Measures:
    true, strangers = len(hidden.positives), len(hidden.strangers)
    easy = scores[: true + strangers]
    hard = np.concatenate([scores[:true], scores[true + strangers :]])
    labels = [(np.arange(len(part)) < true).astype(np.int64) for part in (easy, hard)]
    precision = float(average_precision_score(labels[1], hard)) if 0 < true < len(hard) else float("nan")
    return area_under_curve(easy, labels[0]), area_under_curve(hard, labels[1]), precision


def main() -> None:
    """Measure and print tables, or with ``--json`` one JSON object; or train the prior."""
    parser = argparse.ArgumentParser(description=__doc__)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--edges", type=Path, help="CSV with src, dst and optionally layer, time")
    wanted.add_argument("--world", choices=["tiny", "demo", "bench"], help="hidden links of a synthetic world instead")
    wanted.add_argument("--train-prior", type=Path, metavar="FILE", help="train the federated scorer and write it")
    parser.add_argument("--seed", type=int, default=7, help="of the synthetic world (--world)")
    parser.add_argument("--actors", type=int, help="cut the world's countries into networks of so many actors")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="draws of hidden links (--edges)")
    parser.add_argument("--prior-seed", type=int, default=100, help="of the networks of --train-prior")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    if options.actors is not None and (options.actors < 3 or not options.world):
        parser.error("--actors needs --world and a number from 3 on.")
    if options.train_prior:
        command = f"python -m benchmarks.links --train-prior FILE --prior-seed {options.prior_seed}"
        train_prior(covert_countries(seed=options.prior_seed), trained_on=command).save(options.train_prior)
        return
    if options.world:
        set_up_logs()
        found = (
            measure_newcomers(options.world, seed=options.seed, actors=options.actors)
            if options.actors
            else measure_world(options.world, seed=options.seed)
        )
    else:
        results = measure(load_edges(options.edges), load_prior(PRIOR), seeds=options.seeds)
        found = {"edges": options.edges.name, "results": results}
    if options.json:
        print(json.dumps(found))
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    countries = found.get("countries", {})
    for part, rows in {"mean" if countries else "method": found["results"], **countries}.items():
        print(f"{part:20} {'random':>8} {'hard':>8} {'AP hard':>8}")
        for row in rows:
            print(f"{row['method']:20} {row['auc_random']:8.3f} {row['auc_hard']:8.3f} {row['ap_hard']:8.3f}")
    if worth := found.get("worth"):
        cells = (f"{worth[measure]['gain']:+.4f} ± {worth[measure]['error']:.4f}" for measure in MEASURES)
        print(f"The prior adds, {found['networks']} networks, {found['links']} links each: {', '.join(cells)}")


if __name__ == "__main__":
    main()
