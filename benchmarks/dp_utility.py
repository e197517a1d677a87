"""Accuracy under privacy: ours, the methods that others publish, and no privacy, on one graph in one run.

Each method keeps (epsilon, 1e-5) for the deletion of a person of the curated graph, by the product's accountant, with
the product's integer noise. Ours: stages A and B train privately, stage C infers at home and sees the validation labels
(never a training label). ``--stress neighbours`` replaces features and labels by ones that only neighbours know.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.utility.baselines import dp_mlp, dp_mlp_words, gap, nonprivate_sage, rooted_sage
from benchmarks.utility.graph_file import BenchmarkGraph, load_benchmark_graph, with_neighbour_labels
from benchmarks.utility.ours import train_ours

Logits = NDArray[np.float64]

BASELINES: Mapping[str, Callable[..., Logits]] = {"dp_mlp": dp_mlp, "gap": gap, "rooted_sage": rooted_sage}
METHODS = ("ours", *BASELINES, "nonprivate_sage")
DETAILS = ("ours_encoder_only", "ours_without_gate", "dp_mlp_words")
"""Rows of ``--details``: stage A alone; A and C without B; a perceptron with the same inputs as ours (slow)."""


def run_method(graph: BenchmarkGraph, method: str, *, epsilon: float) -> dict[str, Logits]:
    """Return the logits of one method by name of row; ours brings its parts along."""
    if method == "ours":
        model = train_ours(graph, epsilon=epsilon)
        return {
            "ours": model.gated.logits,
            "ours_encoder_only": model.encoder,
            "ours_without_gate": model.gated.without_head,
        }
    return {method: (dp_mlp_words if method == "dp_mlp_words" else BASELINES[method])(graph, epsilon=epsilon)}


def measure(path: Path, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield one row per method and epsilon: mean and standard deviation of the test accuracy, in percent."""
    found: dict[tuple[str, float | None], list[float]] = {}
    methods = ["ours", *BASELINES, *(["dp_mlp_words"] if options.details else [])]
    for seed in range(options.seeds):  # one graph in memory at a time
        graph = load_benchmark_graph(path, seed=seed)
        if options.stress:
            graph = with_neighbour_labels(graph)
        for epsilon, method in product(options.epsilon, methods):
            for name, logits in run_method(graph, method, epsilon=epsilon).items():
                found.setdefault((name, epsilon), []).append(_accuracy(graph, logits))
        found.setdefault(("nonprivate_sage", None), []).append(_accuracy(graph, nonprivate_sage(graph)))
    wanted = (*METHODS, *DETAILS) if options.details else METHODS
    order = sorted((epsilon or np.inf, wanted.index(name)) for name, epsilon in found if name in wanted)
    for limit, place in order:
        bound = None if limit == np.inf else limit
        yield _row(wanted[place], bound, found[wanted[place], bound])


def _accuracy(graph: BenchmarkGraph, logits: Logits) -> float:
    return 100 * float((logits[graph.test].argmax(axis=1) == graph.labels[graph.test]).mean())


def _row(method: str, epsilon: float | None, values: list[float]) -> dict[str, object]:
    return {
        "method": method,
        "epsilon": epsilon,
        "mean": round(float(np.mean(values)), 2),
        "std": round(float(np.std(values)), 2),
    }


def main() -> None:
    """Measure all methods and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", type=Path, required=True, help="a file in the form of facebook_pages.npz")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1.0, 4.0, 8.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--stress", choices=["neighbours"], help="labels that only neighbours know")
    parser.add_argument("--details", action="store_true", help="add the parts of ours and a slow perceptron")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for row in measure(options.graph, options):
        results.append(row)
        if not options.json:
            at = "without privacy" if row["epsilon"] is None else f"epsilon {row['epsilon']:g}"
            print(f"{row['method']:18} {at:16} {row['mean']:6.2f} ± {row['std']:.2f} %", flush=True)
    print(json.dumps({"graph": options.graph.name, "stress": options.stress, "results": results}))


if __name__ == "__main__":
    main()
