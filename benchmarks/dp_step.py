"""What privacy costs per step: ours, Opacus' ghost clipping and no privacy at all, interleaved in one run.

The setting is privacy.md 6.1: dense GraphSAGE over two hops, 1,024 roots, 5 neighbours, 128 inputs, 64 hidden units.
Each step is forward, backward, clipping, integer noise and the optimizer; the inputs are gathered beforehand. The
sampler is timed by itself: one hop, at most 16 curated links, each kept with probability 1/4.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import opacus
import torch
from torch import nn

from benchmarks.rooted_models import TwoHopSage
from safeborders.models.graph.csr import CuratedGraph, build_relation
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.private_training import PrivateLoss, PrivateOptimizer, PrivateStep
from safeborders.privacy.dpsgd.rooted_sampling import NeighbourRule, RootedSampler

ROOTS, NEIGHBOURS, INPUTS, HIDDEN, CLASSES = 1024, 5, 128, 64, 8
NOISE = 5.0
PERSONS, LINKS = 200_000, 16

Step = Callable[[], None]


def make_model() -> TwoHopSage:
    """Return the model with the same start for all three."""
    torch.manual_seed(0)
    return TwoHopSage(INPUTS, hidden=HIDDEN, classes=CLASSES)


def make_steps() -> dict[str, Step]:
    """Return one step of each kind on the same batch."""
    torch.manual_seed(1)
    nodes = torch.randn(ROOTS, 1 + NEIGHBOURS, INPUTS)
    beyond = torch.randn(ROOTS, 1 + NEIGHBOURS, NEIGHBOURS, INPUTS)
    labels = torch.randint(0, CLASSES, (ROOTS,))

    plain = make_model()
    plain_optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)

    def nonprivate() -> None:
        plain_optimizer.zero_grad()
        nn.functional.cross_entropy(plain(nodes, beyond), labels).backward()  # type: ignore[no-untyped-call]  # torch
        plain_optimizer.step()

    inner = make_model()
    private = BookKeepingModule(inner).train()
    numbers = PrivateStep(0.5, NOISE, 1.0, expected_batch_size=ROOTS, positions=1 + NEIGHBOURS)
    stepper = PrivateOptimizer(torch.optim.SGD(inner.parameters(), lr=0.1), module=private, step=numbers)
    loss_of = PrivateLoss(nn.CrossEntropyLoss())

    def ours() -> None:
        stepper.zero_grad()
        loss_of(private(nodes, beyond), labels).backward()
        stepper.step()

    return {"nonprivate": nonprivate, "ours": ours, "ghost": make_ghost(nodes, beyond, labels)}


def make_ghost(nodes: torch.Tensor, beyond: torch.Tensor, labels: torch.Tensor) -> Step:
    """Return one step of Opacus' ghost clipping."""
    model = make_model()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(nodes, beyond, labels), batch_size=ROOTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module, optimizer, criterion, _ = opacus.PrivacyEngine().make_private(
            module=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            criterion=nn.CrossEntropyLoss(),
            data_loader=loader,
            noise_multiplier=NOISE,
            max_grad_norm=1.0,
            grad_sample_mode="ghost",
            poisson_sampling=False,
        )

    def ghost() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Opacus hooks inputs that need no gradient
            optimizer.zero_grad()
            criterion(module(nodes, beyond), labels).backward()
            optimizer.step()

    return ghost


def measure(steps: dict[str, Step], *, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each kind, round by round, in turn, so that all meet the same neighbours' load."""
    for step in steps.values():
        for _ in range(3):
            step()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def roots_per_second(*, repeats: int) -> float:
    """Return the sampler's pace, root coins and random order included."""
    generator = np.random.default_rng(0)
    pairs = np.unique(np.sort(generator.integers(0, PERSONS, (PERSONS * 10, 2)), axis=1), axis=0)
    relation = build_relation(
        pairs,
        np.zeros((len(pairs), 2), dtype=np.float32),
        count=PERSONS,
        limit=LINKS,
        ranks=generator.integers(0, 2**63, len(pairs)).astype(np.uint64),
    )
    rules = [NeighbourRule("link", (0.25,), (8,))]
    sampler = RootedSampler(CuratedGraph({"link": relation}), np.arange(PERSONS), rules=rules, sampling_rate=0.1)
    paces: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        batch = sampler.draw()
        paces.append(len(batch.roots) / (time.perf_counter() - start))
    return statistics.median(paces)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    seconds = measure(make_steps(), repeats=options.repeats)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = {
        name: statistics.median(ours / other for ours, other in zip(seconds["ours"], seconds[name], strict=True))
        for name in ("nonprivate", "ghost")
    }
    if not options.json:
        print({name: f"{1e3 * value:.2f} ms" for name, value in median.items()})
    result = {
        "dp_over_nonprivate": round(ratios["nonprivate"], 3),
        "dp_over_ghost": round(ratios["ghost"], 3),
        "roots_per_second": round(roots_per_second(repeats=15)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
