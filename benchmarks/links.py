"""How well missing links are found: ours as a node serves it, the published stack, every heuristic, on one network.

A tenth of the linked pairs is hidden, eight times. Each method ranks the hidden pairs among strangers (auc_random) and
among unlinked pairs with a common neighbour (auc_hard, ap_hard). Ours is what a node serves (``fit_links``), with the
released scorer of a run at epsilon 4 on generated networks; ``--train-prior FILE`` made ``link_prediction/prior.json``.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.link_prediction.edges import load_edges
from benchmarks.link_prediction.prior_training import Prior, covert_countries, load_prior, train_prior
from benchmarks.link_prediction.published import STACK, stack_scores
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.ties import Ties
from safeborders.node.graph.topology import Floats, topological_predictors
from safeborders.node.learning.hiding import Hidden, hide
from safeborders.node.learning.link_predictions import fit_links
from safeborders.node.learning.scores import area_under_curve

SEEDS = 8
PRIOR = Path(__file__).parent / "link_prediction" / "prior.json"
MEASURES = ("auc_random", "auc_hard", "ap_hard")


def score_all(hidden: Hidden, prior: Prior, *, seed: int) -> Mapping[str, Floats]:
    """Return each method's scores of hidden pairs, strangers and near misses, in this order."""
    pairs = np.concatenate([hidden.positives, hidden.strangers, hidden.near])
    ends = pairs[:, 0], pairs[:, 1]
    columns = topological_predictors(hidden.observed.network, ends, names=STACK)
    records = records_of(hidden.observed)
    ours = fit_links(
        records, build_person_graph(records), module=prior.module, examples_per_person=prior.examples_per_person
    ).score(ends)
    return {
        "ours": ours.scores["personalised"],
        "ours_without_prior": ours.scores["local"],
        "prior_alone": ours.scores["federated"],
        **stack_scores(hidden.observed, ends, seed=seed),
        **dict(zip(STACK, columns.T, strict=True)),
    }


def measure(ties: Ties, prior: Prior, *, seeds: int) -> list[dict[str, object]]:
    """Return one row per method: means over the draws of hidden links."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        hidden = hide(ties, np.random.default_rng(seed))
        for name, scores in score_all(hidden, prior, seed=seed).items():
            found.setdefault(name, []).append(_measures(hidden, scores))
    return [
        {
            "method": name,
            **{
                key: round(float(np.mean(column)), 4)
                for key, column in zip(MEASURES, zip(*rows, strict=True), strict=True)
            },
        }
        for name, rows in found.items()
    ]


def _measures(hidden: Hidden, scores: Floats) -> tuple[float, float, float]:
    true, strangers = len(hidden.positives), len(hidden.strangers)
    easy = scores[: true + strangers]
    hard = np.concatenate([scores[:true], scores[true + strangers :]])
    labels = [(np.arange(len(part)) < true).astype(np.int64) for part in (easy, hard)]
    precision = float(average_precision_score(labels[1], hard)) if 0 < true < len(hard) else float("nan")
    return area_under_curve(easy, labels[0]), area_under_curve(hard, labels[1]), precision


def main() -> None:
    """Measure and print one JSON object as the last line, or train the prior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=Path, help="CSV with src, dst and optionally layer, time")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="draws of hidden links")
    parser.add_argument("--train-prior", type=Path, metavar="FILE", help="train the federated scorer and write it")
    parser.add_argument("--prior-seed", type=int, default=100, help="of the networks that the scorer learns from")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    if options.train_prior:
        command = f"python -m benchmarks.links --train-prior FILE --prior-seed {options.prior_seed}"
        train_prior(covert_countries(seed=options.prior_seed), trained_on=command).save(options.train_prior)
        return
    if options.edges is None:
        parser.error("--edges is needed, or --train-prior")
    results = measure(load_edges(options.edges), load_prior(PRIOR), seeds=options.seeds)
    if not options.json:
        print(f"{'method':20} {'random':>8} {'hard':>8} {'AP hard':>8}")
        for row in results:
            print(f"{row['method']:20} {row['auc_random']:8.3f} {row['auc_hard']:8.3f} {row['ap_hard']:8.3f}")
    print(json.dumps({"edges": options.edges.name, "results": results}))


if __name__ == "__main__":
    main()
