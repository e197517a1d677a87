"""Leads for people: which links may be missing, and why; with what speaks against, so that nobody follows blindly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.learning.case_reasons import case_reasons
from safeborders.node.learning.known_links import INPUTS
from safeborders.node.learning.link_predictions import LinkPredictions
from safeborders.node.learning.link_words import FACTORS, HOME_WORDS, WORDS, factor_of
from safeborders.node.learning.outcomes import CaseTypeHypothesis, Reason, SuggestedLink
from safeborders.node.learning.predictions import CasePredictions
from safeborders.node.learning.regression import Floats

SUGGESTIONS_PER_LINK = 0.5
"""Suggestions per recorded link; a list that nobody can read helps nobody."""
REASONS_FOR = 3
REASONS_AGAINST = 1
_NEGLIGIBLE = 0.01  # of the log-odds


def reasons_of(shares: Floats, present: NDArray[np.bool_]) -> tuple[Reason, ...]:
    """Put one pair's shares in words: what speaks most for the link, then what most against.

    Args:
        shares: Share of each of ``FACTORS`` in the pair's score.
        present: Whether the pair has it.
    """
    order = np.argsort(-shares, kind="stable")
    chosen = [index for index in order[:REASONS_FOR] if shares[index] > _NEGLIGIBLE]
    chosen += [index for index in order[-REASONS_AGAINST:] if shares[index] < -_NEGLIGIBLE]
    words = WORDS | HOME_WORDS
    return tuple(
        Reason(text=words[FACTORS[index]][0 if present[index] else 1], weight=round(float(shares[index]), 3))
        for index in chosen
    )


def link_shares(links: LinkPredictions, rows: NDArray[np.int64]) -> Floats:
    """Return how far each of ``FACTORS`` moves the scores of some pairs from the usual, :math:`(len(rows), factors)`.

    The regressions' part is measured from the mean candidate pair, the trees' from before they ask anything. The shares
    of a pair add up to its score less ``usual_score``.
    """
    scorer = links.outcome.personalised
    prior = links.prior[:-1, 1] - links.prior[:-1, 0]
    inputs = _centred(links.inputs.astype(np.float64))[rows] * prior * scorer.trust
    columns = _centred(links.table)[rows] * scorer.slopes
    for forest in scorer.trees:
        columns = columns + scorer.weight * forest.shares(links.table[rows])
    return np.asarray(inputs @ _of_factors(INPUTS) + columns @ _of_factors(links.columns))


def usual_score(links: LinkPredictions) -> float:
    """Return the score that shares are measured from."""
    scorer = links.outcome.personalised
    inputs = links.inputs.astype(np.float64).mean(axis=0) @ (links.prior[:-1, 1] - links.prior[:-1, 0])
    odds = scorer.trust * (inputs + links.prior[-1, 1] - links.prior[-1, 0])
    odds += links.table.mean(axis=0) @ scorer.slopes + scorer.level
    return float(odds + sum(scorer.weight * forest.usual for forest in scorer.trees))


def link_suggestions(links: LinkPredictions) -> tuple[SuggestedLink, ...]:
    """Return the best-scored missing links with their reasons, best first; about half as many as are recorded."""
    scores = links.scores["personalised"]
    best = np.argsort(-scores, kind="stable")[: int(SUGGESTIONS_PER_LINK * links.recorded) + 1]
    if not len(best):
        return ()
    shares, present = link_shares(links, best), _present(links, best)
    names = links.persons
    return tuple(
        SuggestedLink(
            first_id=min(names[links.first[index]], names[links.second[index]]),
            second_id=max(names[links.first[index]], names[links.second[index]]),
            score=round(float(expit(scores[index])), 4),
            reasons=reasons_of(shares[place], present[place]),
        )
        for place, index in enumerate(best)
    )


def case_hypotheses(cases: CasePredictions) -> tuple[CaseTypeHypothesis, ...]:
    """Return the likely types of every case that no human has labelled, and why the likeliest is before the next."""
    shares = softmax(cases.outcome.personalised, axis=1)
    return tuple(
        CaseTypeHypothesis(
            case_id=cases.ids[index],
            probabilities={name: round(float(share), 4) for name, share in zip(CASE_TYPES, shares[index], strict=True)},
            reasons=case_reasons(
                cases.problem, cases.outcome, case=int(index), types=_likeliest(shares[index]), prior=cases.prior
            ),
        )
        for index in np.flatnonzero(cases.labels < 0)
    )


def _of_factors(columns: Sequence[str]) -> Floats:
    """Return which factor each column speaks of, as a 0/1 table of columns by factors."""
    return np.array([[factor == factor_of(column) for factor in FACTORS] for column in columns], dtype=np.float64)


def _likeliest(shares: Floats) -> tuple[int, int]:
    first, second = np.argsort(-shares, kind="stable")[:2]
    return int(first), int(second)


def _centred(table: Floats) -> Floats:
    return table - table.mean(axis=0) if len(table) else table


def _present(links: LinkPredictions, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which factors each pair has: what is shared when it is there, the others when there is more than usual."""
    more = np.zeros((len(rows), len(FACTORS)))
    for name, column in zip(links.columns, _centred(links.table).T, strict=True):
        factor = factor_of(name)
        if factor in HOME_WORDS:
            more[:, FACTORS.index(factor)] += column[rows] / max(float(column.std()), _NEGLIGIBLE)
    present = more > 0
    for place, name in enumerate(INPUTS):
        if name in WORDS:
            present[:, FACTORS.index(name)] = links.inputs[rows, place] > 0
    return present
