"""A node with a million persons: build the curated graph, and one full private pass of stage A (q = 1) over everybody.

Three sizes, each in a process of its own so that its peak of memory is its own: the graph lies in memory-mapped arrays
and so do the inputs, which are as many as the product's. ``slope`` is the exponent of the pass's time over the size: 1
is linear.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.graph.csr import CuratedGraph, build_relation, load_graph, save_graph
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.private_training import PrivateStep, private_pass

RELATIONS, LINKS = ("phone", "case"), 16
DEGREE = 4  # undirected links of a person and relation, on average
KIB = 1024


def build(folder: Path, *, persons: int) -> None:
    """Curate random links of each relation and write them."""
    generator = np.random.default_rng(1)
    relations = {}
    for name in RELATIONS:
        pairs = generator.integers(0, persons, (persons * DEGREE, 2))
        keys = np.unique(np.minimum(pairs[:, 0], pairs[:, 1]) * persons + np.maximum(pairs[:, 0], pairs[:, 1]))
        pairs = np.stack([keys // persons, keys % persons], axis=1)
        attributes = np.zeros((len(pairs), 2), dtype=np.float32)
        ranks = generator.integers(0, 2**63, len(pairs)).astype(np.uint64)
        relations[name] = build_relation(pairs, attributes, count=persons, limit=LINKS, ranks=ranks)
    save_graph(folder, CuratedGraph(relations))


def write_inputs(path: Path, *, persons: int, width: int) -> NDArray[np.float32]:
    """Return memory-mapped inputs of everybody."""
    generator = np.random.default_rng(2)
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(persons, width))
    for start in range(0, persons, 100_000):
        part = rows[start : start + 100_000]
        part[:] = generator.standard_normal(part.shape, dtype=np.float32)
    return rows


def measure(persons: int) -> dict[str, float]:
    """Return one point; runs in a process of its own."""
    torch.set_num_threads(1)  # threads of small matrices only wait for one another
    task = ARCHITECTURE.tasks[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = write_inputs(folder / "inputs.npy", persons=persons, width=task.widths[0])
        labels = np.random.default_rng(3).integers(0, task.widths[-1], persons)
        module = BookKeepingModule(build_perceptron(task, ARCHITECTURE.initial_parameters(0)[: task.length]))
        step = PrivateStep(1.0, 5.0, 1.0, expected_batch_size=persons)
        first = time.perf_counter()
        private_pass(module, rows[:1], labels=labels[:1], step=step)  # compiles; once in a process (decision 0198)
        start = time.perf_counter()
        build(folder / "graph", persons=persons)
        graph = load_graph(folder / "graph")
        built = time.perf_counter()
        private_pass(module, rows[: graph.count], labels=labels, step=step)
        passed = time.perf_counter()
    return {
        "persons": persons,
        "compile_seconds": round(start - first, 2),
        "build_seconds": round(built - start, 2),
        "pass_seconds": round(passed - built, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    points = []
    for size in (options.persons // 4, options.persons // 2, options.persons):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            points.append(pool.apply(measure, (size,)))
        if not options.json:
            print(points[-1])
    sizes, seconds = (np.log([point[name] for point in points]) for name in ("persons", "pass_seconds"))
    print(json.dumps({"points": points, "slope": round(float(np.polyfit(sizes, seconds, 1)[0]), 3)}))


if __name__ == "__main__":
    main()
