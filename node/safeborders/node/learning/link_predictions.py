"""Stage C for links as a whole: a country's records and the released scorer make its own scores, which stay home."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from safeborders.models.gnn.perceptron import logits_of
from safeborders.node.graph.pairs import Pairs, candidate_pairs, contains
from safeborders.node.graph.persons import PersonGraph
from safeborders.node.graph.predictors import adamic_adar
from safeborders.node.graph.records import PERSON, Records
from safeborders.node.graph.ties import pair_codes
from safeborders.node.learning.examples import build_pair_examples
from safeborders.node.learning.hiding import draw_strangers
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.known_links import hide_again, look_at, plain_columns, table_columns
from safeborders.node.learning.linear import linear_part
from safeborders.node.learning.link_scores import LinkProblem, LinkScorers, personalise_links
from safeborders.node.learning.regression import Floats

MODELS = ("local", "federated", "personalised")
_SEED = 20260101
_USUAL = 500
"""Strangers whose middle score stands for all pairs that have nothing in common."""


@dataclass(frozen=True, eq=False, repr=False)
class ScoredPairs(StaysHome):
    """Unlinked pairs with what was looked at and each model's score of them, larger meaning more likely linked."""

    inputs: NDArray[np.float32]
    table: Floats
    scores: Mapping[str, Floats]


@dataclass(frozen=True, eq=False, repr=False)
class FittedLinks(StaysHome):
    """A country's scorers of pairs: what ``predict_links`` serves, and what the benchmark of links measures."""

    graph: PersonGraph
    module: nn.Module
    outcome: LinkScorers

    def score(self, pairs: Pairs) -> ScoredPairs:
        """Score pairs that are not linked."""
        inputs, table = look_at(self.graph, pairs)
        federated = logits_of(self.module, inputs)
        return ScoredPairs(
            inputs=inputs,
            table=table,
            scores={
                "local": self.outcome.local.scores(table, federated=federated),
                "federated": federated[:, 1] - federated[:, 0],
                "personalised": self.outcome.personalised.scores(table, federated=federated),
            },
        )


@dataclass(frozen=True, eq=False, repr=False)
class LinkPredictions(StaysHome):
    """Scores of all pairs that have something in common and are not recorded as linked.

    ``baseline`` is Adamic and Adar's index; ``floor`` holds each model's usual score of a pair with nothing in common;
    ``table`` is what the local stack looked at, ``columns`` its columns, ``prior`` the released network, bias last.
    """

    persons: tuple[str, ...]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    inputs: NDArray[np.float32]
    scores: Mapping[str, Floats]
    table: Floats
    columns: tuple[str, ...]
    prior: Floats
    floor: Mapping[str, float]
    recorded: int
    outcome: LinkScorers


def fit_links(records: Records, persons: PersonGraph, *, module: nn.Module, examples_per_person: int) -> FittedLinks:
    """Learn at home from the recorded links, with the released scorer as prior where that is better."""
    known, trained = hide_again(persons), build_pair_examples(records, persons)
    used = trained.examples.curated(limit=examples_per_person)
    problem = LinkProblem(
        table=known.table,
        plain=plain_columns(persons),
        labels=known.labels,
        codes=known.codes,
        turns=known.turns,
        judged=~np.isin(known.codes, pair_codes(trained.first, trained.second, count=persons.count)[used]),
    )
    return FittedLinks(persons, module, personalise_links(problem, logits_of(module, known.inputs)))


def predict_links(
    records: Records, persons: PersonGraph, *, module: nn.Module, examples_per_person: int
) -> LinkPredictions:
    """Score every unlinked pair that has something in common with the local, the federated and the chosen model."""
    fitted = fit_links(records, persons, module=module, examples_per_person=examples_per_person)
    first, second = candidate_pairs(persons)
    free = ~contains(persons.ties.network.table, (first, second))
    pairs = (first[free], second[free])
    scored, floor = fitted.score(pairs), _floor(fitted, pairs)
    return LinkPredictions(
        persons=records.ids.get(PERSON, ()),
        first=pairs[0],
        second=pairs[1],
        inputs=scored.inputs,
        scores={**scored.scores, "baseline": adamic_adar(persons, pairs)},
        table=scored.table,
        columns=table_columns(persons),
        prior=linear_part(module, width=scored.inputs.shape[1]),
        floor={**floor, "baseline": 0.0},
        recorded=len(np.unique(persons.ties.codes)),
        outcome=fitted.outcome,
    )


def _floor(fitted: FittedLinks, candidates: Pairs) -> dict[str, float]:
    graph = fitted.graph
    known = np.union1d(graph.ties.codes, pair_codes(*candidates, count=graph.count))
    strangers = draw_strangers(known, graph.count, generator=np.random.default_rng(_SEED))[:_USUAL]
    scores = fitted.score((strangers[:, 0], strangers[:, 1])).scores
    return {model: float(np.median(scores[model])) if len(strangers) else 0.0 for model in MODELS}
