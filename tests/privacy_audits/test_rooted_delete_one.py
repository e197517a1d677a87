"""Delete every person of many graphs, with the same coins: the sum moves by no more than the accountant allows.

The product's sampler and engine pass without one violation; each build that breaks one premise of
docs/proofs/stage-b.md is caught by the same audit.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from opacus.grad_sample import GradSampleModule
from opacus.validators import ModuleValidator
from torch import nn
from torch_geometric.nn import SAGEConv

from safeborders.models.graph.csr import CuratedGraph
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.clipping import Desk
from safeborders.privacy.dpsgd.delete_one_audit import (
    ClippedSum,
    DeletedPerson,
    DeleteOneAudit,
    KeyedCoins,
    MakeSampler,
    without_person,
)
from safeborders.privacy.dpsgd.rooted_sampling import NOBODY, KeptLinks, NeighbourRule, RootedBatch, RootedSampler
from safeborders.privacy.dpsgd.sampling import CoinSource
from safeborders.privacy.relational import RootedGaussian
from sbtest.rooted_country import LIMITS, RootedCountry, make_country, make_event, make_model, make_rules
from sbtest.wrong_clipping import by_batch, by_layer, unclipped

pytestmark = pytest.mark.audit

CLIP_NORM = 0.4
GRAPHS = [("random", seed) for seed in range(20)] + [("hub", 1), ("star", 1)]


def audit(
    country: RootedCountry,
    *,
    hops: int,
    seed: int,
    engine: ClippedSum | None = None,
    sampler: MakeSampler | None = None,
) -> list[DeletedPerson]:
    model = make_model(hops, seed=seed)

    def product(_graph: CuratedGraph, batch: RootedBatch) -> NDArray[np.int64]:
        return country.clipped(model, batch, clip_norm=CLIP_NORM)

    numbers = DeleteOneAudit(make_rules(hops), make_event(hops, dimension=model.dimension), seed, sampler)
    people = np.arange(country.graph.count)
    return list(numbers.delete_everyone(country.graph, people, clipped_sum=engine or product))


@pytest.mark.parametrize("hops", [1, 2])
def test_no_person_of_any_graph_moves_the_sum_by_more_than_the_accountant_allows(hops: int) -> None:
    found = [
        one for kind, seed in GRAPHS for one in audit(make_country(kind, seed=seed), hops=hops, seed=100 * hops + seed)
    ]
    assert not [one for one in found if one.is_violation]
    attained = max(one.moved / one.allowed for one in found if one.allowed)
    assert attained > 0.98  # the audit looks where it matters
    assert sum(one.allowed == 0 for one in found) > 5  # whom no coin touched moves not one unit
    assert len(found) == 22 * 24


class VacancyRefill:
    """Bounded in-lists with refill (after Daigavane et al., Algorithm 1): a person enters at most ``most`` lists.

    Roots pick in turn whoever still has room: a deleted person's place goes to another, who then has no room for a
    third.
    """

    def __init__(self, graph: CuratedGraph, candidates: NDArray[np.int64], coins: CoinSource) -> None:
        self._graph, self._candidates, self._coins = graph, candidates, coins

    def draw(self) -> RootedBatch:
        people = self._candidates
        roots = people[self._coins.heads(len(people), probability=0.6, identify=lambda: (people, people))]
        first = {}
        for rule in make_rules(1):
            relation, used = self._graph.relations[rule.relation], np.zeros(self._graph.count, dtype=np.int64)
            persons = np.full((len(roots), 2), NOBODY, dtype=np.int64)
            for row, root in enumerate(roots):
                linked = relation.targets[relation.starts[root] : relation.starts[root + 1]]
                chosen = [person for person in linked if used[person] < 1][:2]
                used[chosen] += 1
                persons[row, : len(chosen)] = chosen
            first[rule.relation] = KeptLinks(persons, persons)
        return RootedBatch(roots=roots, first=first)


def violations(found: list[DeletedPerson]) -> int:
    return sum(one.is_violation for one in found)


def test_control_a_sampler_that_refills_vacancies_is_caught() -> None:
    assert (
        sum(violations(audit(make_country("random", seed=s), hops=1, seed=s, sampler=VacancyRefill)) for s in range(3))
        > 3
    )


@pytest.mark.parametrize("wrong", [by_layer, unclipped, by_batch])
def test_control_gradients_that_are_not_clipped_row_by_row_are_caught(
    wrong: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "clip", wrong)
    assert violations(audit(make_country("random", seed=1), hops=1, seed=1)) > 0


@dataclass(frozen=True)
class OneC(RootedGaussian):
    """A changed sample sold as a movement of C."""

    @property
    def seen_weight(self) -> float:
        return 1.0


class SumFirst(nn.Module):
    """Logits of the sum of root and neighbours, so that a neighbour can turn a gradient round."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(5, 3, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, own: torch.Tensor, *lists: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(own + sum(rows.sum(1) for rows in lists[::2]))
        return logits


@pytest.mark.parametrize(("kind", "is_caught"), [(RootedGaussian, False), (OneC, True)])
def test_control_one_c_for_a_changed_sample_is_caught(kind: type[RootedGaussian], is_caught: bool) -> None:
    country = make_country("star", seed=1)
    country.labels[:] = 0
    country.rows[:] = -3.0
    country.rows[0] = 9.0  # in one relation or in both, this neighbour turns everybody's sample round
    model = BookKeepingModule(SumFirst(), block_rows=64).train()
    caught = 0
    for seed in range(6):
        priced = kind(**vars(make_event(1, dimension=model.dimension)))
        found = DeleteOneAudit(make_rules(1), priced, seed).delete_everyone(
            country.graph,
            np.arange(country.graph.count),
            clipped_sum=lambda _graph, batch: country.clipped(model, batch, clip_norm=CLIP_NORM),
        )
        caught += violations(list(found))
    assert (caught > 0) == is_caught


class WholeGraph(nn.Module):
    """Two layers of message passing over a whole graph, as PyG users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = SAGEConv(5, 6), SAGEConv(6, 3)

    def forward(self, rows: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.two(torch.tanh(self.one(rows, edges)), edges)
        return logits


def edge_index(graph: CuratedGraph) -> torch.Tensor:
    relation = graph.relations["phone"]
    sources = np.repeat(np.arange(relation.count), np.diff(relation.starts))
    return torch.from_numpy(np.stack([sources, relation.targets.astype(np.int64)]))


@functools.cache
def whole_graph_model() -> WholeGraph:
    torch.manual_seed(4)
    return WholeGraph()


def whole_graph_rows(country: RootedCountry, graph: CuratedGraph, kept: NDArray[np.int64]) -> torch.Tensor:
    """Return what Opacus' hooks call per-sample gradients of the rows ``kept``."""
    hooked = GradSampleModule(whole_graph_model(), loss_reduction="sum")
    rows, labels = torch.from_numpy(country.rows), torch.from_numpy(country.labels)
    logits = hooked(rows, edge_index(graph))
    nn.functional.cross_entropy(logits[kept], labels[kept], reduction="sum").backward()  # type: ignore[no-untyped-call]  # torch
    found = torch.cat([parameter.grad_sample.flatten(1) for parameter in hooked.parameters()], dim=1)
    hooked.remove_hooks()
    hooked.zero_grad()
    return found


@pytest.mark.filterwarnings("ignore:Full backward hook:UserWarning")  # Opacus hooks inputs that need no gradient
def test_control_whole_graph_message_passing_under_opacus_is_caught() -> None:
    assert not ModuleValidator.validate(whole_graph_model(), strict=False)  # the validator has nothing to say
    country = make_country("hub", seed=3)
    everybody = np.arange(country.graph.count)

    def total(graph: CuratedGraph, kept: NDArray[np.int64]) -> torch.Tensor:
        rows = whole_graph_rows(country, graph, kept)
        clipped: torch.Tensor = (rows * (CLIP_NORM / rows.norm(dim=1, keepdim=True)).clamp(max=1)).sum(0)
        return clipped

    whole = total(country.graph, everybody)
    moved = [
        float((whole - total(without_person(country.graph, int(person)), everybody[everybody != person])).norm())
        for person in everybody
    ]
    assert max(moved) > 2 * CLIP_NORM  # Opacus' accountant prices one C


@pytest.mark.filterwarnings("ignore:Full backward hook:UserWarning")  # Opacus hooks inputs that need no gradient
def test_control_what_opacus_calls_a_sample_is_not_the_gradient_of_its_root() -> None:
    country = make_country("hub", seed=3)
    everybody = np.arange(country.graph.count)
    claimed = whole_graph_rows(country, country.graph, everybody)
    model = whole_graph_model()
    rows, labels = torch.from_numpy(country.rows), torch.from_numpy(country.labels)
    loss = nn.functional.cross_entropy(model(rows, edge_index(country.graph)), labels, reduction="none")
    for root in (0, 5):
        parts = torch.autograd.grad(loss[root], list(model.parameters()), retain_graph=True)
        true = torch.cat([part.flatten() for part in parts])
        assert torch.cosine_similarity(claimed[root], true, dim=0) < 0.99


def kept_pairs(coins: CoinSource | None, *, seed: int) -> set[tuple[int, int]]:
    country = make_country("random", seed=seed, count=60)
    from_product = make_sampler(country.graph, coins)
    batch = from_product.draw()
    return {
        (int(root), int(person))
        for part in batch.first.values()
        for root, row in zip(batch.roots, part.persons, strict=True)
        for person in row
        if person != NOBODY
    }


def make_sampler(graph: CuratedGraph, coins: CoinSource | None) -> RootedSampler:
    rules = tuple(NeighbourRule(name, (0.5,), (limit,)) for name, limit in LIMITS.items())
    return RootedSampler(graph, np.arange(graph.count), rules=rules, sampling_rate=0.5, coins=coins)


def overlap(coins: list[CoinSource | None]) -> float:
    """Return the share of one step's kept links that the next step keeps too; a quarter when steps are independent."""
    steps = [kept_pairs(one, seed=5) for one in coins]
    return float(np.mean([len(a & b) / len(a) for a, b in itertools.pairwise(steps)]))


def test_each_step_tosses_its_own_coins() -> None:
    # 40 steps of about 50 kept links: the mean strays by 0.05 with probability below 1e-6.
    assert abs(overlap([None] * 40) - 0.25) < 0.05


def test_control_coins_that_are_shared_across_steps_are_caught() -> None:
    assert overlap([KeyedCoins(3)] * 40) == 1.0
